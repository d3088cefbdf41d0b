"""Where arguments of an HTTP tool go, and that those which cannot be sent are refused before anything is."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.tools.service import Replica, python, refusal
from tests.tools.upstream import Upstream, upstream

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer() -> AsyncIterator[Upstream]:
    async with upstream() as running:
        yield running


async def registered(replica: Replica, peer: Upstream, path: str, **source: Any) -> None:
    await replica.update(name="under/test", http={"url": peer.url(path), **source})


async def run(replica: Replica, peer: Upstream, path: str, arguments: dict[str, Any], **source: Any) -> Any:
    """Registers a tool for a path of the peer and runs it once."""
    await registered(replica, peer, path, **source)
    return await replica.invoke("under/test", arguments)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_arguments_become_the_query_where_there_is_no_body(shared: Replica, peer: Upstream, method: str) -> None:
    arguments = {"q": "a b&c=d", "n": 2, "f": True, "l": [1, "x y", None], "e": [], "o": {"a": 1}, "z": None, "ü": ""}
    await run(shared, peer, "/x?fixed=1", arguments, method=method)
    asked = peer.requests[-1]
    assert sorted(asked.query.items()) == [
        ("f", "true"),
        ("fixed", "1"),
        ("l", "1"),
        ("l", "x y"),
        ("n", "2"),
        ("o", '{"a":1}'),
        ("q", "a b&c=d"),
        ("ü", ""),
    ]
    assert peer.bodies[-1] == b""


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        ({"q": "a&b", "page": 2}, "q=a%26b&page=2"),
        ({"q": "a&b", "page": None}, "q=a%26b"),
        ({"q": ["a", None, "b"], "page": ""}, "q=a&q=b&page="),
        ({"q": [], "page": None}, ""),
        ({"q": "..", "page": "/"}, "q=..&page=%2F"),
    ],
)
async def test_null_is_left_out_of_a_query_and_a_list_is_a_pair_for_each_item(
    shared: Replica, peer: Upstream, arguments: dict[str, Any], query: str
) -> None:
    made = await run(shared, peer, "/x?q={q}&page={page}", arguments)
    assert made.status == "success", made.error
    assert (peer.requests[-1].raw_path, orjson.loads(peer.bodies[-1])) == (f"/x?{query}" if query else "/x", {})


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("Paris", "/cities/Paris/weather"),
        ("a/b", "/cities/a%2Fb/weather"),
        ("a%2Fb", "/cities/a%252Fb/weather"),
        ("a?b#c d", "/cities/a%3Fb%23c%20d/weather"),
        ("50%", "/cities/50%25/weather"),
        ("...", "/cities/.../weather"),
        (".hidden", "/cities/.hidden/weather"),
        ("a;b", "/cities/a%3Bb/weather"),
        ("köln", "/cities/k%C3%B6ln/weather"),
        (7, "/cities/7/weather"),
        (False, "/cities/false/weather"),
    ],
)
async def test_a_placeholder_is_filled_and_can_never_leave_its_place(
    shared: Replica, peer: Upstream, value: object, path: str
) -> None:
    made = await run(shared, peer, "/cities/{city}/weather", {"city": value, "days": 3})
    assert made.status == "success", made.error
    assert python(made.result)["path"] == path
    assert orjson.loads(peer.bodies[-1]) == {"days": 3}, "what filled the URL is not sent a second time"


@pytest.mark.parametrize("place", ["/users/{id}", "/users/{id}/keys", "/users/{id}?x={id}", "/{id}"])
@pytest.mark.parametrize(
    "value",
    [
        "", " ", "\N{NO-BREAK SPACE}", None, ".", "..", "/", "//", "a//b", "/a", "a/", "../admin", "a/../b", "a/..", "./a",
        "%2F", "%2f", "%252F", "%25252F", "%2e%2e", "%2E", "..%2Fadmin", "a%2F..", "\\", "..\\admin", "%5C",
        "..;", ";x", "a/..;x/b", "\uff0e\uff0e", "\uff0f", "\u2025",
        "a\0b", "a\r\nX-Evil: 1", "a\tb", "a\x7f", "a\x85", "%00", "a%0d%0ab",
    ],
)  # fmt: skip
async def test_what_would_make_another_place_of_a_path_is_refused_before_anything_is_sent(
    shared: Replica, peer: Upstream, place: str, value: object
) -> None:
    before = len(peer.requests)
    refused = await refusal(run(shared, peer, place, {"id": value}, method="DELETE"))
    assert (refused.code.name, refused.reason, refused.fields) == ("INVALID_ARGUMENT", "ARGUMENTS_INVALID", ["/id"])
    assert len(peer.requests) == before
    recorded = await shared.get(refused.metadata["invocation_id"])
    assert (recorded.status, recorded.error_reason) == ("failed", "ARGUMENTS_INVALID")


async def test_placeholders_side_by_side_cannot_climb_together(shared: Replica, peer: Upstream) -> None:
    await registered(shared, peer, "/base/{a}{b}/{name}.json")
    before = len(peer.requests)
    for arguments in (
        {"a": ".", "b": ".", "name": "x"},
        {"a": "%", "b": "2F", "name": "x"},
        {"a": "", "b": "x", "name": "x"},
        {"a": "x", "b": "y", "name": "../z"},
        {"a": "x", "b": "y", "name": ""},
    ):
        assert (await refusal(shared.invoke("under/test", arguments))).reason == "ARGUMENTS_INVALID"
    assert len(peer.requests) == before
    made = await shared.invoke("under/test", {"a": ".", "b": "x", "name": "."})
    assert python(made.result)["path"] == "/base/.x/..json"


@pytest.mark.parametrize("path", ["/cities/{city}", "/cities?of={city}", "/cities/{größe}/{city}"])
async def test_an_argument_that_the_url_needs_is_missed_by_name(shared: Replica, peer: Upstream, path: str) -> None:
    before = len(peer.requests)
    refused = await refusal(run(shared, peer, path, {"town": "x", "größe": 1}))
    assert (refused.reason, refused.fields, len(peer.requests)) == ("ARGUMENTS_INVALID", ["/city"], before)


@pytest.mark.parametrize("name", ["größe", "a b", "user.id", "$x", "a~b", "日本"])
async def test_a_placeholder_may_have_any_name(shared: Replica, peer: Upstream, name: str) -> None:
    made = await run(shared, peer, "/maße/{" + name + "}", {name: "x"})
    assert made.status == "success", made.error
    assert python(made.result)["path"] == "/ma%C3%9Fe/x"


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/x/{a", "brace"),
        ("/x/a}", "brace"),
        ("/x/{}", "brace"),
        ("/x/{{a}}", "brace"),
        ("/x/{a/b}", "brace"),
        ("/x/{a?}", "brace"),
        ("/x?y={a&b}", "brace"),
        ("/x#{a}", "fragment"),
        ("/x/\x01", "control"),
        ("/x/{b}", "'b'"),
        ("/x/{a}?c={C}", "'C'"),
    ],
)
async def test_a_url_that_nothing_could_fill_is_refused_at_registration(
    shared: Replica, peer: Upstream, path: str, part: str
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    refused = await refusal(shared.create(name="unfillable", http={"url": peer.url(path)}, input_schema=schema))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ["tool.http.url"])
    assert part in refused.message


@pytest.mark.parametrize(
    "schema", [None, {}, {"type": "object"}, {"properties": {"a": {}}, "patternProperties": {"^b": {}}}]
)
async def test_a_schema_that_leaves_names_open_may_fill_any_placeholder(
    shared: Replica, peer: Upstream, schema: dict[str, Any] | None
) -> None:
    fields = {} if schema is None else {"input_schema": schema}
    await shared.update(name="open", http={"url": peer.url("/x/{b}")}, **fields)
    assert (await shared.invoke("open", {"b": "y"})).status == "success"
