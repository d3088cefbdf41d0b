"""Agents that share a board over MCP, with the original's names of tools and arguments."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError

from tests.stack import Stack
from tests.system.mcp_clients import connected, issued, reason, text

GUARD_SECONDS = 60


@pytest.fixture(scope="module")
def http(guarded: Stack) -> Iterator[httpx.Client]:
    """An administrator over HTTP."""
    with httpx.Client(
        base_url=guarded.edge_url, timeout=GUARD_SECONDS, headers={"x-api-key": guarded.admin_key}
    ) as made:
        yield made


async def test_an_agent_claims_works_learns_from_what_is_refused_and_completes(
    guarded: Stack, http: httpx.Client
) -> None:
    """With the original's names of tools and arguments; what is refused says what to do, and doing that works."""
    async with connected(guarded, issued(http, "agent")["api_key"]) as client:

        async def called(name: str, /, **arguments: Any) -> Any:
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, f"{name}: {text(answer)}"
            return answer.structured_content

        board = {"project_name": "over mcp", "epic_name": "e"}
        first = (await called("create_task", name="first", description="x", ra_mode="simple", ra_score=3, **board))[
            "id"
        ]
        later = await called("create_task", name="later", dependencies=[first], conflicts_with=["port:80"], **board)
        refused = await client.call_tool("acquire_task_lock", {"task_id": later["id"], "agent_id": "ada"})
        assert (reason(refused), first in text(refused)) == ("DEPENDENCIES_OPEN", True)
        lease = (await called("acquire_task_lock", task_id=first, agent_id="ada", timeout=600))["lease"]
        refused = await client.call_tool("acquire_task_lock", {"task_id": first, "agent_id": "bob"})
        assert reason(refused) == "TASK_LEASED"
        assert "mcp-agent (ada) is at the task, by the token 1, until" in text(refused)
        assert "take another task" in text(refused)
        refused = await client.call_tool("update_task_status", {"task_id": first, "status": "DONE", "agent_id": "ada"})
        assert "Send the token if it is yours" in text(refused)
        # Tools run under the lease; under one that is not, nothing runs.
        token = lease["fencing_token"]
        held = {"qmcp/task_id": first, "qmcp/fencing_token": token}
        echoed = await client.call_tool("echo", {"message": "for the task"}, meta=held)
        ran = await called("get_invocation", id=(echoed.meta or {})["qmcp/invocation_id"])
        assert (ran["task_id"], ran["fencing_token"]) == (first, token)
        late = await client.call_tool("echo", {"message": "late"}, meta=held | {"qmcp/fencing_token": token + 1})
        assert (reason(late), "stop, or acquire again" in text(late)) == ("LEASE_LOST", True)
        for wrong in ({"qmcp/fencing_token": "1"}, {"qmcp/task_id": 7}, {"qmcp/fencing_token": 2**40}):
            with pytest.raises(MCPError, match="in _meta must be"):
                await client.call_tool("echo", {"message": "unfenced"}, meta=held | wrong)
        await called("update_task", task_id=first, ra_tags=["#SUGGEST_DOCS: x"], fencing_token=token)
        done = await called("update_task_status", task_id=first, status="DONE", agent_id="ada", fencing_token=token)
        assert done["board_status"] == "DONE"
        [claimed] = (await called("claim_task", project_id=done["project_id"], agent_id="bob", timeout=5))["tasks"]
        assert claimed["id"] == later["id"]
        await called("release_task_lock", task_id=later["id"], agent_id="bob", fencing_token=1)
        for name in ("list_projects", "list_epics", "list_tasks"):
            assert await called(name, limit=1)
        kinds = [each["kind"] for each in (await called("list_task_log_entries", task_id=first))["entries"]]
        assert kinds[:2] == ["transitioned", "updated"]
        assert {"work_begun", "leased"} < set(kinds)
        # Names are those that were shown, in what is sent and in what is told.
        hidden = await client.call_tool("get_task_details", {"id": first})
        assert (reason(hidden), "is called `task_id` here" in text(hidden)) == ("INVALID_REQUEST", True)
        short = await client.call_tool("acquire_task_lock", {"task_id": first, "agent_id": "ada", "timeout": 4000})
        [field] = (short.meta or {})["qmcp/error"]["fields"]
        assert field["field"] == "timeout"


async def test_an_agent_changes_says_and_moves_at_once_and_reads_what_it_needs_to_know(
    guarded: Stack, http: httpx.Client
) -> None:
    async with connected(guarded, issued(http, "agent")["api_key"]) as client:

        async def called(name: str, /, **arguments: Any) -> Any:
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, f"{name}: {text(answer)}"
            return answer.structured_content

        made = await called("create_task", name="changed", project_name="at once", epic_name="e")
        task, free = made["id"], {"status": "ALL", "limit": 5}
        assert task in [each["id"] for each in (await called("get_available_tasks", **free))["tasks"]]
        # In one call it takes a lease, and writes under it.
        taken = await called("update_task", task_id=task, agent_id="ada", status="IN_PROGRESS", description="more")
        token = taken["lease"]["fencing_token"]
        assert (taken["lease"]["agent_id"], taken["description"], token) == ("ada", "more", 1)
        assert task not in [each["id"] for each in (await called("get_available_tasks", **free))["tasks"]]
        found = (await called("get_available_tasks", status="in_progress", include_locked=True))["tasks"]
        assert task in [each["id"] for each in found]
        said = {"status": "REVIEW", "log_entry": "half done", "ra_tags": ["#SUGGEST_DOCS: x"], "agent_id": "ada"}
        # Whose lease it is has to say so, also who wants what it has.
        for status in ("REVIEW", "IN_PROGRESS"):
            refused = await client.call_tool("update_task", {"task_id": task, **said, "status": status})
            assert reason(refused) == "TASK_LEASED"
        await called("update_task", task_id=task, fencing_token=token, **said)
        details = await called("get_task_details", task_id=task, log_limit=2)
        at = (details["task"]["board_status"], details["epic_name"], details["project_name"])
        assert at == ("REVIEW", "e", "at once")
        assert [each["kind"] for each in details["entries"]] == ["transitioned", "comment"]
        assert details["entries"][1]["payload"] == {"text": "half done", "agent_id": "ada"}
        earlier = await called("get_task_details", task_id=task, before_seq=details["next_before_seq"])
        assert [each["kind"] for each in earlier["entries"]] == ["updated", "updated", "leased", "created"]
        assert earlier["next_before_seq"] == 0
        # Without the token, by the name of the caller's own agent that holds it.
        await called("acquire_task_lock", task_id=task, agent_id="bob")
        refused = await client.call_tool("release_task_lock", {"task_id": task, "agent_id": "ada"})
        assert (reason(refused), "(bob)" in text(refused)) == ("LOCKED_BY_ANOTHER", True)
        assert reason(await client.call_tool("release_task_lock", {"task_id": task})) == "INVALID_REQUEST"
        await called("release_task_lock", task_id=task, agent_id="bob")
        of_project = {"project_id": made["project_id"], "title": "net", "content": "Prices are net."}
        await called("upsert_knowledge", **of_project, priority=5)
        told = await called("get_instructions", format="full", project_id=made["project_id"])
        assert next(each["title"] for each in told["knowledge"]) == "net"
        assert "`REVIEW` can become `TODO`" in told["instructions"]
        short = await called("get_instructions", include_knowledge_context="false")
        assert (short["format"], short["knowledge"], "claim_task" in short["instructions"]) == ("concise", [], True)
