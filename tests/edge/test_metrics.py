"""What is counted is what callers got: every status, the pages, and what the edge refuses itself."""

from collections.abc import Callable

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.stack import Stack
from tests.wire import until

TOOL = {"http": {"method": "GET", "url": "https://example.com/"}, "approval": {"mode": "always"}}
JSON = {"content-type": "application/json"}


def counted(stack: Stack) -> dict[tuple[str, str, str], float]:
    """`qmcp_http_requests_total` by method, path and status."""
    page = httpx.get(f"{stack.edge_url}/metrics", timeout=30).text
    family = next(each for each in text_string_to_metric_families(page) if each.name == "qmcp_http_requests")
    return {(s.labels["method"], s.labels["path"], s.labels["status"]): s.value for s in family.samples}


Ask = Callable[[httpx.Client], httpx.Response]
ASKED: list[tuple[Ask, tuple[str, str, str]]] = [
    (lambda http: http.post("/v1/tools", json={"name": "counted/tool", **TOOL}), ("POST", "/v1/tools", "201")),
    (lambda http: http.put("/v1/tools/counted/tool", json=TOOL), ("PUT", "/v1/tools/{tool.name}", "200")),
    (lambda http: http.put("/v1/tools/counted/new", json=TOOL), ("PUT", "/v1/tools/{tool.name}", "201")),
    (lambda http: http.post("/v1/tools/counted/tool:invoke", json={}), ("POST", "/v1/tools/{name}:invoke", "202")),
    (
        lambda http: http.post("/v1/tools/echo:start", json={"input": {"message": "x"}}),
        ("POST", "/v1/tools/{name}:start", "201"),
    ),
    (lambda http: http.post("/v1/tools/counted/tool:start", json={}), ("POST", "/v1/tools/{name}:start", "202")),
    (lambda http: http.post("/v1/tools/echo:invoke", json={}), ("POST", "/v1/tools/{name}:invoke", "400")),
    (lambda http: http.get("/v1/tools/counted/none"), ("GET", "/v1/tools/{name}", "404")),
    (lambda http: http.get("/health"), ("GET", "/health", "200")),
    (lambda http: http.get("/openapi.json"), ("GET", "/openapi.json", "200")),
    (lambda http: http.get("/docs/none.js"), ("GET", "-", "404")),
    (lambda http: http.get("/counted-nowhere"), ("GET", "-", "404")),
    (lambda http: http.get("/v1/counted-nowhere"), ("GET", "-", "404")),
    (lambda http: http.get("/v1/tools?bogus=1"), ("GET", "-", "400")),
    (lambda http: http.delete("/v1/tools", headers={"X-Request-ID": "é".encode()}), ("DELETE", "-", "400")),
    (lambda http: http.post("/v1/tools", content=b"x", headers={"content-type": "text/csv"}), ("POST", "-", "415")),
    (lambda http: http.put("/v1/tools/x", content=b" " * 5_000_000, headers=JSON), ("PUT", "-", "413")),
    (lambda http: http.request("PROPFIND", "/counted-nowhere"), ("other", "-", "404")),
    (lambda http: http.request("BREW", "/counted-nowhere"), ("other", "-", "404")),
]  # fmt: skip


@pytest.mark.promise("Q19")
async def test_every_answer_is_counted_by_the_status_that_its_caller_got(stack: Stack) -> None:
    before = counted(stack)
    asked: dict[tuple[str, str, str], int] = {}
    with httpx.Client(base_url=stack.edge_url, timeout=30) as http:
        for ask, series in ASKED:
            assert str(ask(http).status_code) == series[2], series
            asked[series] = asked.get(series, 0) + 1

    async def all_counted() -> bool:
        after = counted(stack)
        return all(after.get(each, 0) - before.get(each, 0) >= number for each, number in asked.items())

    # Envoy adds up what its threads count a few times a second.
    await until(all_counted, 30)
    after = counted(stack)
    assert not [path for _, path, _ in after if "counted" in path], "callers cannot make labels"
    assert {method for method, _, _ in after} <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}


async def test_the_log_of_a_service_says_the_status_that_the_caller_got(stack: Stack) -> None:
    asked = {"logged-1": "/v1/tools", "logged-2": "/v1/tools/logged/tool:invoke", "logged-3": "/v1/tools"}
    answers = {}
    async with httpx.AsyncClient(base_url=stack.edge_url, timeout=30) as http:
        for name, path in asked.items():
            body = {} if "invoke" in path else {"name": "logged/tool", **TOOL}
            answers[name] = await http.post(path, json=body, headers={"X-Request-ID": name})
    assert [answer.status_code for answer in answers.values()] == [201, 202, 409]

    async def logged() -> bool:
        lines = stack.output().splitlines()
        return all(
            any(f'"request_id":"{name}"' in line and f'"status_code":{answer.status_code}' in line for line in lines)
            for name, answer in answers.items()
        )

    await until(logged, 30)
