"""Documents of 64 levels go over HTTP in and out as they are, by every client; deeper ones are refused and on record."""

import json
from typing import Any

import httpx
import pytest
from qmcp.client import Client

from tests.stack import Stack


def nested(levels: int) -> Any:
    """So many objects and lists within each other."""
    document: Any = 1
    for level in range(levels):
        document = {"a": document} if level % 2 else [document]
    return document


@pytest.mark.parametrize("levels", [30, 31, 63])
def test_arguments_and_results_are_as_deep_over_http_as_they_were_sent(stack: Stack, levels: int) -> None:
    plan = {"steps": [], "more": nested(levels - 1)}
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        made = http.post("/v1/tools/reviewer:invoke", json={"input": {"result": plan}}).json()
        assert (made["status"], made["input_params"]) == ("success", {"result": plan})
        read = http.get(f"/v1/invocations/{made['id']}").json()
        assert (read["input_params"], read["result"]) == (made["input_params"], made["result"])
        original = http.post("/v1/tools/reviewer", json={"input": {"result": nested_object(levels)}}).json()
        assert set(original) == {"result", "error", "invocation_id"}
        assert original["result"]["reviewed_result"] == nested_object(levels)
        listed = http.get("/v1/invocations", params={"tool_name": "reviewer"}).json()["invocations"]
        assert (made["id"], made["result"]) in [(each["id"], each["result"]) for each in listed]
        watched = http.get(f"/v1/invocations/{made['id']}:watch").text
    events = [json.loads(line.removeprefix("data: ")) for line in watched.splitlines() if line.startswith("data: {")]
    assert made in [event.get("invocation") for event in events]


def nested_object(levels: int) -> dict[str, Any]:
    """The same, an object outermost."""
    return {"a": nested(levels - 1)}


def test_the_client_sends_and_reads_what_a_struct_does_not_carry(stack: Stack) -> None:
    with Client(stack.grpc_target) as client:
        made = client.invoke_tool("reviewer", {"result": nested_object(60)})
    assert made.input_params == {"result": nested_object(60)}
    assert made.result["reviewed_result"] == nested_object(60)


@pytest.mark.parametrize("levels", [31, 64])
def test_questions_and_answers_are_as_deep_over_http_and_by_the_client(stack: Stack, levels: int) -> None:
    deep = nested_object(levels)
    said = {"response": deep, "response_metadata": deep, "edited_arguments": deep}
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http, Client(stack.grpc_target) as client:
        asked = {"request_type": "input", "prompt": "Well?", "context": deep, "proposed_arguments": deep}
        made = http.post("/v1/human/requests", json={"id": f"deep-http-{levels}", **asked}).json()
        assert (made["context"], made["proposed_arguments"]) == (deep, deep)
        assert http.post("/v1/human/responses", json={"request_id": made["id"], **said}).status_code == 201
        found = http.get(f"/v1/human/requests/{made['id']}").json()
        assert {name: found["response"][name] for name in said} == said
        assert found["request"]["response"]["response"] == deep
        assert client.get_human_request(made["id"]).response.response == deep
        other = client.create_human_request("input", "Well?", context=deep, proposed_arguments=deep)
        assert other.context == other.proposed_arguments == deep
        given = client.submit_human_response(other.id, deep, edited_arguments=deep, response_metadata=deep)
        assert (given.response, given.edited_arguments, given.response_metadata) == (deep, deep, deep)
        for field in ("context", "proposed_arguments", "response_schema"):
            refused = http.post("/v1/human/requests", json={**asked, field: {"a": nested_object(64)}})
            assert (refused.status_code, f"{field} is nested deeper than 64 levels" in refused.text) == (400, True)


