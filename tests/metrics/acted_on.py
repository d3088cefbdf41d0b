"""What monitors act on, as it looks from the metrics service: a hitl and a tools that note what they are asked to do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from qmcp.hitl.v1 import hitl_service_pb2_grpc, request_pb2
from qmcp.tools.v1 import tool_pb2, tools_service_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class ActedOn:
    """Both on one port; `answers` are codes to answer with, the last of them for ever."""

    port: int = 0
    answers: list[grpc.StatusCode] = field(default_factory=lambda: [grpc.StatusCode.OK])
    asked: list[Any] = field(default_factory=list)
    correlations: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        address = f"127.0.0.1:{self.port}"
        return {"hitl_address": address, "tools_address": address, "metrics_allowed_networks": "127.0.0.0/8"}

    async def take(self, request: Message, context: Context) -> None:
        self.asked.append(request)
        self.correlations.append(str(dict(context.invocation_metadata() or ())["x-correlation-id"]))
        code = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if code is not grpc.StatusCode.OK:
            await context.abort(code, "as the test wants")


class _Hitl(hitl_service_pb2_grpc.HitlServiceServicer):
    def __init__(self, acted_on: ActedOn) -> None:
        self._acted_on = acted_on

    async def CreateHumanRequest(self, request: Any, context: Context) -> request_pb2.HumanRequest:
        await self._acted_on.take(request, context)
        return request_pb2.HumanRequest(id=request.id, status="pending")


class _Tools(tools_service_pb2_grpc.ToolsServiceServicer):
    def __init__(self, acted_on: ActedOn) -> None:
        self._acted_on = acted_on

    async def PauseTool(self, request: Any, context: Context) -> tool_pb2.Tool:
        await self._acted_on.take(request, context)
        return tool_pb2.Tool(name=request.name)


@asynccontextmanager
async def acted_on() -> AsyncIterator[ActedOn]:
    running, server = ActedOn(), grpc.aio.server()
    hitl_service_pb2_grpc.add_HitlServiceServicer_to_server(_Hitl(running), server)
    tools_service_pb2_grpc.add_ToolsServiceServicer_to_server(_Tools(running), server)
    running.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield running
    finally:
        await server.stop(None)
