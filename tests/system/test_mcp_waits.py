"""A call over MCP that waits for a human, as the client wants it: a form for its own user, or a task; one request behind."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import ElicitResult

from tests.stack import Stack
from tests.system.mcp_requests import FORMS, REVISION, TASKS, ask, code, result
from tests.upstream import Upstream, upstream

GUARD_SECONDS = 60
INVALID_PARAMS, MISSING_CAPABILITY, HEADER_MISMATCH = -32602, -32021, -32020


@pytest.fixture(scope="module")
def http(guarded: Stack) -> Iterator[httpx.Client]:
    """An administrator over HTTP; requests of MCP have a key of their own."""
    with httpx.Client(
        base_url=guarded.edge_url, timeout=GUARD_SECONDS, headers={"x-api-key": guarded.admin_key}
    ) as made:
        yield made


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


@pytest.fixture(scope="module")
def tool(http: httpx.Client, service: Upstream) -> str:
    """One that a human must approve where it is given `ask`."""
    policy = {"mode": "when", "when": {"required": ["ask"]}}
    body = {"http": {"method": "POST", "url": service.url}, "approval": policy}
    http.put("/v1/tools/mcp-waits", json=body).raise_for_status()
    return "mcp-waits"


def issued(http: httpx.Client, owner: str, *roles: str) -> str:
    answer = http.post("/v1/keys", json={"owner": owner, "roles": roles})
    answer.raise_for_status()
    return str(answer.json()["api_key"])


def invocation(http: httpx.Client, invocation_id: str) -> dict[str, Any]:
    return dict(http.get(f"/v1/invocations/{invocation_id}").json())


def until_task(http: httpx.Client, key: str, task_id: str, status: str) -> dict[str, Any]:
    end = time.monotonic() + GUARD_SECONDS
    while (task := result(http, key, "tasks/get", TASKS | FORMS, taskId=task_id))["status"] != status:
        assert time.monotonic() < end, task
        time.sleep(0.05)
    return task


@pytest.mark.parametrize("mode", ["legacy", REVISION])
async def test_who_may_answer_is_shown_a_form_and_what_it_says_decides(
    mode: str, guarded: Stack, http: httpx.Client, tool: str, service: Upstream
) -> None:
    both = issued(http, "mcp-developer", "agent", "human")
    shown: list[str] = []
    said = [
        ElicitResult(action="accept", content={"confirm": True, "comment": "Seen."}),
        ElicitResult(action="decline"),
        ElicitResult(action="cancel"),
    ]

    async def asked(_: Any, params: Any) -> ElicitResult:
        shown.append(params.message)
        return said[len(shown) - 1]

    async with create_mcp_http_client(headers={"x-api-key": both}) as transport:
        url = streamable_http_client(f"{guarded.edge_url}/mcp", http_client=transport)
        async with Client(url, mode=mode, elicitation_callback=asked) as client:
            approved = await client.call_tool(tool, {"ask": mode})
            rejected = await client.call_tool(tool, {"ask": "rejected"})
            undecided = await client.call_tool(tool, {"ask": "undecided"})
    assert (approved.structured_content, approved.is_error) == ({"ask": mode}, False)
    assert f'"ask": "{mode}"' in shown[0]
    assert [(each.meta or {})["qmcp/status"] for each in (rejected, undecided)] == ["rejected", "awaiting_approval"]
    assert {"ask": "rejected"} not in service.bodies
    decided = invocation(http, (approved.meta or {})["qmcp/invocation_id"])["approval"]
    assert (decided["decided_by"], decided["comment"]) == (["mcp-developer"], "Seen.")


def test_a_session_is_its_callers_alone_and_ends_when_they_say_so(http: httpx.Client) -> None:
    own, other = issued(http, "mcp-session", "agent"), issued(http, "mcp-session-2", "agent")
    accept = {"accept": "application/json, text/event-stream"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}

    def say(key: str, method: str, session: str = "", **message: Any) -> httpx.Response:
        headers = accept | {"x-api-key": key} | ({"mcp-session-id": session} if session else {})
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}} | message
        return http.post("/mcp", json=body, headers=headers)

    session = say(own, "initialize", params=params).headers["mcp-session-id"]
    assert say(own, "ping", session).status_code == 200
    assert [say(key, "ping", at).status_code for key, at in ((other, session), (own, "made-up"))] == [404, 404]
    assert http.delete("/mcp", headers={"x-api-key": other, "mcp-session-id": session}).status_code == 404
    assert say(own, "ping", session).status_code == 200
    assert http.delete("/mcp", headers={"x-api-key": own, "mcp-session-id": session}).status_code == 200
    assert say(own, "ping", session).status_code == 404


def test_a_form_is_for_who_may_answer_and_its_state_for_the_same_caller_and_call(http: httpx.Client, tool: str) -> None:
    both, other = issued(http, "mcp-form", "agent", "human"), issued(http, "mcp-form-2", "agent", "human")
    call: dict[str, Any] = {"name": tool, "arguments": {"ask": "state"}}
    asked = result(http, both, "tools/call", FORMS, **call)
    assert asked["resultType"] == "input_required"
    again = {"requestState": asked["requestState"], "inputResponses": {"approval": {"action": "accept"}}}
    assert code(http, other, "tools/call", FORMS, **call, **again) == INVALID_PARAMS
    changed = call | {"arguments": {"ask": "changed"}}
    assert code(http, both, "tools/call", FORMS, **changed, **again) == INVALID_PARAMS
    forged = again | {"requestState": f"{asked['requestState'][:-4]}AAAA"}
    assert code(http, both, "tools/call", FORMS, **call, **forged) == INVALID_PARAMS
    # An answer that is none to this form: the form once more.
    assert result(http, both, "tools/call", FORMS, **call, **again)["resultType"] == "input_required"

    # Who only asks is not shown what it asks for; as a task it sees that somebody else must answer.
    agent = issued(http, "mcp-agent-only", "agent")
    task = result(http, agent, "tools/call", FORMS | TASKS, **call)
    assert task["resultType"] == "task"
    seen = result(http, agent, "tasks/get", FORMS | TASKS, taskId=task["taskId"])
    assert (seen["status"], "A human must approve it" in seen["statusMessage"]) == ("working", True)
    given = {"approval": {"action": "accept", "content": {"confirm": True}}}
    update = {"taskId": task["taskId"], "inputResponses": given}
    assert code(http, agent, "tasks/update", FORMS | TASKS, **update) == INVALID_PARAMS
    assert invocation(http, task["taskId"])["status"] == "awaiting_approval"


def test_a_task_is_its_callers_alone_and_ends_with_what_the_human_says(
    guarded: Stack, http: httpx.Client, tool: str
) -> None:
    both, other = issued(http, "mcp-task", "agent", "human"), issued(http, "mcp-task-2", "agent", "human")
    task = result(http, both, "tools/call", TASKS | FORMS, name=tool, arguments={"ask": "task"})
    named = {"taskId": task["taskId"]}
    waiting = until_task(http, both, task["taskId"], "input_required")
    assert waiting["inputRequests"]["approval"]["method"] == "elicitation/create"
    for method, further in (("tasks/get", {}), ("tasks/cancel", {}), ("tasks/update", {"inputResponses": {}})):
        for stranger in (other, guarded.admin_key):
            assert code(http, stranger, method, TASKS, **named, **further) == INVALID_PARAMS
        assert code(http, both, method, FORMS, **named, **further) == MISSING_CAPABILITY
    assert ask(http, both, "tasks/get", TASKS, taskId="made-up")["error"]["code"] == INVALID_PARAMS
    given = {"approval": {"action": "accept", "content": {"confirm": True}}}
    assert result(http, both, "tasks/update", TASKS, **named, inputResponses=given)["resultType"] == "complete"
    done = until_task(http, both, task["taskId"], "completed")
    assert done["result"]["structuredContent"] == {"ask": "task"}
    # The invocation is the task: one record, one receipt, one approval.
    recorded = invocation(http, task["taskId"])
    assert (recorded["status"], recorded["approval"]["decided_by"]) == ("success", ["mcp-task"])
    assert result(http, both, "tasks/cancel", TASKS, **named)["resultType"] == "complete"
    resource = result(http, both, "resources/read", {}, uri=f"qmcp://receipts/{task['taskId']}")
    assert task["taskId"] in resource["contents"][0]["text"]
    unseen = f"qmcp://invocations/{task['taskId']}"
    assert code(http, other, "resources/read", {}, uri=unseen) == INVALID_PARAMS


def test_what_takes_long_is_a_task_that_can_be_cancelled_and_what_does_not_is_answered(
    http: httpx.Client, tool: str, service: Upstream
) -> None:
    key = issued(http, "mcp-long", "agent")
    quick = result(http, key, "tools/call", TASKS, name="echo", arguments={"message": "hello"})
    assert (quick["resultType"], quick["content"][0]["text"]) == ("complete", "hello")
    service.answers.clear()
    try:
        task = result(http, key, "tools/call", TASKS, name=tool, arguments={"long": True})
        assert (task["resultType"], task["status"]) == ("task", "working")
        assert result(http, key, "tasks/get", TASKS, taskId=task["taskId"])["status"] == "working"
        result(http, key, "tasks/cancel", TASKS, taskId=task["taskId"])
        until_task(http, key, task["taskId"], "cancelled")
    finally:
        service.answers.set()


def test_interviews_are_a_prompt_and_reads_are_resources_for_who_may_read(http: httpx.Client) -> None:
    agent, human = issued(http, "mcp-reads", "agent"), issued(http, "mcp-answers", "human")
    (prompt,) = result(http, agent, "prompts/list", {})["prompts"]
    assert result(http, human, "prompts/list", {})["prompts"] == []
    arguments = {"about": "Moving house", "bank": "moving"}
    told = result(http, agent, "prompts/get", {}, name=prompt["name"], arguments=arguments)["messages"][0]
    assert all(word in told["content"]["text"] for word in ("Moving house", "sequential_questioning", '"moving"'))
    for unfit in ({}, {"about": "x", "bank": 'a", "b'}):
        assert code(http, agent, "prompts/get", {}, name=prompt["name"], arguments=unfit) == INVALID_PARAMS
    ref, argument = {"type": "ref/prompt", "name": prompt["name"]}, {"name": "bank", "value": ""}
    assert result(http, agent, "completion/complete", {}, ref=ref, argument=argument)["completion"]["values"] == []

    shown = {each["uri"] for each in result(http, agent, "resources/list", {})["resources"]}
    assert {"qmcp://tasks", "qmcp://invocations", "qmcp://conversations"} <= shown
    assert not any("keys" in uri or "denials" in uri for uri in shown)
    templates = result(http, human, "resources/templates/list", {})["resourceTemplates"]
    of_human = {each["uriTemplate"] for each in templates}
    assert "qmcp://human/requests/{id}" in of_human
    assert "qmcp://conversations/{id}" not in of_human
    listed = result(http, agent, "resources/read", {}, uri="qmcp://tasks")["contents"][0]
    assert (listed["mimeType"], '"tasks"' in listed["text"]) == ("application/json", True)
    for nothing in ("qmcp://keys", "qmcp://tasks/no-such", "qmcp://human/links/x", "file:///etc/passwd"):
        assert code(http, agent, "resources/read", {}, uri=nothing) == INVALID_PARAMS
