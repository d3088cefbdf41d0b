"""What a tool gave is told as it was: a tool that ran is a success, and nothing of its answer is altered."""

import base64
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from servicekit.json_values import exact_fraction
from services.tools.catalogue.answers import read
from tests.tools.grpc_upstream import Peer, peer
from tests.tools.service import Replica, invoke_request, python
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
DEEP = "[" * 2000 + "]" * 2000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


def in_base64(body: bytes, content_type: str, **more: str) -> dict[str, str]:
    return {"base64": base64.b64encode(body).decode(), "content_type": content_type, **more}


async def answered(
    replica: Replica, server: Upstream, body: bytes, content_type: str | None = None, **source: Any
) -> Any:
    """The invocation of a tool whose server answers exactly this; also as it is on record."""
    server.status, server.body = source.pop("status", 200), body
    # An empty type, because aiohttp would call what has none an octet stream.
    server.headers = {"Content-Type": content_type or ""}
    if "encoding" in source:
        server.headers["Content-Encoding"] = source.pop("encoding")
    tool = {key: source.pop(key) for key in ("output_schema",) if key in source}
    await replica.update(name="answers", http={"url": server.url("/exactly"), **source}, **tool)
    made = await replica.invoke("answers")
    assert await replica.get(made.id) == made
    return made


@pytest.mark.parametrize(
    ("body", "content_type", "result"),
    [
        (b"", "application/json", None),
        (b"", "image/png", None),
        (b"", None, None),
        (b"", "text/plain", ""),
        ("gr\u00fc\u00df".encode("latin-1"), "text/plain; charset=ISO-8859-1", "gr\u00fc\u00df"),
        ("gr\u00fc\u00df".encode("latin-1"), 'text/plain; charset="iso-8859-1"', "gr\u00fc\u00df"),
        ("\u65e5\u672c".encode("shift_jis"), "text/html;charset=Shift_JIS", "\u65e5\u672c"),
        ("\u20ac".encode("utf-16"), "text/csv; charset=utf-16", "\u20ac"),
        ("a\u2028b\u0000\r\n".encode(), "text/plain", "a\u2028b\0\r\n"),
        ("gr\u00fc\u00df".encode(), None, "gr\u00fc\u00df"),
        (b"<a/>", "application/atom+xml", "<a/>"),
        (b"a: 1", "application/yaml", "a: 1"),
        (b"x", "application/x-thing; charset=utf-8", "x"),
        ('"gr\u00fc\u00df"'.encode("latin-1"), "application/json; charset=iso-8859-1", "gr\u00fc\u00df"),
        ("\ufeff[1]".encode(), "application/json", [1]),
        ("[1]".encode("utf-16"), "application/json", [1]),
        (b'{"a":1}\n\n{"a":2}\r\n', "application/x-ndjson", [{"a": 1}, {"a": 2}]),
        (b'"a\xe2\x80\xa8b"\n2', "application/jsonl", ["a\u2028b", 2]),
        (b'\x1e{"a":1}\n\x1e2\n', "application/json-seq", [{"a": 1}, 2]),
        (PNG, "image/png", in_base64(PNG, "image/png")),
        (b"%PDF", "application/pdf", in_base64(b"%PDF", "application/pdf")),
        (b"plain", "application/octet-stream", in_base64(b"plain", "application/octet-stream")),
        (PNG, "video/mp4; codecs=avc1", in_base64(PNG, "video/mp4; codecs=avc1")),
        (b'{"id":1234567890123456789,"n":9007199254740993}', "text/json",
         {"id": "1234567890123456789", "n": "9007199254740993"}),
        (b"[1e400, -1e400, 1e-400, 0.1, 1234567890123456789.5, 0.10000000000000001]", "application/json",
         ["1e400", "-1e400", "1e-400", 0.1, "1234567890123456789.5", 0.1]),
    ],
)  # fmt: skip
async def test_an_answer_is_the_result_to_the_last_character(
    shared: Replica, server: Upstream, body: bytes, content_type: str | None, result: object
) -> None:
    made = await answered(shared, server, body, content_type)
    assert (made.status, made.error_reason, made.error) == ("success", "", "")
    assert python(made.result) == result


