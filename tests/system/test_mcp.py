"""MCP through the edge with auth on: what the official SDK's client lists, calls and is refused, in both revisions."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult, Tool
from qmcp.client.mcp_relay import ANSWER, TakesTasks, Task, TaskParams, TaskRequest

from gateway.mcp.contract_tools import marked, tool_name
from tests.servicekit.issuer import Issuer
from tests.stack import Stack
from tests.system.mcp_clients import REVISIONS, connected, done, issued, reason, text
from tests.upstream import Upstream, upstream

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": REVISIONS[0], "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPT = {"accept": "application/json, text/event-stream"}
GUARD_SECONDS = 60


@pytest.fixture(scope="module")
def http(guarded: Stack) -> Iterator[httpx.Client]:
    """An administrator over HTTP."""
    with httpx.Client(
        base_url=guarded.edge_url, timeout=GUARD_SECONDS, headers={"x-api-key": guarded.admin_key}
    ) as made:
        yield made


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    with upstream() as made:
        yield made


async def listed(client: Client) -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        assert not found.keys() & {tool.name for tool in page.tools}
        found |= {tool.name: tool for tool in page.tools}
        cursor = page.next_cursor
        if cursor is None:
            return found


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    async with asyncio.timeout(GUARD_SECONDS):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


def statuses(http: httpx.Client, tool: str) -> list[str]:
    """Of a tool's invocations; nothing while the system refuses for its load."""
    answer = http.get("/v1/invocations", params={"tool_name": tool})
    return [row["status"] for row in answer.json()["invocations"]] if answer.is_success else []


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_client_lists_and_calls_the_catalogue_and_the_contract(
    revision: str, guarded: Stack, http: httpx.Client
) -> None:
    key = issued(http, "agent")["api_key"]
    async with connected(guarded, key, revision) as client:
        assert client.protocol_version == revision
        tools = await listed(client)
        assert {"echo", "planner", "sequential_questioning", "query_metrics", "create_human_request"} <= tools.keys()
        assert tools["echo"].input_schema["required"] == ["message"]
        annotations = tools["query_metrics"].annotations
        assert annotations is not None
        assert annotations.read_only_hint

        # The client itself holds structured content against the schema that it was shown.
        echoed = await client.call_tool("echo", {"message": "hello"}, meta={"qmcp/idempotency_key": f"k-{revision}"})
        assert (text(echoed), echoed.is_error) == ("hello", False)
        again = await client.call_tool("echo", {"message": "hello"}, meta={"qmcp/idempotency_key": f"k-{revision}"})
        assert again.meta == echoed.meta
        invocation_id = (echoed.meta or {})["qmcp/invocation_id"]
        read = (await client.call_tool("get_invocation", {"id": invocation_id})).structured_content
        assert (read["principal"], read["idempotency_key"], read["result"]) == ("mcp-agent", f"k-{revision}", "hello")
        planned = await client.call_tool("planner", {"goal": "Move"})
        assert planned.structured_content == json.loads(text(planned))

        asked = await client.call_tool("create_human_request", {"request_type": "approval", "prompt": "May it?"})
        request_id = asked.structured_content["id"]
        waited = await client.call_tool("wait_for_human_response", {"id": request_id, "timeout_seconds": 1})
        assert waited.structured_content["requests"][0]["status"] == "pending"
        for name, arguments in (
            ("list_human_requests", {}),
            ("get_human_request", {"id": request_id}),
            ("query_costs", {}),
            ("query_metrics", {"selection": {"service": "qmcp-tools"}}),
            ("sequential_questioning", {"context": "Moving to a new house"}),
        ):
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, f"{name}: {text(answer)}"
            assert answer.structured_content == json.loads(text(answer))
        # The original's names of tools, and what the first one began goes on by the second.
        begun = {"conversation_id": answer.structured_content["conversation_id"]}
        said = {"previous_messages": [{"role": "user", "content": "A garden"}]}
        for name, arguments, questions in (
            ("sequential_questioning_follow_up", {**begun, **said}, "questions"),
            ("sequential_questioning_automatic", {"context": "Moving", "max_rounds": 2}, "all_questions_combined"),
        ):
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, f"{name}: {text(answer)}"
            assert answer.structured_content[questions]

        # What a model can mend is a result, what a client has wrong is an error.
        assert reason(await client.call_tool("echo", {"text": "hello"})) == "ARGUMENTS_INVALID"
        unfit = await client.call_tool("query_metrics", {"selection": {"metric": "x"}})
        assert (reason(unfit), "metric" in text(unfit)) == ("INVALID_REQUEST", True)
        other = {"request_type": "approval", "prompt": "May it?", "context": {"account": 1234567890123456789}}
        altered = await client.call_tool("create_human_request", other)
        assert (reason(altered), "/context/account" in text(altered)) == ("INVALID_REQUEST", True)
        assert reason(await client.call_tool("get_invocation", {"id": "nothing"})) == "INVOCATION_NOT_FOUND"
        for call in (client.call_tool("no/such", {}), client.list_tools(cursor="made up")):
            with pytest.raises(MCPError) as told:
                await call
            assert told.value.code == -32602


