"""Every RPC as a value: its name, its request, how its answer reads, and whether it may be sent twice.

The sync and the async client both send these; nothing about an RPC stands in either of them.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from qmcp.client import messages, models
from qmcp.client.values import to_struct, to_timestamp
from qmcp.tools.v1 import tools_service_pb2 as api

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

DEFAULT_TIMEOUT = 30.0
LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class Call(Generic[ResultT_co]):
    """A unary RPC that is ready to be sent."""

    method: str
    request: Message
    read: Callable[[Any], ResultT_co]
    # True where sending it twice does no more than sending it once: reads, and whatever carries an idempotency_key.
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[ResultT]):
    """A page of a list, and the call for the next one; None on the last."""

    items: list[ResultT]
    following: "Call[Page[ResultT]] | None"


def list_tools(query: str, kind: str) -> Call[Page[models.Tool]]:
    """The first page of the catalogue."""
    request = api.ListToolsRequest(page_size=LARGEST_PAGE, query=query, kind=kind)
    return pages("ListTools", request, "tools", messages.tool, limit=None)


def get_tool(name: str) -> Call[models.Tool]:
    """One tool."""
    return Call("GetTool", api.GetToolRequest(name=name), messages.tool)


def create_tool(tool: models.Tool, idempotency_key: str | None) -> Call[models.Tool]:
    """Registers a tool."""
    request = api.CreateToolRequest(
        tool=messages.tool_message(tool), idempotency_key=idempotency_key or new_idempotency_key()
    )
    return Call("CreateTool", request, messages.tool)


def update_tool(tool: models.Tool, idempotency_key: str | None) -> Call[models.Tool]:
    """Replaces or registers a tool."""
    request = api.UpdateToolRequest(
        tool=messages.tool_message(tool), idempotency_key=idempotency_key or new_idempotency_key()
    )
    return Call("UpdateTool", request, messages.tool)


def delete_tool(name: str, etag: str) -> Call[None]:
    """Removes a tool."""
    # A second one would be answered with NOT_FOUND though the first did what was asked.
    return Call("DeleteTool", api.DeleteToolRequest(name=name, etag=etag), nothing, repeatable=False)


def invoke_tool(
    method: str,
    name: str,
    arguments: Mapping[str, Any] | None,
    correlation_id: str,
    idempotency_key: str | None,
) -> Call[models.Invocation]:
    """Runs a tool: `method` is InvokeTool, which waits, or StartInvocation, which does not."""
    request = api.InvokeToolRequest(
        name=name,
        input=to_struct(arguments or {}),
        correlation_id=correlation_id,
        idempotency_key=idempotency_key or new_idempotency_key(),
    )
    return Call(method, request, messages.invocation)


def get_invocation(invocation_id: str) -> Call[models.Invocation]:
    """One row of the audit."""
    return Call("GetInvocation", api.GetInvocationRequest(id=invocation_id), messages.invocation)


def list_invocations(
    limit: int | None,
    *,
    tool_name: str,
    status: str,
    correlation_id: str,
    principal: str,
    created_after: datetime | None,
    created_before: datetime | None,
) -> Call[Page[models.Invocation]]:
    """The first page of the audit, newest first."""
    request = api.ListInvocationsRequest(
        page_size=LARGEST_PAGE,
        tool_name=tool_name,
        status=status,
        correlation_id=correlation_id,
        principal=principal,
        created_after=to_timestamp(created_after),
        created_before=to_timestamp(created_before),
    )
    return pages("ListInvocations", request, "invocations", messages.invocation, limit=limit)


def cancel_invocation(invocation_id: str) -> Call[models.Invocation]:
    """Asks for the end of an invocation."""
    # A second one would be refused with INVOCATION_ENDED though the first did what was asked.
    request = api.CancelInvocationRequest(id=invocation_id)
    return Call("CancelInvocation", request, messages.invocation, repeatable=False)


def summarize(
    tool_name: str,
    created_after: datetime | None,
    created_before: datetime | None,
) -> Call[list[models.ToolSummary]]:
    """Counts and latencies per tool."""
    request = api.SummarizeInvocationsRequest(
        tool_name=tool_name,
        created_after=to_timestamp(created_after),
        created_before=to_timestamp(created_before),
    )
    return Call("SummarizeInvocations", request, lambda answer: [messages.summary(item) for item in answer.tools])


def redact(invocation_id: str, fields: Sequence[str], reason: str) -> Call[models.Invocation]:
    """Erases fields of an invocation."""
    request = api.RedactInvocationRequest(id=invocation_id, fields=fields, reason=reason)
    return Call("RedactInvocation", request, messages.invocation, repeatable=False)


def get_receipt(invocation_id: str) -> Call[models.Receipt]:
    """The proof of one invocation."""
    return Call("GetReceipt", api.GetReceiptRequest(invocation_id=invocation_id), messages.receipt)


def verify_receipts(after: datetime | None, before: datetime | None) -> Call[models.ReceiptVerification]:
    """Has the service verify its receipts itself."""
    request = api.VerifyReceiptsRequest(completed_after=to_timestamp(after), completed_before=to_timestamp(before))
    return Call("VerifyReceipts", request, messages.verification)


def get_receipt_key() -> Call[models.ReceiptKey]:
    """The public key of the checkpoints."""
    return Call("GetReceiptKey", api.GetReceiptKeyRequest(), messages.receipt_key)


def export_invocations(
    tool_name: str,
    created_after: datetime | None,
    created_before: datetime | None,
) -> api.ExportInvocationsRequest:
    """What an export of the audit takes."""
    return api.ExportInvocationsRequest(
        tool_name=tool_name,
        created_after=to_timestamp(created_after),
        created_before=to_timestamp(created_before),
    )


def export_receipts(after: datetime | None, before: datetime | None) -> api.ExportReceiptsRequest:
    """What an export of the receipts takes."""
    return api.ExportReceiptsRequest(completed_after=to_timestamp(after), completed_before=to_timestamp(before))


def new_idempotency_key() -> str:
    """An id that no other call has."""
    return secrets.token_hex(16)


def pages(
    method: str,
    request: Any,
    field: str,
    read: Callable[[Any], ResultT],
    *,
    limit: int | None,
) -> Call[Page[ResultT]]:
    """The first page of a list, which leads to the others; `read` makes an item of each message in `field`."""
    if limit is not None:
        request.page_size = min(limit, LARGEST_PAGE)

    def read_page(answer: Any) -> Page[ResultT]:
        items = [read(item) for item in getattr(answer, field)]
        left = None if limit is None else limit - len(items)
        if not answer.next_page_token or (left is not None and left <= 0):
            return Page(items[:limit], None)
        following = type(request)()
        following.CopyFrom(request)
        following.page_token = answer.next_page_token
        return Page(items, pages(method, following, field, read, limit=left))

    return Call(method, request, read_page)


def nothing(_answer: Any) -> None:
    """Reads an answer that says nothing."""