@pytest.mark.parametrize(
    ("body", "content_type", "result", "reason"),
    [
        (b"done", "application/json", "done", "OUTPUT_NOT_JSON"),
        (b"<html>", "application/problem+json", "<html>", "OUTPUT_NOT_JSON"),
        (b'{"a":1,"a":2}', "application/json", '{"a":1,"a":2}', "OUTPUT_NOT_JSON"),
        (b'{"a":NaN}', "application/json", '{"a":NaN}', "OUTPUT_NOT_JSON"),
        (b'"\\ud800"', "application/json", '"\\ud800"', "OUTPUT_NOT_JSON"),
        (b'{"a":1}\nrubbish\n', "application/x-ndjson", '{"a":1}\nrubbish\n', "OUTPUT_NOT_JSON"),
        (b'{"a":1}\n{"a":2}\n', "application/json", '{"a":1}\n{"a":2}\n', "OUTPUT_NOT_JSON"),
        (b"9" * 5000, "application/json", "9" * 5000, "OUTPUT_NOT_JSON"),
        (DEEP.encode(), "application/json", DEEP, "OUTPUT_NOT_JSON"),
        (b"\xff\xfe!", "text/plain", in_base64(b"\xff\xfe!", "text/plain"), "OUTPUT_NOT_TEXT"),
        (b"\xff\xff", "application/json", in_base64(b"\xff\xff", "application/json"), "OUTPUT_NOT_TEXT"),
        (b"\xff", None, in_base64(b"\xff", "application/octet-stream"), "OUTPUT_NOT_TEXT"),
        (b"x", "text/plain; charset=klingon", in_base64(b"x", "text/plain; charset=klingon"), "OUTPUT_NOT_TEXT"),
        (b"x", "text/plain; charset=idna", in_base64(b"x", "text/plain; charset=idna"), "OUTPUT_NOT_TEXT"),
        (b"x" * 100_001, "text/plain", None, "OUTPUT_TOO_LARGE"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_what_it_says_is_a_success_and_told_in_full(
    shared: Replica, server: Upstream, body: bytes, content_type: str | None, result: object, reason: str
) -> None:
    made = await answered(shared, server, body, content_type, output_schema={"type": "integer"})
    assert (made.status, made.error_reason) == ("success", reason), made.error
    assert made.error.startswith("The tool ran. ")
    assert python(made.result) == result


@pytest.mark.parametrize(("status", "method"), [(204, "DELETE"), (205, "POST"), (200, "HEAD"), (204, "GET")])
async def test_no_content_is_null_and_what_a_schema_forbids_is_told_and_no_failure(
    shared: Replica, server: Upstream, status: int, method: str
) -> None:
    made = await answered(shared, server, b"", "text/plain", status=status, method=method)
    assert (made.status, python(made.result), made.error) == ("success", None, "")
    made = await answered(
        shared, server, b"", "text/plain", status=status, method=method, output_schema={"type": "object"}
    )
    assert (made.status, python(made.result), made.error_reason) == ("success", None, "OUTPUT_INVALID")


async def test_what_the_schema_forbids_is_there_all_the_same(shared: Replica, server: Upstream) -> None:
    schema = {"type": "object", "required": ["b"]}
    made = await answered(shared, server, b'{"a":1}', "application/json", output_schema=schema)
    assert (made.status, made.error_reason, python(made.result)) == ("success", "OUTPUT_INVALID", {"a": 1})
    assert "forbids" in made.error


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b'{"a"', mtime=0) + gzip.compress(b": 1}", mtime=0), "gzip"),
        (gzip.compress(b'{"a": 1}', mtime=0), "X-GZip"),
        (zlib.compress(b'{"a": 1}'), "deflate"),
        (zlib.compress(b'{"a": 1}')[2:-4], "deflate"),
        (b'{"a": 1}', "identity"),
    ],
)
async def test_what_compressed_an_answer_is_undone(
    shared: Replica, server: Upstream, body: bytes, encoding: str
) -> None:
    made = await answered(shared, server, body, "application/json", encoding=encoding)
    assert (made.status, made.error, python(made.result)) == ("success", "", {"a": 1})


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"this is no gzip", "gzip", "OUTPUT_BROKEN"),
        (gzip.compress(b'{"a": 1}' * 500, mtime=0)[:-9], "gzip", "OUTPUT_BROKEN"),
        (b"\x01\x02", "deflate", "OUTPUT_BROKEN"),
        (b"squeezed", "br", ""),
        (b"squeezed", "zstd", ""),
        (b"squeezed", "gzip, gzip", ""),
    ],
)
async def test_what_cannot_be_decompressed_is_no_failure_and_not_lost(
    shared: Replica, server: Upstream, body: bytes, encoding: str, reason: str
) -> None:
    made = await answered(shared, server, body, "application/json", encoding=encoding)
    assert (made.status, made.error_reason) == ("success", reason), made.error
    assert python(made.result) == in_base64(body, "application/json", content_encoding=encoding)


