"""The catalogue of the tools service as MCP tools: listed page by page, invoked, followed while a human decides."""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import grpc
import grpc.aio
from google.protobuf import json_format
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
    Tool,
    ToolAnnotations,
)
from qmcp.tools.v1 import invocation_pb2, tool_pb2
from qmcp.tools.v1.tools_service_pb2 import (
    CancelInvocationRequest,
    InvokeToolRequest,
    ListToolsRequest,
    WatchInvocationRequest,
)
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from gateway.mcp import failures
from gateway.mcp.callers import Caller
from gateway.mcp.channels import Channels
from gateway.mcp.contract_tools import text_of
from gateway.mcp.documents import whole
from gateway.mcp.failures import Failure

SERVICE = "tools"
LIST, INVOKE = "tools.read", "tools.invoke"
PAGE_SIZE = 100
# Results say of themselves which row of the audit they are.
META_INVOCATION, META_STATUS = "qmcp/invocation_id", "qmcp/status"
AWAITING = "awaiting_approval"
FINAL = frozenset({"success", "failed", "cancelled", "rejected", "expired"})
# How long a watch that was cut off waits before it goes on.
AGAIN_SECONDS = 0.5
CANCEL_SECONDS = 5.0
Progress = Callable[[float, float | None, str | None], Awaitable[None]]


class UnknownToolError(Exception):
    """The catalogue has no tool of this name."""


class Catalogue:
    """The tools service, asked in the name of a caller."""

    def __init__(self, channels: Channels, *, quick_seconds: float, long_seconds: float, wait_seconds: float) -> None:
        """How long a list, a run, and the wait for a human may take."""
        self._channels = channels
        self._quick_seconds = quick_seconds
        self._long_seconds = long_seconds
        self._wait_seconds = wait_seconds

    @property
    def _stub(self) -> Any:
        return self._channels.stub(SERVICE, ToolsServiceStub)

    async def page(self, caller: Caller, token: str) -> tuple[list[Tool], str]:
        """A page of tools, and the token of the next one; empty on the last.

        Raises:
            grpc.aio.AioRpcError: where the service refuses.
        """
        if not (caller.may(LIST) and caller.may(INVOKE)):
            return [], ""
        request = ListToolsRequest(page_size=PAGE_SIZE, page_token=token)
        answer = await self._stub.ListTools(request, metadata=caller.metadata, timeout=self._quick_seconds)
        return [_described(each) for each in answer.tools], answer.next_page_token

    async def call(
        self, caller: Caller, name: str, arguments: dict[str, Any], idempotency_key: str, progress: Progress | None
    ) -> CallToolResult:
        """Runs a tool and gives its result; with `progress`, which hears how far it has come, the run is watched.

        Raises:
            UnknownToolError: where there is no such tool.
        """
        request = InvokeToolRequest(name=name, input_json=json.dumps(arguments), idempotency_key=idempotency_key)
        try:
            if progress is None:
                invocation = await self._stub.InvokeTool(request, metadata=caller.metadata, timeout=self._long_seconds)
            else:
                invocation = await self._watched(caller, request, progress)
            if invocation.status == AWAITING:
                # It goes on without its caller, who may come back to it.
                invocation = await self._followed(caller, invocation, progress, self._wait_seconds)
        except grpc.aio.AioRpcError as error:
            failure = failures.of(error)
            unnamed = (
                failure.code == grpc.StatusCode.INVALID_ARGUMENT
                and failure.fields[:1]
                and failure.fields[0][0] == "name"
            )
            if failure.code == grpc.StatusCode.NOT_FOUND or unnamed:
                raise UnknownToolError(name) from error
            return failures.result(failure)
        return of_invocation(invocation)

    async def _watched(
        self, caller: Caller, request: InvokeToolRequest, progress: Progress
    ) -> invocation_pb2.Invocation:
        """Starts the tool and follows it; it is cancelled when its caller goes away, as one that is waited for."""
        started: invocation_pb2.Invocation = await self._stub.StartInvocation(
            request, metadata=caller.metadata, timeout=self._quick_seconds
        )
        if started.status in FINAL or started.status == AWAITING:
            return started
        try:
            return await self._followed(caller, started, progress, self._long_seconds)
        except asyncio.CancelledError:
            with anyio.move_on_after(CANCEL_SECONDS, shield=True):
                # Where it has ended meanwhile, or nobody can be told, the record says which.
                with suppress(grpc.aio.AioRpcError):
                    await self._stub.CancelInvocation(CancelInvocationRequest(id=started.id), metadata=caller.metadata)
            raise

    async def _followed(
        self, caller: Caller, begun: invocation_pb2.Invocation, progress: Progress | None, seconds: float
    ) -> invocation_pb2.Invocation:
        """The invocation when it has ended, or as it stands when the time is over."""
        invocation, after, steps = begun, 0, 0.0
        with anyio.move_on_after(seconds):
            while invocation.status not in FINAL:
                request = WatchInvocationRequest(id=begun.id, after_sequence=after)
                try:
                    async for event in self._stub.WatchInvocation(request, metadata=caller.metadata):
                        after = event.sequence
                        kind = event.WhichOneof("event")
                        if kind == "invocation":
                            invocation = event.invocation
                        if progress is not None and kind == "progress":
                            told = event.progress
                            steps = max(steps, told.progress)
                            total = told.total if told.HasField("total") else None
                            await progress(told.progress, total, told.message or None)
                        elif progress is not None and kind == "invocation" and invocation.status == AWAITING:
                            await progress(steps, None, _awaited(invocation))
                except grpc.aio.AioRpcError as error:
                    if error.code() != grpc.StatusCode.UNAVAILABLE:
                        raise
                # Cut off: the replica leaves, and another goes on.
                if invocation.status not in FINAL:
                    await anyio.sleep(AGAIN_SECONDS)
        return invocation


