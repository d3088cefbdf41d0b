"""The services that metrics calls: access, which knows who the callers are; hitl and tools, on which monitors act."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import grpc.aio
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from servicekit.channels import channel
from servicekit.identity.remote_resolver import RemoteKeyResolver, own_key, remote_key_resolver
from servicekit.settings import ServiceSettings
from services.metrics.monitors.errors import AwayError, RefusedError
from services.metrics.monitors.models import (
    ClaimedAction,
    HumanRequest,
    PauseTool,
    correlation_id,
    human_request_id,
)

SECONDS = 10.0
# The same call again will get the same answer.
FINAL = {
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.OUT_OF_RANGE,
    StatusCode.PERMISSION_DENIED,
}
MAX_PROMPT_LENGTH = 16_000


def access(settings: ServiceSettings) -> AbstractAsyncContextManager[RemoteKeyResolver]:
    """Who may call metrics."""
    return remote_key_resolver(settings, "metrics", access_service_pb2_grpc.AccessServiceStub, access_service_pb2)


class Peers:
    """What monitors do by other services: see monitors/actions.py."""

    def __init__(self, hitl: grpc.aio.Channel, tools: grpc.aio.Channel, key: str) -> None:
        """Takes where they are, and the key to call them with, empty where none is needed."""
        self._hitl = hitl_service_pb2_grpc.HitlServiceStub(hitl)
        self._tools = tools_service_pb2_grpc.ToolsServiceStub(tools)
        self._key = (("x-api-key", key),) if key else ()

    async def ask(self, claimed: ClaimedAction, wanted: HumanRequest, context: Mapping[str, Any]) -> None:
        """Opens a human request about a transition, one however often it is tried."""
        name = claimed.transition.monitor_name
        request = hitl_service_pb2.CreateHumanRequestRequest(
            id=human_request_id(claimed.id),
            request_type="choice" if wanted.options else "input",
            prompt=(wanted.prompt or f"The monitor {name!r} fires. What shall be done?")[:MAX_PROMPT_LENGTH],
            options=wanted.options,
            context=json_format.ParseDict(dict(context), Struct()),
            timeout_seconds=wanted.timeout_seconds or None,
            correlation_id=correlation_id(claimed.transition.id),
            priority=wanted.priority,
            assignees=wanted.assignees,
            groups=wanted.groups,
            tags=["monitor"],
            on_behalf_of=claimed.asked_by,
        )
        # It may have been asked before, by whoever was killed before that was noted, and have ended since.
        await self._do(self._hitl.CreateHumanRequest, request, claimed, done=StatusCode.ALREADY_EXISTS)

    async def pause(self, claimed: ClaimedAction, wanted: PauseTool) -> None:
        """Pauses a tool."""
        transition = claimed.transition
        reason = f"The monitor {transition.monitor_name!r} ({transition.monitor_id}) fires."
        request = tools_service_pb2.PauseToolRequest(name=wanted.tool_name, reason=reason)
        await self._do(self._tools.PauseTool, request, claimed)

    async def _do(
        self, method: Any, request: Message, claimed: ClaimedAction, done: StatusCode = StatusCode.OK
    ) -> None:
        """Calls a method; a code that says that it was done before is no error."""
        told = (("x-correlation-id", correlation_id(claimed.transition.id)),)
        call: Awaitable[Message] = method(request, timeout=SECONDS, metadata=(*self._key, *told))
        try:
            await call
        except grpc.aio.AioRpcError as error:
            if error.code() is done:
                return
            what = f"{error.code().name}: {error.details()}"
            if error.code() in FINAL:
                raise RefusedError(what) from None
            raise AwayError(what) from None


@asynccontextmanager
async def peers(settings: ServiceSettings, hitl_address: str, tools_address: str) -> AsyncIterator[Peers]:
    """What monitors act on. Nothing is opened before the first action.

    Raises:
        SystemExit: when callers are checked and the key to call with cannot be read.
    """
    async with AsyncExitStack() as stack:
        hitl = await stack.enter_async_context(channel(hitl_address, settings.certificates()))
        tools = await stack.enter_async_context(channel(tools_address, settings.certificates()))
        yield Peers(hitl, tools, own_key(settings))
