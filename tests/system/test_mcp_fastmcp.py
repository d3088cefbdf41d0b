"""FastMCP's client on the whole journey through the edge with auth on, in both revisions."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from tests.stack import ROOT, Stack
from tests.tools.mcp_upstream import http_server
from tests.upstream import Upstream, upstream

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


def issued(http: httpx.Client, owner: str, *roles: str) -> tuple[str, str]:
    answer = http.post("/v1/keys", json={"owner": owner, "roles": roles})
    answer.raise_for_status()
    return answer.json()["api_key"], answer.json()["key"]["id"]


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_it_lists_calls_is_asked_reaches_another_server_and_ends_with_its_key(
    mode: Any, guarded: Stack, http: httpx.Client, service: Upstream
) -> None:
    key, key_id = issued(http, f"fastmcp-{mode}", "agent", "human")
    asked: list[str] = []
    told = asyncio.Event()

    async def answers(message: str, *_: Any) -> dict[str, Any]:
        asked.append(message)
        return {"confirm": True}

    async def hears(_: float, __: float | None, message: str | None) -> None:
        if "A human must approve" in (message or ""):
            told.set()

    def client(**hears: Any) -> Client[Any]:
        transport = StreamableHttpTransport(f"{guarded.edge_url}/mcp", headers={"x-api-key": key})
        return Client(transport, mode=mode, **hears)

    name = f"fastmcp-{mode}"
    tool = {"http": {"method": "POST", "url": service.url}, "approval": {"mode": "always"}}
    await asyncio.to_thread(lambda: http.put(f"/v1/tools/{name}", json=tool).raise_for_status())
    async with http_server() as other, client(elicitation_handler=answers) as called:
        made = await asyncio.to_thread(
            lambda: http.post("/v1/mcp-servers", json={"name": name, "http": {"url": other.url}})
        )
        made.raise_for_status()
        refreshed = await asyncio.to_thread(lambda: http.post(f"/v1/mcp-servers/{name}:refresh"))
        assert refreshed.json()["state"] == "available", refreshed.text
        assert {"echo", "query_metrics", name, f"{name}/add"} <= {each.name for each in await called.list_tools()}
        assert (await called.call_tool("echo", {"message": "hello"})).content[0].text == "hello"
        refused = await called.call_tool("echo", {}, raise_on_error=False)
        assert (refused.is_error, refused.meta["qmcp/error"]["reason"]) == (True, "ARGUMENTS_INVALID")
        approved = await called.call_tool(name, {"ask": mode})
        assert approved.structured_content == {"ask": mode}
        assert f'"ask": "{mode}"' in asked[0]
        added = await called.call_tool(f"{name}/add", {"a": 2, "b": 3})
        assert added.structured_content == {"result": 5}
        made_id = added.meta["qmcp/invocation_id"]
        receipt = json.loads((await called.read_resource(f"qmcp://receipts/{made_id}"))[0].text)
        assert (receipt["invocation_id"], f"{name}/add" in json.dumps(receipt)) == (made_id, True)
    # Nobody is there to be asked: it waits, until its key is revoked.
    async with client(progress_handler=hears) as waits:
        waiting = asyncio.create_task(waits.call_tool(name, {"ask": "revoked"}, raise_on_error=False))
        async with asyncio.timeout(GUARD_SECONDS):
            await told.wait()
        await asyncio.to_thread(lambda: http.post(f"/v1/keys/{key_id}:revoke").raise_for_status())
        ended = await waiting
        assert (ended.is_error, ended.meta["qmcp/error"]["code"]) == (True, "UNAUTHENTICATED")
    await asyncio.to_thread(lambda: http.delete(f"/v1/mcp-servers/{name}").raise_for_status())
    assert {"ask": "revoked"} not in service.bodies


def configured(page: str, stack: Stack, program: Path) -> list[dict[str, Any]]:
    """What a page tells people to paste, with the address, the key and the program that are here."""
    found = [json.loads(line) for line in re.findall(r'^{"(?:mcpServers|servers)": .*}$', page, re.MULTILINE)]
    servers = [{**each.get("mcpServers", {}), **each.get("servers", {})}["qmcp"] for each in found]
    for server in servers:
        if "url" in server:
            assert server["url"] == "http://127.0.0.1:3333/mcp"
            server["url"] = f"{stack.edge_url}/mcp"
            server["headers"] = dict.fromkeys(server.get("headers", {"X-API-Key": ""}), stack.admin_key)
        else:
            assert server["env"].pop("QMCP_URL") == "http://127.0.0.1:3333"
            keys = dict.fromkeys(server["env"] or ("QMCP_API_KEY",), stack.admin_key)
            server |= {"command": str(program), "env": {**keys, "QMCP_URL": stack.edge_url, "PATH": os.environ["PATH"]}}
    return servers


@pytest.mark.parametrize("page", ["README.md", "docs/mcp.md"])
async def test_what_a_page_tells_people_to_paste_connects(page: str, guarded: Stack) -> None:
    servers = configured((ROOT / page).read_text(), guarded, Path(sys.executable).with_name("qmcp"))
    assert sorted("url" in server for server in servers) == [False, True, True]
    for server in servers:
        async with Client({"mcpServers": {"qmcp": server}}) as client:
            assert "echo" in {tool.name for tool in await client.list_tools()}
