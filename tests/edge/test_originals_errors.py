"""Errors on the routes of the original QMCP: its clients look for a sentence in `detail`, and for words in it."""

import httpx
import pytest

from gateway import contract

CONTENT = {"Content-Type": "application/json"}
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def system(stack):
    with httpx.Client(base_url=stack.edge_url, timeout=60) as client:
        yield client


def ask(system, name, **fields):
    body = {"id": name, "request_type": "approval", "prompt": "May it?", "options": ["approve", "reject"], **fields}
    return system.post("/v1/human/requests", json=body)


def answer(system, name, response):
    return system.post("/v1/human/responses", json={"request_id": name, "response": response})


def told(refused, status):
    assert refused.status_code == status, refused.text
    body = refused.json()
    assert body["detail"] == body["message"]
    assert body["details"][0]["reason"]
    return body["detail"]


def test_services_use_the_originals_words(system):
    assert "not found" in told(system.post("/v1/tools/nothing", json={}), 404)
    assert "not found" in told(system.get(f"/v1/invocations/{NOBODY}"), 404)
    assert "not found" in told(system.get("/v1/human/requests/nothing"), 404)
    assert "not found" in told(answer(system, "nothing", "approve"), 404)
    assert ask(system, "words-1").status_code == 201
    assert "already exists" in told(ask(system, "words-1", prompt="May it really?"), 409)
    assert "must be one of" in told(answer(system, "words-1", "perhaps"), 400)
    assert answer(system, "words-1", "approve").status_code == 201
    assert "already been responded to" in told(answer(system, "words-1", "reject"), 409)


@pytest.mark.parametrize("name", ['a"b', "a\\b", 'a\\"b', "grüße", '","details":[]', "a'\"}"])
def test_a_name_in_the_sentence_breaks_nothing(system, name):
    assert "not found" in told(answer(system, name, "approve"), 404)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/tools/echo", {"inptu": {}}, 400),
        ("/v1/tools/echo", {"input": {"message": 1}}, 400),
        ("/v1/human/requests", {"id": "x", "request_type": "input", "prompt": ""}, 400),
        ("/v1/human/requests", {"id": "x", "request_type": "input", "prompt": "p", "timeout_seconds": 5}, 400),
        ("/v1/human/responses", {"response": "x"}, 400),
    ],
)
def test_what_breaks_a_rule_is_told_there_too(system, path, body, status):
    assert told(system.post(path, json=body), status)


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("POST", "/v1/tools/echo", b"{", CONTENT, 400),
        ("POST", "/v1/tools/echo", b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/human/responses", b" " * 1_100_000, CONTENT, 413),
        ("GET", "/v1/tools?bogus=1", None, {}, 400),
        ("GET", "/v1/invocations?limit=many", None, {}, 400),
        ("GET", "/v1/tools", None, {"X-Correlation-ID": b"\xfc"}, 400),
    ],
)
def test_what_the_edge_refuses_itself_is_told_there_too(http, method, path, content, headers, status):
    assert told(http.request(method, path, content=content, headers=headers), status)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/tools/fail/NOT_FOUND:invoke", 404),
        ("GET", "/v1/tools/sleep/9", 504),
        ("GET", "/v1/receipts/1?bogus=1", 400),
        ("GET", "/v1/nowhere", 404),
    ],
)
def test_other_routes_have_errors_in_one_form_alone(http, method, path, status):
    refused = http.request(method, path)
    assert refused.status_code == status
    assert set(refused.json()) == {"code", "message", "details"}


def test_the_document_says_so(http):
    error = http.get("/openapi.json").json()["components"]["schemas"]["Error"]
    assert "detail" in error["properties"]
    assert "detail" not in error["required"]


def test_every_route_that_the_original_had_is_among_them():
    assert set(contract.original_routes(contract.services())) >= {
        "GET /v1/tools",
        "POST /v1/tools/{name}",
        "GET /v1/invocations",
        "GET /v1/invocations/{id}",
        "POST /v1/human/requests",
        "GET /v1/human/requests",
        "GET /v1/human/requests/{id}",
        "POST /v1/human/responses",
    }