@pytest.mark.parametrize("levels", [31, 64])
def test_interviews_are_as_deep_over_http_as_what_is_said_in_them(stack: Stack, levels: int) -> None:
    deep = nested_object(levels)
    schema: dict[str, Any] = {"title": f"Deep {levels}", "required": ["a"], "properties": {"a": {"type": "object"}}}
    # So deep is no schema of strangers; what it shows as an example is.
    schema["examples"] = [nested(levels - 2)]
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        begun = {"user_id": f"deep-{levels}", "goal": {"schema": schema}}
        made = http.post("/v1/conversations", json=begun).raise_for_status().json()
        assert made["goal"]["schema"] == schema
        said = {"answers": [{"question_id": "/a", "answer": deep}]}
        step = http.post(f"/v1/conversations/{made['id']}:answer", json=said).raise_for_status().json()
        assert step["conversation"]["result"] == {"a": deep}
        messages = http.get(f"/v1/conversations/{made['id']}/messages").json()["messages"]
        assert [each["value"] for each in messages if each["message_type"] == "answer"] == [deep]
        other = {"user_id": f"deep-{levels}", "goal": {"schema": schema, "recall": True}}
        recalled = http.post("/v1/questions:generate", json=other).raise_for_status().json()
        [found] = recalled["metadata"]["similar_contexts"][:1]
        assert json.loads(found["value"]) == deep
        said = {"answers": [{"question_id": "/a", "answer": nested_object(65)}]}
        refused = http.post(f"/v1/conversations/{made['id']}:answer", json=said)
        assert (refused.status_code, "answers[0].answer is nested deeper than 64 levels" in refused.text) == (400, True)
    # Whoever speaks gRPC reads the same.
    with Client(stack.grpc_target) as client:
        assert client.get_conversation(made["id"]).result == {"a": deep}


@pytest.mark.parametrize("levels", [30, 31])
def test_what_carries_fewer_levels_says_so_in_the_contract_and_when_it_refuses(stack: Stack, levels: int) -> None:
    deep = nested_object(levels)
    project = httpx.post(f"{stack.edge_url}/v1/projects", json={"name": f"Deep {levels}"}, timeout=60).json()["id"]
    epic = {"project_id": project, "name": "Deep"}
    epic_id = httpx.post(f"{stack.edge_url}/v1/epics", json=epic, timeout=60).json()["id"]
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "metadata": ("/v1/tasks", {"epic_id": epic_id, "name": "Deep", "metadata": deep}),
        "tool.input_schema": (
            "/v1/tools",
            {"name": f"deep/{levels}", "description": "x", "http": {"url": "http://x.example"}, "input_schema": deep},
        ),
    }
    for field, (path, body) in calls.items():
        answer = httpx.post(stack.edge_url + path, json=body, timeout=60)
        if levels == 30:
            assert answer.status_code == 201, answer.text
            assert answer.json()[field.removeprefix("tool.")] == deep
        else:
            assert (answer.status_code, f"{field} is nested deeper than 30 levels" in answer.text) == (400, True)
    metric = {"type": "custom", "value": 1, "metadata": deep}
    told = httpx.post(f"{stack.edge_url}/metrics", json={"service": "deep", "metrics": [metric]}, timeout=60).json()
    assert told["accepted"] == (levels == 30)
    assert ("30 levels" in str(told["errors"])) == (levels == 31)


def test_what_is_nested_deeper_is_refused_in_words_and_on_record(stack: Stack) -> None:
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        for levels in (64, 80, 900, 100_000):
            body = '{"input": {"a": ' + "[" * levels + "]" * levels + "}}"
            answer = http.post("/v1/tools/echo:invoke", content=body, headers={"content-type": "application/json"})
            info = answer.json()["details"][0]
            assert (answer.status_code, info["reason"]) == (400, "INVALID_REQUEST")
            assert "levels" in answer.json()["message"]
            recorded = http.get(f"/v1/invocations/{info['metadata']['invocation_id']}").json()
            assert (recorded["tool_name"], recorded["status"]) == ("echo", "failed")
            told = recorded["input_params"]["refused"]
            assert told["bytes"] >= levels
            assert body.startswith(told.get("begins", ""))
            assert len(told.get("begins", "")) <= 1_000