@pytest.mark.parametrize(
    ("body", "content_type", "part"),
    [
        ("\u00fc".encode("latin-1"), "text/plain; charset=latin-1", "answered 500: \u00fc"),
        (b"\xffA", "image/png", "answered 500: \\xffA"),
        (b"", "image/png", "answered 500"),
    ],
)
async def test_an_error_is_told_in_its_own_charset(
    shared: Replica, server: Upstream, body: bytes, content_type: str, part: str
) -> None:
    made = await answered(shared, server, body, content_type, status=500)
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert made.error.endswith(part)


@pytest.mark.parametrize(("path", "part"), [("/cut", "did not come whole"), ("/stalled", "did not end within 1 s")])
async def test_a_success_whose_answer_breaks_off_is_a_success(
    shared: Replica, server: Upstream, path: str, part: str
) -> None:
    await shared.update(name="breaks", http={"url": server.url(path)}, timeout_seconds=1)
    before = len(server.requests)
    made = await shared.invoke("breaks")
    assert (made.status, made.error_reason, python(made.result)) == ("success", "OUTPUT_BROKEN", None)
    assert part in made.error
    assert len(server.requests) == before + 1


async def test_a_bomb_is_too_large_and_no_failure(shared: Replica, server: Upstream) -> None:
    await shared.update(name="bomb", http={"url": server.url("/bomb")})
    made = await shared.invoke("bomb")
    assert (made.status, made.error_reason) == ("success", "OUTPUT_TOO_LARGE")


async def test_the_original_form_has_the_result_and_no_error(shared: Replica, server: Upstream) -> None:
    await answered(shared, server, b"done", "application/json", output_schema={"type": "object"})
    answer = await shared.stub.CallTool(invoke_request("answers"))
    assert (python(answer.result), python(answer.error)) == ("done", None)


async def test_receipts_cover_what_is_said_of_a_result(shared: Replica, server: Upstream) -> None:
    await answered(shared, server, b"done", "application/json")
    assert (await shared.verify()).valid


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grpc_server(shared: Replica) -> AsyncIterator[Peer]:
    async with peer() as running:
        for method in ("Large", "Unreadable", "Deep"):
            await shared.create(
                name=f"told/{method}", grpc={"target": running.target, "method": f"peer.v1.Peer/{method}"}
            )
        yield running


@pytest.mark.parametrize(
    ("method", "arguments", "reason"),
    [
        ("Large", {"unsigned": 200_000}, "OUTPUT_TOO_LARGE"),
        ("Unreadable", {}, "OUTPUT_NOT_JSON"),
        ("Deep", {}, "OUTPUT_NOT_JSON"),
    ],
)
async def test_a_grpc_server_that_answered_ok_has_done_it(
    shared: Replica, grpc_server: Peer, method: str, arguments: dict[str, Any], reason: str
) -> None:
    made = await shared.invoke(f"told/{method}", arguments)
    assert (made.status, made.error_reason) == ("success", reason), made.error
    if reason == "OUTPUT_NOT_JSON":
        assert base64.b64decode(python(made.result)["base64"]) == grpc_server.answered


async def test_fractions_are_the_doubles_that_they_mean_or_keep_their_digits() -> None:
    kept = [
        "1e400",
        "-1e999999999",
        "1e-999999999",
        "1e-400",
        "123456789012345678.5",
        "0.1234567890123456789",
        "0.30000000000000001665",
    ]
    exact = [
        "0.1",
        "0.30000000000000004",
        "1e22",
        "1.0",
        "-0.0",
        "0.1000000000000000055511151231257827021181583404541015625",
    ]
    assert [text for text in kept if exact_fraction(text) != text] == []
    assert [text for text in exact if exact_fraction(text) != float(text)] == []


async def test_a_header_that_is_no_content_type_is_one_of_bytes_at_most() -> None:
    for header in ("/", ";;", "text", "\udcff/x", "a" * 300, 'text/plain; charset="', "text/plain; charset*=utf-8''a"):
        assert read(b"\xff", header).result["base64"] == "/w=="
