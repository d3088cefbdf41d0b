"""Clients of the MCP endpoint as the official SDK makes them, and what their answers say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastmcp import Client as FastMcpClient
from mcp.client import Client
from mcp.client.extension import ClaimContext, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult
from qmcp.client.mcp_relay import ANSWER, TakesTasks, Task, TaskParams, TaskRequest

from tests.stack import Stack

REVISIONS = ("2025-11-25", "2026-07-28")


def done(client: httpx.Client, path: str, method: str = "POST", /, **body: object) -> dict[str, Any]:
    answer = client.request(method, path, json=body)
    answer.raise_for_status()
    return dict(answer.json())


def issued(http: httpx.Client, role: str, owner: str = "") -> dict[str, Any]:
    return done(http, "/v1/keys", owner=owner or f"mcp-{role}", roles=[role])


@asynccontextmanager
async def connected(stack: Stack, key: str, revision: str = REVISIONS[1]) -> AsyncIterator[Client]:
    async with create_mcp_http_client(headers={"x-api-key": key}) as transport:
        mode = "legacy" if revision == REVISIONS[0] else revision
        async with Client(streamable_http_client(f"{stack.edge_url}/mcp", http_client=transport), mode=mode) as client:
            yield client


def text(result: CallToolResult) -> str:
    return "\n".join(getattr(block, "text", "") for block in result.content)


def reason(result: CallToolResult) -> str:
    assert result.is_error
    return str((result.meta or {})["qmcp/error"]["reason"])


class FollowsTask(TakesTasks):
    """Makes a call that becomes a task end as any other for its client, whatever became of the server meanwhile."""

    def __init__(self) -> None:
        self.task_id = ""
        self.begun = asyncio.Event()
        # Until then the client asks for nothing.
        self.goes_on = asyncio.Event()

    def claims(self) -> tuple[ResultClaim[Any], ...]:
        return (ResultClaim(result_type="task", model=Task, resolve=self._ended),)

    async def _ended(self, task: Task, context: ClaimContext) -> CallToolResult:
        self.task_id = (task.model_extra or {})["taskId"]
        self.begun.set()
        await self.goes_on.wait()
        given = {"approval": {"action": "accept", "content": {"confirm": True}}}
        await self._asked(context, "tasks/update", input_responses=given)
        async with asyncio.timeout(60):
            while (found := await self._asked(context, "tasks/get"))["status"] != "completed":
                await asyncio.sleep(0.05)
        return CallToolResult.model_validate(found["result"])

    async def _asked(self, context: ClaimContext, method: str, **said: Any) -> dict[str, Any]:
        request = TaskRequest(method=method, params=TaskParams(task_id=self.task_id, **said))
        return await context.session.send_request(request, ANSWER)


class HeldCalls:
    """Calls whose clients hold a task each."""

    def __init__(self, followed: Sequence[FollowsTask], calls: Sequence[asyncio.Task[Any]]) -> None:
        self._followed = followed
        self._calls = calls

    async def results(self) -> list[Any]:
        """What each gives in the end."""
        for each in self._followed:
            each.goes_on.set()
        return await asyncio.gather(*self._calls)


async def calls_as_tasks(url: str, name: str, arguments: dict[str, Any]) -> HeldCalls:
    """A call by the official SDK's client and one by FastMCP's, both of which have their task."""
    official, other = FollowsTask(), FollowsTask()
    clients = (
        Client(url, mode=REVISIONS[1], extensions=[official]),
        FastMcpClient(url, mode=REVISIONS[1], extensions=[other]),
    )

    async def called(client: Any) -> Any:
        async with client:
            return (await client.call_tool(name, arguments)).structured_content

    calls = [asyncio.create_task(called(client)) for client in clients]
    async with asyncio.timeout(60):
        await asyncio.gather(official.begun.wait(), other.begun.wait())
    return HeldCalls((official, other), calls)
