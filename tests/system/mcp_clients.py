"""Clients of the MCP endpoint as the official SDK makes them, and what their answers say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import CallToolResult

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