async def test_two_callers_are_shown_what_each_may_call_and_nothing_of_the_other(
    guarded: Stack, http: httpx.Client
) -> None:
    roles = {name: issued(http, name)["api_key"] for name in ("agent", "human")}
    async with connected(guarded, roles["agent"]) as agent, connected(guarded, roles["human"]) as human:
        of_agent, of_human = await listed(agent), await listed(human)
        assert {tool_name(method) for method in marked()} | {"echo"} <= of_agent.keys()
        assert "echo" not in of_human
        assert "list_human_requests" in of_human
        assert "sequential_questioning" not in of_human
        # Not being shown is no protection by itself: the services refuse, and know whom.
        assert reason(await human.call_tool("echo", {"message": "x"})) == "PERMISSION_DENIED"
        made = await agent.call_tool("echo", {"message": "x"})
        invocation_id = (made.meta or {})["qmcp/invocation_id"]
    async with connected(guarded, guarded.admin_key) as admin:
        assert (await admin.call_tool("get_invocation", {"id": invocation_id})).structured_content["result"] == "x"
    async with connected(guarded, issued(http, "agent", "mcp-other")["api_key"]) as stranger:
        assert reason(await stranger.call_tool("get_invocation", {"id": invocation_id})) == "INVOCATION_NOT_FOUND"


def test_a_revoked_key_is_refused_at_once_and_told_where_tokens_come_from(
    guarded: Stack, http: httpx.Client, issuer: Issuer
) -> None:
    key = issued(http, "agent")
    url = f"{guarded.edge_url}/mcp"
    metadata = f"{guarded.edge_url}/.well-known/oauth-protected-resource/mcp"

    def ask(**headers: str) -> httpx.Response:
        return httpx.post(url, json=INITIALIZE, headers=ACCEPT | headers)

    assert ask(**{"x-api-key": key["api_key"]}).status_code == 200
    assert ask(authorization=f"Bearer {key['api_key']}").status_code == 200
    assert ask(authorization=f"Bearer {issuer.token()}").status_code == 200
    done(http, f"/v1/keys/{key['key']['id']}:revoke")
    until_refused = iter(lambda: ask(**{"x-api-key": key["api_key"]}), None)
    refused = next(answer for answer in until_refused if answer.status_code != 200)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == (
        f'Bearer realm="qmcp", error="invalid_token", resource_metadata="{metadata}"'
    )
    assert refused.json()["details"][0]["reason"] == "UNAUTHENTICATED"
    assert ask().headers["www-authenticate"] == f'Bearer realm="qmcp", resource_metadata="{metadata}"'
    described = done(http, metadata, "GET")
    assert (described["resource"], described["authorization_servers"]) == (url, [issuer.url])
    assert ask(**{"x-api-key": guarded.admin_key, "origin": "https://evil.example"}).status_code == 403
    assert ask(**{"x-api-key": guarded.admin_key, "origin": guarded.edge_url}).status_code == 200
    # Without a session there is nothing to listen to, and nothing to end.
    assert [http.request(method, url).status_code for method in ("GET", "DELETE")] == [405, 405]


class Progress:
    """What a client is told while it waits."""

    def __init__(self) -> None:
        self.told: list[str | None] = []

    async def __call__(self, _: float, __: float | None, message: str | None) -> None:
        self.told.append(message)


