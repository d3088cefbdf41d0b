"""Bodies on the routes of the original QMCP: every field of its own is there, and null where it had null."""

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROW = {
    *("id", "tool_name", "input_params", "result", "error", "status", "duration_ms", "created_at", "completed_at"),
    "correlation_id",
}
ASKED = {"id", "request_type", "prompt", "status", "created_at", "expires_at"}
REQUEST = ASKED | {"options", "context", "timeout_seconds", "correlation_id"}
RESPONSE = {"id", "request_id", "response", "response_metadata", "responded_by", "created_at"}


@pytest.fixture
def system(stack):
    with httpx.Client(base_url=stack.edge_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def valid(stack):
    """Whether a body is what the OpenAPI document says of its schema."""
    document = httpx.get(f"{stack.edge_url}/openapi.json", timeout=60).json()
    registry = Registry().with_resource("urn:openapi", Resource.from_contents(document, DRAFT202012))

    def check(body, name):
        schema = {"$ref": f"urn:openapi#/components/schemas/{name}"}
        return OAS31Validator(schema, registry=registry).is_valid(body)

    return check


def nulls(body, fields):
    assert fields <= set(body), fields - set(body)
    return {name for name in fields if body[name] is None}


def test_a_call_and_its_row_have_null_where_nothing_is(system, valid):
    called = system.post("/v1/tools/echo", json={"input": {"message": "hi"}})
    assert called.json() == {"result": "hi", "error": None, "invocation_id": called.json()["invocation_id"]}
    assert called.headers["x-correlation-id"], "the call has one, if not the record"
    row = system.get(f"/v1/invocations/{called.json()['invocation_id']}").json()
    assert nulls(row, ROW) == {"error", "correlation_id"}
    assert valid(row, "Invocation")
    page = system.get("/v1/invocations", params={"tool_name": "echo", "limit": 500}).json()
    assert row in page["invocations"]
    assert valid(page, "ListInvocationsResponse")


def test_whole_numbers_are_whole_numbers_and_others_are_as_they_were(system):
    plan = {
        "steps": [{"step": 1, "action": "a"}, {"step": 1.5, "action": "b"}],
        "more": [0, -7, 1e15, 0.1, 1e300, True],
    }
    called = system.post("/v1/tools/reviewer", json={"input": {"result": plan}}).json()
    told = system.get(f"/v1/invocations/{called['invocation_id']}").json()
    for read in (
        called["result"]["reviewed_result"],
        told["result"]["reviewed_result"],
        told["input_params"]["result"],
    ):
        assert (read, [type(step["step"]) for step in read["steps"]]) == (plan, [int, float])
        assert [type(each) for each in read["more"]] == [int, int, int, float, float, bool]
    steps = system.post("/v1/tools/planner", json={"input": {"goal": "tea"}}).json()["result"]["estimated_steps"]
    assert len(range(steps)) == 4
    asked = {"id": "whole-1", "request_type": "input", "prompt": "Well?", "context": {"count": 3, "share": 0.5}}
    context = system.post("/v1/human/requests", json=asked).json()["context"]
    assert (context, type(context["count"])) == (asked["context"], int)


def test_what_the_caller_gave_is_there(system):
    for headers, body in (({"X-Correlation-ID": "mine-1"}, {}), ({}, {"correlation_id": "mine-1"})):
        sent = {"input": {"message": "hi"}, **body}
        called = system.post("/v1/tools/echo", json=sent, headers=headers).json()
        assert system.get(f"/v1/invocations/{called['invocation_id']}").json()["correlation_id"] == "mine-1"


def test_our_own_routes_record_the_id_that_the_edge_made(system):
    called = system.post("/v1/tools/echo:invoke", json={"input": {"message": "hi"}})
    assert called.json()["correlation_id"] == called.headers["x-correlation-id"]
    assert called.json()["error"] == ""


def test_a_row_that_has_not_ended_or_was_erased_has_null_for_what_is_not_there(system, valid):
    started = system.post("/v1/tools/echo:invoke", json={"input": {"message": "gone"}}).json()["id"]
    erased = {"fields": ["input_params", "result"], "reason": "a test"}
    assert system.post(f"/v1/invocations/{started}:redact", json=erased).status_code == 200
    row = system.get(f"/v1/invocations/{started}").json()
    assert nulls(row, ROW) == {"error", "input_params", "result"}
    tool = {"approval": {"mode": "always"}, "http": {"method": "GET", "url": "https://example.com/"}}
    assert system.put("/v1/tools/bodies/asks-first", json=tool).status_code == 201
    waiting = system.post("/v1/tools/bodies/asks-first:start", json={}).json()["id"]
    row = system.get(f"/v1/invocations/{waiting}").json()
    assert nulls(row, ROW) == {"error", "result", "duration_ms", "completed_at"}
    assert valid(row, "Invocation")
    listed = {tool["name"]: tool for tool in system.get("/v1/tools", params={"page_size": 500}).json()["tools"]}
    assert listed["bodies/asks-first"]["input_schema"] == {}
    system.post(f"/v1/invocations/{waiting}:cancel", json={})
    system.delete("/v1/tools/bodies/asks-first")


def test_a_question_and_its_answer_have_null_where_nothing_was_said(system, valid):
    asked = {"id": "bodies-1", "request_type": "input", "prompt": "Well?"}
    created = system.post("/v1/human/requests", json=asked)
    assert created.status_code == 201
    assert nulls(created.json(), ASKED) == set()
    before = system.get("/v1/human/requests/bodies-1").json()
    assert nulls(before["request"], REQUEST) == {"options", "correlation_id"}
    assert (before["request"]["context"], before["response"]) == ({}, None)
    given = system.post("/v1/human/responses", json={"request_id": "bodies-1", "response": "yes"}).json()
    assert nulls(given, RESPONSE) == {"responded_by"}
    after = system.get("/v1/human/requests/bodies-1").json()
    assert nulls(after["response"], RESPONSE) == {"responded_by"}
    assert after["response"]["response_metadata"] == {}
    assert valid(after, "GetHumanRequestResponse")
    listed = system.get("/v1/human/requests", params={"limit": 500}).json()
    assert after["request"] in listed["requests"]
    assert valid(listed, "ListHumanRequestsResponse")
    waited = system.get("/v1/human/requests/bodies-1:wait").json()["requests"][0]
    assert (waited["options"], waited["response"]["responded_by"]) == ([], "local"), "a route of ours"


def test_what_was_said_is_there(system):
    asked = {"request_type": "input", "prompt": "Well?", "options": ["a", "b"], "correlation_id": "mine-2"}
    system.post("/v1/human/requests", json={"id": "bodies-2", **asked}).raise_for_status()
    said = {"request_id": "bodies-2", "response": "a", "responded_by": "ann", "response_metadata": {"n": 1}}
    assert system.post("/v1/human/responses", json=said).json()["responded_by"] == "ann"
    found = system.get("/v1/human/requests/bodies-2").json()
    assert nulls(found["request"], REQUEST) | nulls(found["response"], RESPONSE) == set()
    assert found["request"]["options"] == ["a", "b"]
