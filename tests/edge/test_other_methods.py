"""HEAD and OPTIONS wherever GET is, 405 with Allow where a path is known and its method is not, a slash too many."""

import re
import subprocess

import httpx
import pytest

from gateway import contract, other_methods
from tests.edge.test_hitl_routes import LINK
from tests.edge.test_local_replies import reason

PAGES = ["/health", "/metrics", "/metrics/json", "/openapi.json", "/docs", "/docs/docs.js", "/"]
PATHS = {path.template: path for path in other_methods.paths(contract.services())}
# With a word in place of each variable; what is one path may be another's with a variable.
EXAMPLES = {
    path.example: sorted(
        set().union(*(other.methods for other in PATHS.values() if re.fullmatch(other.regex, path.example)))
    )
    for path in PATHS.values()
}
GOT = [example for example, methods in EXAMPLES.items() if "GET" in methods]


@pytest.mark.parametrize("path", [*PAGES, *GOT])
def test_options_is_answered_with_what_there_is(http, path):
    answer = http.options(path)
    assert answer.status_code == 204
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_method_that_a_path_does_not_take_is_405_with_those_it_does(http, path):
    other = next(method for method in ("PATCH", "DELETE", "PUT") if method not in EXAMPLES[path])
    answer = http.request(other, path, json={})
    assert answer.status_code == 405
    assert reason(answer) == ("edge.qmcp", "METHOD_NOT_ALLOWED")
    of_page = {"GET", "HEAD"} if path in PAGES else set()
    assert set(answer.headers["allow"].split(", ")) == {*EXAMPLES[path], *of_page, "OPTIONS"}
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", [page for page in PAGES if page not in EXAMPLES])
def test_so_is_one_that_a_page_does_not_take(http, path):
    answer = http.post(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert reason(answer) == ("edge.qmcp", "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("method", ["FROB", "post", "CONNECTED"])
def test_so_is_one_that_nobody_has_heard_of(edge, method, version):
    """HTTP's words are open, and their case counts; the parser of HTTP/1.1 refused others than its own as malformed."""
    line = ["curl", "-sS", version, "--max-time", "60", "-X", method, "-D", "-", edge.url + "/v1/invocations"]
    answer = subprocess.run(line, capture_output=True, check=True).stdout
    assert answer.split()[1] == b"405"
    assert b"\r\nallow: GET, HEAD, OPTIONS\r\n" in answer
    assert b"METHOD_NOT_ALLOWED" in answer


def test_what_stands_after_a_colon_is_a_path_of_its_own(http):
    assert http.get("/v1/tools/echo:invoke").headers["allow"] == "POST, OPTIONS"
    assert http.post("/v1/human/requests/1:wait", json={}).headers["allow"] == "GET, HEAD, OPTIONS"
    assert http.post("/v1/tools/a/b:invoke", json={}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/health", "/v1/tools", "/v1/tools/echo", "/v1/invocations", "/v1/invocations/1", LINK]
)
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_head_is_get_without_the_body(edge, path, version):
    # curl says so where a body follows a head, and waits where one is missing.
    line = ["curl", "-sS", "--fail", version, "--max-time", "60", "-o", "-", "-D", "-", edge.url + path]
    got = subprocess.run(line, capture_output=True, check=True).stdout
    head = subprocess.run([*line, "-I"], capture_output=True, check=True).stdout
    assert head.split()[1] == got.split()[1] == b"200"
    assert (
        head.lower().partition(b"content-type: ")[2].split(b"\r")[0]
        == (got.lower().partition(b"content-type: ")[2].split(b"\r")[0])
    )
    assert head.strip().count(b"\r\n\r\n") == 0


def test_head_is_followed_by_the_next_call_on_the_same_connection(http):
    for path in ("/v1/tools", "/v1/tools/sleep/0", "/v1/tools?bogus=1", "/v1/nowhere", LINK):
        head = http.head(path)
        assert (head.status_code, head.content) == (http.get(path).status_code, b"")


@pytest.mark.parametrize("path", ["/v1/human/requests:watch", "/v1/invocations:export"])
def test_the_head_of_a_stream_does_not_last_as_long_as_the_stream(stack, path):
    with httpx.Client(base_url=stack.edge_url, timeout=60, http2=False) as system:
        assert system.head(path).status_code == 200
        assert system.get("/v1/tools").status_code == 200


@pytest.mark.parametrize("path", ["/health/", "/metrics/", "/metrics/json/", "/openapi.json/", "/docs/", "/v1/tools/"])
def test_a_slash_at_the_end_is_no_other_path(http, path):
    answer = http.get(path, params={"a": "b"} if "v1" not in path else None)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == http.get(path.rstrip("/")).headers["content-type"]


@pytest.mark.parametrize("path", ["/v1/invocations/", "/v1/human/requests/", "/v1/human/requests/1/"])
def test_nor_is_it_on_other_routes_of_the_original(http, path):
    assert http.get(path).json() == http.get(path.rstrip("/")).json()
    assert http.post("/v1/tools/echo/", json={}).json()["invocation_id"] == "called echo"


def test_a_literal_path_is_not_refused_as_one_with_a_variable():
    variable, literal = other_methods.Path("/v1/x/{id}", {"GET"}), other_methods.Path("/v1/x/next", {"POST"})
    assert {"GET", "HEAD"} <= PATHS["/v1/human/requests/{id}"].methods
    found = {path.template: path.methods for path in other_methods.merged([variable, literal])}
    assert found == {"/v1/x/{id}": {"GET", "POST"}, "/v1/x/next": {"POST"}}
