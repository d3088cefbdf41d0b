"""The gRPC edge of the tools service: takes the request, calls one domain function, returns one message."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.tools.v1 import (
    invocation_pb2,
    mcp_server_pb2,
    receipt_pb2,
    tool_import_pb2,
    tool_pb2,
    tools_service_pb2,
    tools_service_pb2_grpc,
)

from servicekit import ndjson
from servicekit.errors import ServiceError
from servicekit.http_json.calls import is_transcoded
from servicekit.http_status import ACCEPTED, CREATED, answer_with, answer_with_headers
from servicekit.idempotency import Once, key_of
from servicekit.identity.detached_work import Sponsor
from servicekit.json_values import MAX_DEPTH, document
from servicekit.large import beside
from servicekit.leased_work import Lease
from servicekit.request_context import MAX_ID_LENGTH, current_context
from servicekit.timestamps import to_datetime
from services.tools import exports, messages
from services.tools.approval.grants import Grants
from services.tools.audit.archiving import Archiving
from services.tools.audit.checkpoints import SigningKey
from services.tools.audit.history import History
from services.tools.audit.models import Archive, Checkpoint
from services.tools.catalogue.catalogue import Catalogue
from services.tools.execution.active import InvocationRequest
from services.tools.execution.cancellation import Cancellations
from services.tools.execution.execution import Execution
from services.tools.imports.importing import Imports
from services.tools.imports.messages import import_to, request_from
from services.tools.limits.limits import Limits
from services.tools.mcp_servers.models import McpServer
from services.tools.mcp_servers.servers import McpServers
from services.tools.models import Invocation, Json, Tool, ToolFilter
from services.tools.servicer.grants import GrantCalls
from services.tools.servicer.limits import LimitCalls

# The RPCs that run a tool, and keep on record what was refused.
INVOKING = ("InvokeTool", "CallTool", "StartInvocation")
# Of a body that was refused unread, bytes.
MAX_BEGINNING = 1_000
MAX_FAULTS = 100
ROWS_A_CHUNK = 100

Context = ServicerContext[Any, Any]


class ToolsServicer(GrantCalls, LimitCalls, tools_service_pb2_grpc.ToolsServiceServicer):
    """See protos/qmcp/tools/v1/tools_service.proto, where every method is documented."""

    def __init__(
        self,
        catalogue: Catalogue,
        execution: Execution,
        cancellations: Cancellations,
        history: History,
        archiving: Archiving,
        key: SigningKey,
        servers: McpServers,
        imports: Imports,
        grants: Grants,
        limits: Limits,
    ) -> None:
        self._grants = grants
        self._limits = limits
        self._catalogue = catalogue
        self._servers = servers
        self._imports = imports
        self._execution = execution
        self._cancellations = cancellations
        self._history = history
        self._archiving = archiving
        self._key = key

    async def ListTools(
        self, request: tools_service_pb2.ListToolsRequest, context: Context
    ) -> tools_service_pb2.ListToolsResponse:
        wanted = ToolFilter(request.query, request.kind, request.invocable)
        caller = current_context.get().principal
        tools, token = await self._catalogue.page(wanted, caller, request.page_size, request.page_token)
        return tools_service_pb2.ListToolsResponse(tools=map(_shown, tools), next_page_token=token)

    async def GetTool(self, request: tools_service_pb2.GetToolRequest, context: Context) -> tool_pb2.Tool:
        return _shown(await self._catalogue.get(request.name, current_context.get().principal))

    async def CreateTool(self, request: tools_service_pb2.CreateToolRequest, context: Context) -> tool_pb2.Tool:
        return await self._catalogue.create(messages.tool_from(request.tool), Once(request, _shown))

    async def UpdateTool(self, request: tools_service_pb2.UpdateToolRequest, context: Context) -> tool_pb2.Tool:
        is_new = False

        def answer(updated: tuple[Tool, bool]) -> tool_pb2.Tool:
            nonlocal is_new
            tool, is_new = updated
            return _shown(tool)

        tool = messages.tool_from(request.tool)
        updated = await self._catalogue.update(tool, request.tool.etag, Once(request, answer))
        if is_new:
            await answer_with(context, CREATED)
        return updated

    async def DeleteTool(self, request: tools_service_pb2.DeleteToolRequest, context: Context) -> Empty:
        await self._catalogue.delete(request.name, request.etag)
        return Empty()

    async def PauseTool(self, request: tools_service_pb2.PauseToolRequest, context: Context) -> tool_pb2.Tool:
        by = current_context.get().principal.name
        return _shown(await self._catalogue.pause(request.name, by, request.reason))

    async def ResumeTool(self, request: tools_service_pb2.ResumeToolRequest, context: Context) -> tool_pb2.Tool:
        return _shown(await self._catalogue.resume(request.name))

    async def ImportTools(
        self, request: tools_service_pb2.ImportToolsRequest, context: Context
    ) -> tool_import_pb2.ToolImport:
        return await self._imports.run(request_from(request), Once(request, import_to))

    async def ListMcpServers(
        self, request: tools_service_pb2.ListMcpServersRequest, context: Context
    ) -> tools_service_pb2.ListMcpServersResponse:
        servers, token = await self._servers.page(
            current_context.get().principal, request.page_size, request.page_token
        )
        return tools_service_pb2.ListMcpServersResponse(servers=map(_server_shown, servers), next_page_token=token)

    async def GetMcpServer(
        self, request: tools_service_pb2.GetMcpServerRequest, context: Context
    ) -> mcp_server_pb2.McpServer:
        return _server_shown(await self._servers.get(request.name, current_context.get().principal))

    async def CreateMcpServer(
        self, request: tools_service_pb2.CreateMcpServerRequest, context: Context
    ) -> mcp_server_pb2.McpServer:
        return await self._servers.create(messages.server_from(request.server), Once(request, _server_shown))

    async def UpdateMcpServer(
        self, request: tools_service_pb2.UpdateMcpServerRequest, context: Context
    ) -> mcp_server_pb2.McpServer:
        is_new = False

        def answer(updated: tuple[McpServer, bool]) -> mcp_server_pb2.McpServer:
            nonlocal is_new
            server, is_new = updated
            return _server_shown(server)

        server = messages.server_from(request.server)
        replaced = await self._servers.update(server, request.server.etag, Once(request, answer))
        if is_new:
            await answer_with(context, CREATED)
        return replaced

    async def DeleteMcpServer(self, request: tools_service_pb2.DeleteMcpServerRequest, context: Context) -> Empty:
        await self._servers.delete(request.name, request.etag)
        return Empty()

    async def RefreshMcpServer(
        self, request: tools_service_pb2.RefreshMcpServerRequest, context: Context
    ) -> mcp_server_pb2.McpServer:
        return _server_shown(await self._servers.refresh(request.name))

    async def InvokeTool(
        self, request: tools_service_pb2.InvokeToolRequest, context: Context
    ) -> invocation_pb2.Invocation:
        invocation = await self._execution.invoke(await _invocation_request(request))
        if invocation.status == "awaiting_approval":
            await answer_with(context, ACCEPTED)
        elif current_context.get().answer_headers:
            await answer_with_headers(context, {})
        return await beside(invocation.size, messages.invocation_to, invocation)

    async def CallTool(
        self, request: tools_service_pb2.InvokeToolRequest, context: Context
    ) -> tools_service_pb2.CallToolResponse:
        invocation = await self._execution.invoke(await _invocation_request(request))
        if current_context.get().answer_headers:
            await answer_with_headers(context, {})
        return await beside(invocation.size, messages.call_to, invocation)

    async def StartInvocation(
        self, request: tools_service_pb2.InvokeToolRequest, context: Context
    ) -> invocation_pb2.Invocation:
        invocation = await self._execution.start(await _invocation_request(request))
        await answer_with(context, ACCEPTED if invocation.status == "awaiting_approval" else CREATED)
        return await beside(invocation.size, messages.invocation_to, invocation)

    async def refused(self, request: tools_service_pb2.InvokeToolRequest, sent: bytes, error: ServiceError) -> None:
        """Records a request to run a tool that was refused before it got here."""
        call = current_context.get()
        correlation_id = request.correlation_id
        sound = len(correlation_id) <= MAX_ID_LENGTH and correlation_id.isprintable()
        refused = InvocationRequest(
            request.name[:MAX_ID_LENGTH].replace("\0", "\N{REPLACEMENT CHARACTER}"),
            {"refused": await beside(call.large_bytes, _told, request, sent)},
            call.principal.name,
            correlation_id if correlation_id and sound else call.recorded_correlation_id,
            "",
            Sponsor.of(call.principal),
        )
        await self._execution.record_refusal(refused, error)

    async def GetInvocation(
        self, request: tools_service_pb2.GetInvocationRequest, context: Context
    ) -> invocation_pb2.Invocation:
        invocation = await self._history.get(request.id, current_context.get().viewer)
        return await beside(invocation.size, messages.invocation_to, invocation)

    async def ListInvocations(
        self, request: tools_service_pb2.ListInvocationsRequest, context: Context
    ) -> tools_service_pb2.ListInvocationsResponse:
        page, token = await self._history.page(
            messages.filter_from(request),
            current_context.get().viewer,
            request.page_size or request.limit,
            request.page_token,
            request.offset,
            full=request.view == "full",
        )
        size = sum(invocation.size for invocation in page)
        return await beside(size, messages.invocations_to, page, token)

    async def WatchInvocation(
        self, request: tools_service_pb2.WatchInvocationRequest, context: Context
    ) -> AsyncIterator[invocation_pb2.InvocationEvent]:
        sequence, viewer = request.after_sequence, current_context.get().viewer
        async for event in self._history.watch(request.id, viewer, request.after_sequence):
            sequence = event.sequence if event is not None else sequence
            yield await beside(event.size if event is not None else 0, messages.event_to, event, sequence)

    async def CancelInvocation(
        self, request: tools_service_pb2.CancelInvocationRequest, context: Context
    ) -> invocation_pb2.Invocation:
        invocation = await self._cancellations.cancel(request.id, current_context.get().viewer)
        return await beside(invocation.size, messages.invocation_to, invocation)

    async def SummarizeInvocations(
        self, request: tools_service_pb2.SummarizeInvocationsRequest, context: Context
    ) -> tools_service_pb2.SummarizeInvocationsResponse:
        summaries = await self._history.summarize(messages.filter_from(request), current_context.get().viewer)
        return tools_service_pb2.SummarizeInvocationsResponse(tools=map(messages.summary_to, summaries))

    async def ExportInvocations(
        self, request: tools_service_pb2.ExportInvocationsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        count, viewer = 0, current_context.get().viewer
        async with aclosing(self._history.export(messages.filter_from(request), viewer)) as pages:
            async for page in pages:
                count += len(page)
                for chunk in await beside(sum(one.size for one in page), exports.invocation_chunks, page):
                    yield HttpBody(content_type=ndjson.CONTENT_TYPE, data=chunk)
        yield HttpBody(content_type=ndjson.CONTENT_TYPE, data=exports.done_line(count))

    async def RedactInvocation(
        self, request: tools_service_pb2.RedactInvocationRequest, context: Context
    ) -> invocation_pb2.Invocation:
        viewer = current_context.get().viewer
        redacted = await self._history.redact(request.id, list(request.fields), viewer, request.reason)
        return await beside(redacted.size, messages.invocation_to, redacted)

    async def GetReceipt(self, request: tools_service_pb2.GetReceiptRequest, context: Context) -> receipt_pb2.Receipt:
        viewer = current_context.get().viewer
        return messages.receipt_to(*await self._history.receipt(request.invocation_id, viewer))

    async def VerifyReceipts(
        self, request: tools_service_pb2.VerifyReceiptsRequest, context: Context
    ) -> tools_service_pb2.VerifyReceiptsResponse:
        after = to_datetime(request, "completed_after")
        before = to_datetime(request, "completed_before")
        viewer = current_context.get().viewer
        return messages.verification_to(await self._history.verify(viewer, after, before), MAX_FAULTS)

    async def ExportReceipts(
        self, request: tools_service_pb2.ExportReceiptsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        after = to_datetime(request, "completed_after")
        before = to_datetime(request, "completed_before")
        viewer = current_context.get().viewer
        of = "" if viewer.sees_all else viewer.name
        async for chunk in _chunks(self._history.export_receipts(viewer, after, before), of):
            yield chunk

    async def ArchiveReceipts(
        self, request: tools_service_pb2.ArchiveReceiptsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        before = to_datetime(request, "created_before")
        assert before is not None, "the contract demands it"
        async for chunk in _chunks(self._archiving.export(before)):
            yield chunk

    async def GetReceiptKey(
        self, request: tools_service_pb2.GetReceiptKeyRequest, context: Context
    ) -> tools_service_pb2.ReceiptKey:
        return tools_service_pb2.ReceiptKey(public_key_pem=self._key.public_pem(), key_id=self._key.key_id)


async def _chunks(
    exported: AsyncGenerator[Archive | Invocation | Checkpoint, None] | AsyncGenerator[Archive | Invocation, None],
    principal: str = "",
) -> AsyncIterator[HttpBody]:
    """The lines of an export, many at a time, and the line that says that it is whole."""
    count = 0
    written: list[bytes] = []
    async with aclosing(exported) as items:
        async for item in items:
            match item:
                case Archive():
                    written.append(exports.archive_line(item))
                case Checkpoint():
                    written.append(exports.checkpoint_line(item))
                case _:
                    written.append(await beside(item.size, exports.receipt_line, item))
                    count += 1
            if len(written) == ROWS_A_CHUNK or len(written[-1]) > ndjson.CHUNK_BYTES // ROWS_A_CHUNK:
                for chunk in ndjson.chunks(written):
                    yield HttpBody(content_type=ndjson.CONTENT_TYPE, data=chunk)
                written.clear()
    written.append(exports.done_line(count, principal))
    for chunk in ndjson.chunks(written):
        yield HttpBody(content_type=ndjson.CONTENT_TYPE, data=chunk)


def _shown(tool: Tool) -> tool_pb2.Tool:
    """A tool as the caller may see it."""
    return messages.tool_to(tool, current_context.get().principal)


def _server_shown(server: McpServer) -> mcp_server_pb2.McpServer:
    """A server as the caller may see it."""
    return messages.server_to(server, current_context.get().principal)


def _told(request: tools_service_pb2.InvokeToolRequest, sent: bytes) -> dict[str, Any]:
    """What is kept of arguments that were refused unread: bounded, whatever was sent."""
    sent = sent or request.SerializeToString()
    told = {"bytes": len(sent), "sha256": hashlib.sha256(sent).hexdigest()}
    # Of JSON, which people read; of protobuf's bytes the digest says as much.
    is_json = is_transcoded(current_context.get().metadata)
    return told | ({"begins": sent[:MAX_BEGINNING].decode(errors="replace")} if is_json else {})


async def _invocation_request(request: tools_service_pb2.InvokeToolRequest) -> InvocationRequest:
    call = current_context.get()
    size = call.large_bytes or request.ByteSize()
    return InvocationRequest(
        request.name,
        await beside(size, _arguments, request),
        call.principal.name,
        request.correlation_id or call.recorded_correlation_id,
        key_of(request),
        Sponsor.of(call.principal),
        Lease(request.task_id, request.fencing_token),
        size=size,
    )


def _arguments(request: tools_service_pb2.InvokeToolRequest) -> dict[str, Json]:
    return document(request.input, "input", MAX_DEPTH)
