"""What became of an invocation, as the result of a tool: what it gave, or why there is nothing and what to do next."""

import base64
import binascii
import json
from typing import Any

import grpc
from google.protobuf import json_format
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
)
from pydantic import TypeAdapter, ValidationError
from qmcp.tools.v1 import invocation_pb2

from gateway.mcp import failures
from gateway.mcp.contract_tools import text_of
from gateway.mcp.documents import whole
from gateway.mcp.failures import Failure
from gateway.mcp.invocations import FINAL, awaited

BLOCKS: TypeAdapter[list[ContentBlock]] = TypeAdapter(list[ContentBlock])
# Results say of themselves which row of the audit they are.
META_INVOCATION, META_STATUS = "qmcp/invocation_id", "qmcp/status"


def of_invocation(invocation: invocation_pb2.Invocation) -> CallToolResult:
    """The result of an invocation, or why there is none and what to do next."""
    meta: dict[str, Any] = {META_INVOCATION: invocation.id, META_STATUS: invocation.status}
    if invocation.status == "success" and invocation.error_reason != "OUTPUT_INVALID":
        value = result_of(invocation)
        content, structured = _of_a_server(value) or ([_block(value, invocation.id)], value)
        if invocation.error:
            content.append(TextContent(text=invocation.error))
        return CallToolResult(
            content=content, structured_content=structured if isinstance(structured, dict) else None, _meta=meta
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
            return awaited(invocation), follow
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


def _of_a_server(value: Any) -> tuple[list[ContentBlock], Any] | None:
    """The blocks and the structured content that an MCP server behind the tool answered; None of other results."""
    if not isinstance(value, dict) or not {"content"} <= value.keys() <= {"content", "structured_content", "_meta"}:
        return None
    try:
        return BLOCKS.validate_python(value["content"]), value.get("structured_content")
    except ValidationError:
        return None


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
