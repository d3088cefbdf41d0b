"""Bodies as programs send them: packed with gzip, in chunks, over HTTP/1.0 and HTTP/2, with and without a type."""

import gzip
import json
import socket
import subprocess
import zlib

import httpx
import pytest

from tests.edge.test_local_replies import reason

PATH = "/v1/tools/echo:invoke"
BODY = json.dumps({"input": {"message": "hé 🙂"}}).encode()
JSON = {"Content-Type": "application/json"}


def whole(edge, request):
    """Sends bytes, and returns the answer up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", edge.port), timeout=60) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode().lower()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_packed_body_is_read(http, encoding, in_chunks):
    packed = gzip.compress(BODY, mtime=0)
    content = iter([packed[:9], packed[9:]]) if in_chunks else packed
    answer = http.post(PATH, content=content, headers={**JSON, "Content-Encoding": encoding})
    assert answer.status_code == 200, answer.text
    assert answer.json()["input_params"] == {"message": "hé 🙂"}


def test_a_body_that_says_it_is_not_packed_is_read(http):
    assert http.post(PATH, content=BODY, headers={**JSON, "Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "gzip, br"])
def test_other_packings_are_415_and_the_reason_says_so(http, encoding):
    answer = http.post(PATH, content=zlib.compress(BODY), headers={**JSON, "Content-Encoding": encoding})
    assert answer.status_code == 415
    assert reason(answer) == ("edge.qmcp", "CONTENT_ENCODING_UNSUPPORTED")


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(BODY, mtime=0)[:-1],
        gzip.compress(BODY, mtime=0)[:12],
        gzip.compress(BODY, mtime=0) + b"more",
        gzip.compress(BODY, mtime=0)[:-8] + bytes(8),
        b"\x1f\x8b",
        BODY,
    ],
    ids=["cut at the end", "cut", "followed", "of another content", "begun", "not packed"],
)
def test_what_is_no_whole_gzip_is_refused_and_never_read_as_less(http, packed):
    answer = http.post(PATH, content=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 400
    assert "gzip" in answer.json()["message"]


def test_a_body_that_grows_past_the_limit_is_refused_before_it_has_grown(http):
    packed = gzip.compress(b" " * 200_000_000)
    answer = http.post(PATH, content=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code in (400, 413)
    assert "larger" in answer.json()["message"]


@pytest.mark.parametrize("path", [PATH, "/v1/tools/echo", "/v1/human/requests"])
def test_a_body_without_a_type_is_415_whether_or_not_it_says_its_length(stack, path):
    # A page may send one, to whatever site it likes.
    for content, why in ((iter([b"{}"]), "INVALID_REQUEST"), (b"{}", "CONTENT_TYPE_UNSUPPORTED")):
        answer = httpx.post(stack.edge_url + path, content=content, timeout=60)
        assert answer.status_code == 415
        assert reason(answer)[1] == why
        assert "application/json" in answer.json()["message"]


def test_over_http_2_a_body_of_no_length_and_no_type_is_415_too(stack):
    line = ["curl", "-sS", "--http2-prior-knowledge", "-X", "POST", "-T", "-", "-w", "%{http_code}"]
    line += ["-H", "Content-Type:", "-H", "Content-Length:"]
    sent = subprocess.run([*line, stack.edge_url + "/v1/tools/echo"], input=BODY, capture_output=True, check=True)
    assert sent.stdout.endswith(b"415"), sent.stdout


def test_over_http_2_no_body_at_all_is_an_empty_message(edge):
    line = ["curl", "-sS", "--http2-prior-knowledge", "-X", "POST", "-w", "%{http_code}", edge.url + PATH]
    assert subprocess.run(line, capture_output=True, check=True).stdout.endswith(b"200")


def test_a_byte_order_mark_is_taken_in_every_form(http):
    marked = b"\xef\xbb\xbf" + BODY
    assert http.post(PATH, content=marked, headers=JSON).status_code == 200
    packed = {**JSON, "Content-Encoding": "gzip"}
    assert http.post(PATH, content=gzip.compress(marked), headers=packed).status_code == 200


@pytest.mark.parametrize("host", ["Host: 127.0.0.1\r\n", ""], ids=["as nginx", "without a host"])
def test_http_1_0_is_answered_and_its_connection_ends(edge, host):
    asked = f"GET /v1/tools HTTP/1.0\r\n{host}Connection: close\r\n\r\n".encode()
    answer = whole(edge, asked)
    assert answer.startswith(("http/1.0 200", "http/1.1 200"))
    assert "transfer-encoding" not in answer
    assert '"echo"' in answer


def test_http_1_0_may_post_and_be_refused(edge):
    begun = f"POST {PATH} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    taken = whole(edge, f"{begun}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
    assert " 200 ok" in taken.split("\r\n")[0]
    refused = whole(edge, f"{begun}Content-Length: 1\r\n\r\n{{".encode())
    assert " 400 " in refused.split("\r\n")[0]


def test_http_1_0_is_sent_a_stream_to_its_end(edge):
    told = whole(edge, b"GET /v1/invocations/1:watch HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    assert told.count("data: ") == 4
    assert "event: end" in told
