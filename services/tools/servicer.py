"""The gRPC edge of the tools service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.tools.v1 import invocation_pb2, receipt_pb2, tool_pb2, tools_service_pb2, tools_service_pb2_grpc

from servicekit import idempotency
from servicekit.http_status import ACCEPTED, CREATED, answer_with
from servicekit.json_values import document
from servicekit.postgres import Connection, Database
from servicekit.request_context import current_context
from services.tools import exports as lines
from services.tools import messages
from services.tools.audit.checkpoints import SigningKey
from services.tools.audit.history import History
from services.tools.catalogue.catalogue import Registry
from services.tools.execution.active import Order
from services.tools.execution.execution import Execution
from services.tools.models import Checkpoint

NDJSON = "application/x-ndjson"
MOST_FAULTS = 100
LINES_A_CHUNK = 500

Context = ServicerContext[Any, Any]


class ToolsServicer(tools_service_pb2_grpc.ToolsServiceServicer):
    """See protos/qmcp/tools/v1/tools_service.proto, where every method is documented."""

    def __init__(
        self, database: Database, registry: Registry, execution: Execution, history: History, key: SigningKey
    ) -> None:
        self._database = database
        self._registry = registry
        self._execution = execution
        self._history = history
        self._key = key

    async def ListTools(
        self, request: tools_service_pb2.ListToolsRequest, context: Context
    ) -> tools_service_pb2.ListToolsResponse:
        tools, token = await self._registry.page(request.query, request.kind, request.page_size, request.page_token)
        return tools_service_pb2.ListToolsResponse(tools=map(messages.tool_to, tools), next_page_token=token)

    async def GetTool(self, request: tools_service_pb2.GetToolRequest, context: Context) -> tool_pb2.Tool:
        return messages.tool_to(await self._registry.get(request.name))

    async def CreateTool(self, request: tools_service_pb2.CreateToolRequest, context: Context) -> tool_pb2.Tool:
        earlier = await self._earlier(request)
        if earlier is not None:
            return earlier
        prepared = await self._registry.prepare(messages.tool_from(request.tool))

        async def create(connection: Connection) -> tool_pb2.Tool:
            return messages.tool_to(await self._registry.create(connection, prepared))

        return await self._once(request, create)

    async def UpdateTool(self, request: tools_service_pb2.UpdateToolRequest, context: Context) -> tool_pb2.Tool:
        earlier = await self._earlier(request)
        if earlier is not None:
            return earlier
        prepared = await self._registry.prepare(messages.tool_from(request.tool))
        is_new = False

        async def update(connection: Connection) -> tool_pb2.Tool:
            nonlocal is_new
            tool, is_new = await self._registry.update(connection, prepared, request.tool.etag)
            return messages.tool_to(tool)

        updated = await self._once(request, update)
        if is_new:
            await answer_with(context, CREATED)
        return updated

    async def _earlier(self, request: Any) -> tool_pb2.Tool | None:
        """The answer to a retry, before anything is prepared: that may ask a gRPC server which is gone by now."""
        return await _once(request).earlier(self._database)

    async def DeleteTool(self, request: tools_service_pb2.DeleteToolRequest, context: Context) -> Empty:
        await self._registry.delete(request.name, request.etag)
        return Empty()

    async def InvokeTool(
        self, request: tools_service_pb2.InvokeToolRequest, context: Context
    ) -> invocation_pb2.Invocation:
        invocation = await self._execution.invoke(_order(request))
        if invocation.status == "awaiting_approval":
            await answer_with(context, ACCEPTED)
        return messages.invocation_to(invocation)

    async def CallTool(
        self, request: tools_service_pb2.InvokeToolRequest, context: Context
    ) -> tools_service_pb2.CallToolResponse:
        return messages.call_to(await self._execution.invoke(_order(request)))

    async def StartInvocation(
        self, request: tools_service_pb2.InvokeToolRequest, context: Context
    ) -> invocation_pb2.Invocation:
        invocation = await self._execution.start(_order(request))
        await answer_with(context, ACCEPTED if invocation.status == "awaiting_approval" else CREATED)
        return messages.invocation_to(invocation)

    async def GetInvocation(
        self, request: tools_service_pb2.GetInvocationRequest, context: Context
    ) -> invocation_pb2.Invocation:
        return messages.invocation_to(await self._history.get(request.id))

    async def ListInvocations(
        self, request: tools_service_pb2.ListInvocationsRequest, context: Context
    ) -> tools_service_pb2.ListInvocationsResponse:
        page, token = await self._history.page(
            messages.filter_from(request), request.page_size or request.limit, request.page_token, request.offset
        )
        return tools_service_pb2.ListInvocationsResponse(
            invocations=map(messages.invocation_to, page), next_page_token=token, count=len(page)
        )

    async def WatchInvocation(
        self, request: tools_service_pb2.WatchInvocationRequest, context: Context
    ) -> AsyncIterator[invocation_pb2.InvocationEvent]:
        sequence = request.after_sequence
        async for event in self._history.watch(request.id, request.after_sequence):
            sequence = event.sequence if event is not None else sequence
            yield messages.event_to(event, sequence)

    async def CancelInvocation(
        self, request: tools_service_pb2.CancelInvocationRequest, context: Context
    ) -> invocation_pb2.Invocation:
        principal = current_context.get().principal.name
        return messages.invocation_to(await self._history.cancel(request.id, principal))

    async def SummarizeInvocations(
        self, request: tools_service_pb2.SummarizeInvocationsRequest, context: Context
    ) -> tools_service_pb2.SummarizeInvocationsResponse:
        summaries = await self._history.summarize(messages.filter_from(request))
        return tools_service_pb2.SummarizeInvocationsResponse(tools=map(messages.summary_to, summaries))

    async def ExportInvocations(
        self, request: tools_service_pb2.ExportInvocationsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        count = 0
        async for page in self._history.export(messages.filter_from(request)):
            count += len(page)
            yield HttpBody(content_type=NDJSON, data=b"".join(map(lines.invocation_line, page)))
        yield HttpBody(content_type=NDJSON, data=lines.done_line(count))

    async def RedactInvocation(
        self, request: tools_service_pb2.RedactInvocationRequest, context: Context
    ) -> invocation_pb2.Invocation:
        principal = current_context.get().principal.name
        redacted = await self._history.redact(request.id, list(request.fields), principal, request.reason)
        return messages.invocation_to(redacted)

    async def GetReceipt(self, request: tools_service_pb2.GetReceiptRequest, context: Context) -> receipt_pb2.Receipt:
        return messages.receipt_to(*await self._history.receipt(request.invocation_id))

    async def VerifyReceipts(
        self, request: tools_service_pb2.VerifyReceiptsRequest, context: Context
    ) -> tools_service_pb2.VerifyReceiptsResponse:
        after = messages.datetime_from(request, "completed_after")
        before = messages.datetime_from(request, "completed_before")
        return messages.verification_to(await self._history.verify(after, before), MOST_FAULTS)

    async def ExportReceipts(
        self, request: tools_service_pb2.ExportReceiptsRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        after = messages.datetime_from(request, "completed_after")
        before = messages.datetime_from(request, "completed_before")
        count = 0
        written: list[bytes] = []
        async for item in self._history.export_receipts(after, before):
            if isinstance(item, Checkpoint):
                written.append(lines.checkpoint_line(item))
            else:
                written.append(lines.receipt_line(item))
                count += 1
            if len(written) == LINES_A_CHUNK:
                yield HttpBody(content_type=NDJSON, data=b"".join(written))
                written.clear()
        written.append(lines.done_line(count))
        yield HttpBody(content_type=NDJSON, data=b"".join(written))

    async def GetReceiptKey(
        self, request: tools_service_pb2.GetReceiptKeyRequest, context: Context
    ) -> tools_service_pb2.ReceiptKey:
        return tools_service_pb2.ReceiptKey(public_key_pem=self._key.public_pem(), key_id=self._key.key_id)

    async def _once(self, request: Any, effect: Callable[[Connection], Awaitable[tool_pb2.Tool]]) -> tool_pb2.Tool:
        """Changes the catalogue unless this idempotency_key has done so, in one transaction with the record of it."""
        answer = await _once(request).run(self._database, effect)
        self._registry.forget(request.tool.name)
        return answer


def _once(request: Any) -> idempotency.Once[tool_pb2.Tool, tool_pb2.Tool]:
    return idempotency.Once(request, lambda tool: tool)


def _order(request: tools_service_pb2.InvokeToolRequest) -> Order:
    call = current_context.get()
    return Order(
        request.name,
        document(request.input, "input"),
        call.principal.name,
        request.correlation_id or call.correlation_id,
        idempotency.key_of(request),
    )