def registered(http: httpx.Client, name: str, service: Upstream) -> str:
    """A tool that needs an approval where it is given `ask`."""
    policy = {"mode": "when", "when": {"required": ["ask"]}}
    done(http, f"/v1/tools/{name}", "PUT", http={"method": "POST", "url": service.url}, approval=policy)
    return name


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_call_waits_for_the_human_who_must_approve_it(
    revision: str, guarded: Stack, http: httpx.Client, service: Upstream
) -> None:
    name, progress = registered(http, f"deploy-{revision}", service), Progress()
    async with connected(guarded, issued(http, "agent")["api_key"], revision) as client:
        waiting = asyncio.create_task(client.call_tool(name, {"ask": revision}, progress_callback=progress))
        await until(lambda: bool(progress.told))
        request_id = str(progress.told[0]).rpartition(" ")[2].rstrip(".")
        assert {"ask": revision} not in service.bodies
        # The invocation knows the id of its request before there is one.
        await until(lambda: http.get(f"/v1/human/requests/{request_id}").status_code == 200)
        done(http, "/v1/human/responses", request_id=request_id, response="approve")
        approved = await waiting
    assert (approved.structured_content, approved.is_error) == ({"ask": revision}, False)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_call_that_its_client_gives_up_is_cancelled(
    revision: str, guarded: Stack, http: httpx.Client, service: Upstream
) -> None:
    name = registered(http, f"slow-{revision}", service)
    service.answers.clear()
    try:
        async with connected(guarded, issued(http, "agent")["api_key"], revision) as client:
            for progress in (None, Progress()):
                seen = len(service.bodies)
                given_up = asyncio.create_task(client.call_tool(name, {}, progress_callback=progress))
                await until(lambda seen=seen: len(service.bodies) > seen)  # type: ignore[misc]
                given_up.cancel()
                await asyncio.gather(given_up, return_exceptions=True)

        await until(lambda: statuses(http, name) == ["cancelled", "cancelled"])
    finally:
        service.answers.set()


async def test_a_client_that_starts_programs_has_the_tools_over_stdio(
    guarded: Stack, http: httpx.Client, service: Upstream
) -> None:
    name = registered(http, "over-stdio", service)
    program = str(Path(sys.executable).parent / "qmcp")
    reached = {"PATH": os.environ["PATH"], "QMCP_URL": guarded.edge_url}
    both = done(http, "/v1/keys", owner="mcp-desktop", roles=["agent", "human"])
    key = {"QMCP_API_KEY": both["api_key"]}
    started = StdioServerParameters(command=program, args=["mcp"], env=reached | key)

    async def approves(_: Any, __: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"confirm": True})

    async with Client(started, mode="legacy", elicitation_callback=approves) as client:
        assert text(await client.call_tool(name, {"ask": "a form"})) == '{"ask": "a form"}'
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["interview"]
        told = await client.get_prompt("interview", {"about": "Moving house"})
        assert "Moving house" in getattr(told.messages[0].content, "text", "")
        assert "qmcp://tasks" in {each.uri for each in (await client.list_resources()).resources}
        read = (await client.read_resource("qmcp://tools/echo")).contents[0]
        assert '"echo"' in getattr(read, "text", "")
        assert {"echo", "query_metrics"} <= (await listed(client)).keys()
        assert text(await client.call_tool("echo", {"message": "hello"})) == "hello"
        assert reason(await client.call_tool("echo", {})) == "ARGUMENTS_INVALID"
        with pytest.raises(MCPError):
            await client.call_tool("no/such", {})
        # Here a notification is enough, in this revision too.
        service.answers.clear()
        seen = len(service.bodies)
        given_up = asyncio.create_task(client.call_tool(name, {}))
        await until(lambda: len(service.bodies) > seen)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)

        try:
            await until(lambda: statuses(http, name)[:1] == ["cancelled"])
        finally:
            service.answers.set()
    # In the other revision it comes back with its user's answer, or takes a task.
    async with Client(started, mode=REVISIONS[1], elicitation_callback=approves) as client:
        assert text(await client.call_tool(name, {"ask": "again"})) == '{"ask": "again"}'
    async with Client(started, mode=REVISIONS[1], elicitation_callback=approves, extensions=[TakesTasks()]) as client:
        task = await client.session.call_tool(name, {"ask": "a task"}, allow_claimed=True)
        assert isinstance(task, Task)

        async def of_task(method: str, **said: Any) -> dict[str, Any]:
            params = TaskParams(task_id=(task.model_extra or {})["taskId"], **said)
            request = TaskRequest(method=method, params=params)
            return await client.session.send_request(request, ANSWER)

        async def stands(status: str) -> bool:
            return (await of_task("tasks/get"))["status"] == status

        await until(lambda: stands("input_required"))
        given = {"approval": {"action": "accept", "content": {"confirm": True}}}
        await of_task("tasks/update", input_responses=given)
        await until(lambda: stands("completed"))
        assert (await of_task("tasks/get"))["result"]["structuredContent"] == {"ask": "a task"}
        await of_task("tasks/cancel")
    nobody = await asyncio.create_subprocess_exec(program, "mcp", env=reached, stderr=asyncio.subprocess.PIPE)
    _, told = await nobody.communicate()
    assert (nobody.returncode, b"QMCP_API_KEY" in told) == (4, True)
