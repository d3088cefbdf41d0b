"""Invocations of the tools service in a caller's name: begun, followed, read and cancelled."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
import grpc
import grpc.aio
from mcp_types import ElicitRequest, ElicitResult
from qmcp.tools.v1 import invocation_pb2
from qmcp.tools.v1.tools_service_pb2 import (
    CancelInvocationRequest,
    GetInvocationRequest,
    InvokeToolRequest,
    WatchInvocationRequest,
)
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from gateway.mcp.callers import Caller
from gateway.mcp.channels import Channels

SERVICE = "tools"
AWAITING = "awaiting_approval"
FINAL = frozenset({"success", "failed", "cancelled", "rejected", "expired"})
# How long a watch that was cut off waits before it goes on.
AGAIN_SECONDS = 0.5
CANCEL_SECONDS = 5.0
Progress = Callable[[float, float | None, str | None], Awaitable[None]]
Ask = Callable[[ElicitRequest], Awaitable[ElicitResult]]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a caller wants of the catalogue; `progress` hears how far it has come."""

    caller: Caller
    name: str
    arguments: dict[str, Any]
    idempotency_key: str
    # The task for which it is called and the token of its lease; "" and 0 where it is for none.
    lease: tuple[str, int]
    progress: Progress | None
    # Asks the client back while the call is open; None where it cannot be asked.
    ask: Ask | None = None

    def request(self) -> InvokeToolRequest:
        """As the tools service takes it."""
        task_id, fencing_token = self.lease
        return InvokeToolRequest(
            name=self.name,
            input_json=json.dumps(self.arguments),
            idempotency_key=self.idempotency_key,
            task_id=task_id,
            fencing_token=fencing_token,
        )


class Invocations:
    """The tools service, asked in the name of a caller. All of it raises grpc.aio.AioRpcError where it refuses."""

    def __init__(self, channels: Channels, *, quick_seconds: float, long_seconds: float) -> None:
        """How long a question and a run may take."""
        self._channels = channels
        self._quick_seconds = quick_seconds
        self._long_seconds = long_seconds

    @property
    def _stub(self) -> Any:
        return self._channels.stub(SERVICE, ToolsServiceStub)

    async def run(self, call: ToolCall) -> invocation_pb2.Invocation:
        """Runs a tool until it ends or awaits an approval. Whoever goes away meanwhile cancels it."""
        metadata = call.caller.metadata
        if call.progress is not None:
            return await self.begun(call, self._long_seconds)
        ran: invocation_pb2.Invocation = await self._stub.InvokeTool(
            call.request(), metadata=metadata, timeout=self._long_seconds
        )
        return ran

    async def begun(self, call: ToolCall, seconds: float) -> invocation_pb2.Invocation:
        """Starts a tool, and gives its invocation when it has ended, awaits an approval, or the time is over.

        It is cancelled when its caller goes away before that, as one that is waited for.
        """
        started: invocation_pb2.Invocation = await self._stub.StartInvocation(
            call.request(), metadata=call.caller.metadata, timeout=self._quick_seconds
        )
        try:
            return await self.followed(call.caller, started, call.progress, seconds, FINAL | {AWAITING})
        except asyncio.CancelledError:
            with anyio.move_on_after(CANCEL_SECONDS, shield=True):
                # Where it has ended meanwhile, or nobody can be told, the record says which.
                with suppress(grpc.aio.AioRpcError):
                    await self.cancel(call.caller, started.id)
            raise

    async def followed(
        self,
        caller: Caller,
        begun: invocation_pb2.Invocation,
        progress: Progress | None,
        seconds: float,
        until: frozenset[str] = FINAL,
    ) -> invocation_pb2.Invocation:
        """The invocation when it has come to one of these states, or as it stands when the time is over."""
        invocation: invocation_pb2.Invocation = begun
        after, steps = 0, 0.0
        with anyio.move_on_after(seconds):
            while invocation.status not in until:
                request = WatchInvocationRequest(id=begun.id, after_sequence=after)
                watch = self._stub.WatchInvocation(request, metadata=caller.metadata)
                try:
                    async for event in watch:
                        after = event.sequence
                        kind = event.WhichOneof("event")
                        if kind == "progress" and progress is not None:
                            told = event.progress
                            steps = max(steps, told.progress)
                            total = told.total if told.HasField("total") else None
                            await progress(told.progress, total, told.message or None)
                        elif kind == "invocation":
                            invocation = event.invocation
                            if progress is not None and invocation.status == AWAITING:
                                await progress(steps, None, awaited(invocation))
                            if invocation.status in until:
                                return invocation
                except grpc.aio.AioRpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
                finally:
                    watch.cancel()
                # Cut off: the replica leaves, and another goes on.
                await anyio.sleep(AGAIN_SECONDS)
        return invocation

    async def read(self, caller: Caller, invocation_id: str) -> invocation_pb2.Invocation:
        """One as it stands now."""
        request = GetInvocationRequest(id=invocation_id)
        found: invocation_pb2.Invocation = await self._stub.GetInvocation(
            request, metadata=caller.metadata, timeout=self._quick_seconds
        )
        return found

    async def cancel(self, caller: Caller, invocation_id: str) -> None:
        """Asks for its end."""
        request = CancelInvocationRequest(id=invocation_id)
        await self._stub.CancelInvocation(request, metadata=caller.metadata, timeout=self._quick_seconds)


def awaited(invocation: invocation_pb2.Invocation) -> str:
    """Whose word an invocation waits for."""
    return f"A human must approve it first: request {invocation.approval.human_request_id}."
