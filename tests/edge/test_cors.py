"""What a browser on another origin may do."""

import httpx
import pytest

from tests.edge.conftest import running_edge

MINE = "https://app.example.com"
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-correlation-id"}


@pytest.mark.parametrize("path", ["/v1/tools/echo:invoke", "/v1/tools", "/qmcp.tools.v1.ToolsService/ListTools"])
def test_a_preflight_of_an_allowed_origin_is_answered(http, path):
    answer = http.options(path, headers={"Origin": MINE, **ASKING})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == MINE
    assert "idempotency-key" in answer.headers["access-control-allow-headers"]
    assert "x-request-id" in answer.headers


def test_a_preflight_of_another_origin_is_not(http):
    answer = http.options("/v1/tools", headers={"Origin": "https://evil.example.com", **ASKING})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/tools", 200),
        ("GET", "/v1/tools?bogus=1", 400),
        ("GET", "/v1/nowhere", 404),
        ("POST", "/v1/tools/fail/NOT_FOUND:invoke", 404),
        ("GET", "/v1/tools/sleep/9", 504),
        ("GET", "/health", 200),
        # What the edge answers itself.
        ("PATCH", "/v1/tools", 405),
        ("OPTIONS", "/v1/tools", 204),
        ("POST", "/health", 405),
        ("PUT", "/v1/human/links/0123456789abcdef", 405),
        ("GET", "/nowhere", 404),
        ("POST", "/v1/tools", 415),
    ],
)
def test_a_page_may_read_answers_and_errors_and_their_ids(http, method, path, status):
    asked = {"content": b"x"} if status == 415 else {}
    answer = http.request(method, path, headers={"Origin": MINE}, **asked)
    assert answer.status_code == status
    assert answer.headers.get_list("access-control-allow-origin") == [MINE]
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    for origin in ({"Origin": "https://evil.example.com"}, {}):
        other = http.request(method, path, headers=origin, **asked)
        assert other.status_code in ({status, 403} if origin else {status})
        assert not [name for name in other.headers if name.startswith("access-control")]


@pytest.mark.promise("P17")
def test_by_default_no_other_origin_may(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, envoy_drain_seconds=0.1) as edge:
        answer = httpx.get(f"{edge.url}/v1/tools", headers={"Origin": MINE})
        assert "access-control-allow-origin" not in answer.headers
        assert httpx.options(f"{edge.url}/v1/tools", headers={"Origin": MINE, **ASKING}).status_code == 403


@pytest.mark.promise("P26")
def test_a_star_allows_every_origin(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, cors_origins="*", envoy_drain_seconds=0.1) as edge:
        answer = httpx.get(f"{edge.url}/v1/tools", headers={"Origin": "https://any.example.com"})
        assert answer.headers["access-control-allow-origin"] in ("*", "https://any.example.com")
        refused = httpx.post(f"{edge.url}/health", headers={"Origin": "https://any.example.com"})
        assert refused.status_code == 405
        assert refused.headers["access-control-allow-origin"] == "https://any.example.com"
        assert "allow" in refused.headers["access-control-expose-headers"].split(", ")