def _described(tool: tool_pb2.Tool) -> Tool:
    hints = tool.annotations
    output = _document(tool.output_schema) if tool.HasField("output_schema") else None
    return Tool(
        name=tool.name,
        title=tool.title or None,
        description=tool.description or None,
        input_schema={"type": "object"} | _without_headers(_document(tool.input_schema)),
        # Older clients take objects alone.
        output_schema=output if output is not None and output.get("type") == "object" else None,
        annotations=ToolAnnotations(
            title=tool.title or None,
            read_only_hint=hints.read_only,
            destructive_hint=hints.destructive,
            idempotent_hint=hints.idempotent,
            open_world_hint=hints.open_world,
        ),
    )


def _document(struct: Any) -> dict[str, Any]:
    return dict(whole(json_format.MessageToDict(struct)))


def _without_headers(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the mark by which clients would repeat an argument in a header: nothing here reads those."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    plain = {
        name: {key: value for key, value in each.items() if key != "x-mcp-header"} if isinstance(each, dict) else each
        for name, each in properties.items()
    }
    return schema | {"properties": plain}


def _awaited(invocation: invocation_pb2.Invocation) -> str:
    return f"A human must approve it first: request {invocation.approval.human_request_id}."


def of_invocation(invocation: invocation_pb2.Invocation) -> CallToolResult:
    """The result of an invocation, or why there is none and what to do next."""
    meta: dict[str, Any] = {META_INVOCATION: invocation.id, META_STATUS: invocation.status}
    if invocation.status == "success" and invocation.error_reason != "OUTPUT_INVALID":
        value = result_of(invocation)
        content: list[ContentBlock] = [_block(value, invocation.id)]
        if invocation.error:
            content.append(TextContent(text=invocation.error))
        return CallToolResult(
            content=content, structured_content=value if isinstance(value, dict) else None, _meta=meta
        )
    message, next_step = _explained(invocation)
    failure = Failure(
        grpc.StatusCode.UNKNOWN if invocation.status in FINAL else grpc.StatusCode.FAILED_PRECONDITION,
        message,
        invocation.error_reason or invocation.status.upper(),
        "tools.qmcp",
    )
    found = failures.result(failure, next_step)
    return found.model_copy(update={"meta": {**(found.meta or {}), **meta}})


def _explained(invocation: invocation_pb2.Invocation) -> tuple[str, str]:
    match invocation.status:
        case "success":
            # Clients refuse structured content that breaks the tool's own schema, so it stands here as text.
            return (
                f"{invocation.error}\nThe tool ran, and gave: {text_of(result_of(invocation))}",
                "Do not call it again for that.",
            )
        case "awaiting_approval":
            follow = f"Ask get_invocation for {invocation.id}, or call again with the same idempotency key."
            return _awaited(invocation), follow
        case "rejected":
            comment = invocation.approval.comment
            return f"A human rejected it{f': {comment}' if comment else '.'}", "Do not call it again unchanged."
        case "expired":
            return "No human approved it in time.", "Call again to ask once more."
        case "pending" | "running":
            return "It goes on.", f"Ask get_invocation for {invocation.id}."
    return invocation.error or f"It ended as {invocation.status}.", "Correct what it says, or use another tool."


def result_of(invocation: invocation_pb2.Invocation) -> Any:
    """What the tool returned, as JSON has it."""
    if invocation.result_json:
        return json.loads(invocation.result_json)
    return whole(json_format.MessageToDict(invocation.result)) if invocation.HasField("result") else None


def _block(value: Any, invocation_id: str) -> ContentBlock:
    """Bytes as an image, a sound or a resource; anything else as text."""
    if not isinstance(value, dict) or {"base64", "content_type"} != value.keys():
        return TextContent(text=text_of(value))
    data, kind = value["base64"], value["content_type"]
    try:
        base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return TextContent(text=text_of(value))
    media_type = str(kind).partition(";")[0].strip().lower()
    if media_type.startswith("image/"):
        return ImageContent(data=data, mime_type=media_type)
    if media_type.startswith("audio/"):
        return AudioContent(data=data, mime_type=media_type)
    contents = BlobResourceContents(uri=f"qmcp://invocations/{invocation_id}", mime_type=str(kind), blob=data)
    return EmbeddedResource(resource=contents)
