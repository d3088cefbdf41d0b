"""Calls over MCP whose client asks for nothing but the answer: short ones, ones that last, and ones that are given up."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import httpx
import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from qmcp.tools.v1 import invocation_pb2, tools_service_pb2, tools_service_pb2_grpc

from gateway import services
from gateway.mcp import quiet_calls
from gateway.mcp.app import application
from gateway.settings import McpSettings
from tests.system.mcp_requests import request

GUARD_SECONDS = 60


@dataclass
class Tools(tools_service_pb2_grpc.ToolsServiceServicer):
    """Runs `slow` until it is let, and anything else at once."""

    slow: asyncio.Event = field(default_factory=asyncio.Event)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def InvokeTool(self, request: tools_service_pb2.InvokeToolRequest, _: Any) -> invocation_pb2.Invocation:
        try:
            if request.name == "slow":
                await self.slow.wait()
        except asyncio.CancelledError:
            self.given_up.set()
            raise
        return invocation_pb2.Invocation(id="1", status="success", result_json=request.input_json)


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Tools, httpx.AsyncClient]]:
    """The endpoint before such a service, without a check of who calls."""
    tools, behind = Tools(), grpc.aio.server()
    tools_service_pb2_grpc.add_ToolsServiceServicer_to_server(tools, behind)
    address = f"127.0.0.1:{behind.add_insecure_port('127.0.0.1:0')}"
    await behind.start()
    settings = McpSettings(auth="off", service_addresses=dict.fromkeys(services.names(), address))
    config = uvicorn.Config(application(settings, CollectorRegistry()), port=0, log_config=None)
    server = uvicorn.Server(config)
    # Not `serve`: the signals are the test run's.
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=GUARD_SECONDS) as http:
            yield tools, http
    finally:
        server.should_exit = True
        await serving
        await behind.stop(None)


def call(name: str) -> dict[str, Any]:
    """What httpx sends."""
    message, headers = request("qmcp_x", "tools/call", {}, name=name, arguments={"message": "hellö"})
    del message["params"]["_meta"]["io.modelcontextprotocol/logLevel"]
    # As written by hand: escapes might hide what a client wants to hear.
    content = json.dumps(message, ensure_ascii=False).encode()
    return {"content": content, "headers": headers | {"content-type": "application/json"}}


async def test_one_that_lasts_is_kept_open_until_its_answer_and_ends_when_its_client_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiet_calls, "ATTENDED_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(quiet_calls, "PING_SECONDS", 0.02)
    async with served() as (tools, http):
        quick = await http.post("/mcp", **call("quick"))
        assert quick.headers["content-type"] == "application/json"
        assert quick.json()["result"]["structuredContent"] == {"message": "hellö"}
        # The protocol's rules are the SDK's on either way.
        refused = call("quick")
        refused["headers"]["mcp-name"] = "other"
        answers = [await http.post("/mcp", **refused)]
        refused["content"] = refused["content"].replace(b"hell", rb"\u0068ell")
        answers.append(await http.post("/mcp", **refused))
        assert [(each.status_code, each.json()["error"]["code"]) for each in answers] == [(400, -32020)] * 2

        async with http.stream("POST", "/mcp", **call("slow")) as lasting:
            assert lasting.headers["content-type"] == "text/event-stream"
            lines = lasting.aiter_lines()
            assert [await anext(lines) for _ in range(3)] == [": ping", "", ": ping"]
            tools.slow.set()
            (data,) = [line async for line in lines if line.startswith("data: ")]
            answer = json.loads(data.removeprefix("data: "))
            assert answer["id"] == 1
            assert answer["result"]["structuredContent"] == {"message": "hellö"}
        tools.slow.clear()
        async with http.stream("POST", "/mcp", **call("slow")) as left:
            assert left.status_code == 200
        async with asyncio.timeout(GUARD_SECONDS):
            await tools.given_up.wait()
