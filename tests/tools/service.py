"""What the tests of the tools service work with: replicas composed in this process, real stubs, and short forms of calls."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from qmcp.tools.v1 import invocation_pb2, tool_pb2, tools_service_pb2, tools_service_pb2_grpc

from devstack import ports
from services.tools.server import compose
from services.tools.settings import Settings
from tests.wire import Refusal, python, query, read_refusal, refusal, scraped, series, until

__all__ = [
    "Refusal",
    "python",
    "query",
    "read_refusal",
    "refusal",
    "series",
    "until",
]

pb = tools_service_pb2
LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass
class Replica:
    """A running tools service and a stub on it."""

    port: int
    stub: tools_service_pb2_grpc.ToolsServiceStub
    channel: grpc.aio.Channel
    settings: Settings

    async def invoke(
        self, name: str, arguments: dict[str, Any] | None = None, **fields: Any
    ) -> invocation_pb2.Invocation:
        return await self.stub.InvokeTool(invoke_request(name, arguments, **fields))

    async def start(
        self, name: str, arguments: dict[str, Any] | None = None, **fields: Any
    ) -> invocation_pb2.Invocation:
        return await self.stub.StartInvocation(invoke_request(name, arguments, **fields))

    async def get(self, invocation_id: str) -> invocation_pb2.Invocation:
        return await self.stub.GetInvocation(pb.GetInvocationRequest(id=invocation_id))

    async def create(self, **fields: Any) -> tool_pb2.Tool:
        return await self.stub.CreateTool(pb.CreateToolRequest(tool=tool(**fields)))

    async def update(self, **fields: Any) -> tool_pb2.Tool:
        return await self.stub.UpdateTool(pb.UpdateToolRequest(tool=tool(**fields)))

    async def cancel(self, invocation_id: str) -> invocation_pb2.Invocation:
        return await self.stub.CancelInvocation(pb.CancelInvocationRequest(id=invocation_id))

    async def verify(self, **fields: Any) -> tools_service_pb2.VerifyReceiptsResponse:
        return await self.stub.VerifyReceipts(pb.VerifyReceiptsRequest(**fields))

    async def listed(self, **fields: Any) -> list[invocation_pb2.Invocation]:
        return list((await self.stub.ListInvocations(pb.ListInvocationsRequest(page_size=500, **fields))).invocations)

    async def events(self, invocation_id: str, after_sequence: int = 0) -> list[invocation_pb2.InvocationEvent]:
        request = pb.WatchInvocationRequest(id=invocation_id, after_sequence=after_sequence)
        return [event async for event in self.stub.WatchInvocation(request)]

    async def metrics(self) -> dict[str, float]:
        """The samples of the metrics page, by name and sorted labels."""
        return await scraped(self.settings.metrics_port)


Start = Callable[..., Awaitable[Replica]]


def invoke_request(
    name: str, arguments: dict[str, Any] | None = None, **fields: Any
) -> tools_service_pb2.InvokeToolRequest:
    request = pb.InvokeToolRequest(name=name, **fields)
    if arguments is not None:
        json_format.ParseDict(arguments, request.input)
        request.input.SetInParent()
    return request


def tool(**fields: Any) -> tool_pb2.Tool:
    """A tool from its JSON form."""
    return json_format.ParseDict(fields, tool_pb2.Tool())


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[Replica]:
    # The channel outlives the server, so that callers see how their calls end when it stops.
    async with AsyncExitStack() as after, compose(settings) as server:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = await after.enter_async_context(
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=options)
        )
        yield Replica(server.port, tools_service_pb2_grpc.ToolsServiceStub(channel), channel, settings)


def settings_for(url: str, folder: Path, **changes: Any) -> Settings:
    wanted = {
        "database_url": url,
        "grpc_port": 0,
        "metrics_port": ports.free(),
        "database_pool_size": 5,
        "shutdown_grace_seconds": 0.5,
        "tools_receipt_key_file": folder / "receipt-key.pem",
        "tools_secrets_key_file": folder / "secrets-key",
        "tools_checkpoint_seconds": 3600,
        "tools_allowed_networks": ",".join(LOOPBACK),
        # A developer's own hitl is not to be asked.
        "hitl_address": "",
        "tasks_address": "",
    }
    return Settings(**{**wanted, **changes})


def runs(key: str) -> int:
    """How often the plug-in package was run with this key, in this process."""
    ran: list[str] = sys.modules["acme_tools"].ran
    return ran.count(key)


async def ended(replica: Replica, invocation_id: str) -> Any:
    """An invocation once it has ended."""

    async def found() -> Any:
        one = await replica.get(invocation_id)
        return one if one.completed_at.seconds else None

    return await until(found)


async def nothing_left(url: str) -> None:
    """Until there is no work in hand any more: an ending is seen a moment before."""

    async def nothing_open() -> bool:
        return not await query(url, "SELECT FROM open_approvals")

    await until(nothing_open)
