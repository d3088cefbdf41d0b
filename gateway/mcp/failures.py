"""What a service refused or could not do, and the result by which a model reads of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status
from mcp_types import CallToolResult, TextContent

# Under this name a result says of itself what a program wants to know of a failure.
META = "qmcp/error"
# What the caller can do about it, by the gRPC code.
NEXT = {
    grpc.StatusCode.INVALID_ARGUMENT: "Correct the arguments and call again.",
    grpc.StatusCode.UNAUTHENTICATED: "The credential is not valid any more: reconnect with another.",
    grpc.StatusCode.PERMISSION_DENIED: "Ask an administrator for the permission, or use another tool.",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "Call again later.",
    grpc.StatusCode.UNAVAILABLE: (
        "Call again later; it may have run, so with the same idempotency key if it changes something."
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: "It took too long; it may have run all the same.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A google.rpc.Status, taken apart."""

    code: grpc.StatusCode
    message: str
    # The declared reason, such as TOOL_NOT_FOUND; empty where something else than a service answered.
    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    # Fields that break a rule, each with which.
    fields: tuple[tuple[str, str], ...] = ()
    # After how many seconds to come back; None where nothing was said.
    retry_after: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Without what it does not have."""
        said = {
            "code": self.code.name,
            "reason": self.reason,
            "domain": self.domain,
            "message": self.message,
            "metadata": dict(self.metadata),
            "fields": [{"field": name, "description": text} for name, text in self.fields],
            "retry_after_seconds": self.retry_after,
        }
        return {name: value for name, value in said.items() if value not in ("", {}, [], None)}


def of(error: grpc.aio.AioRpcError) -> Failure:
    """What a failed call said."""
    info, request, retry = ErrorInfo(), BadRequest(), None
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # Details that are of another error than the call's.
        status = None
    for detail in status.details if status is not None else ():
        detail.Unpack(info)
        detail.Unpack(request)
        delay = RetryInfo()
        if detail.Unpack(delay):
            retry = delay.retry_delay.ToTimedelta().total_seconds()
    return Failure(
        code=error.code(),
        message=error.details() or error.code().name,
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        fields=tuple((each.field, each.description) for each in request.field_violations),
        retry_after=retry,
    )


def result(failure: Failure, what_next: str = "") -> CallToolResult:
    """As the result of a tool: the sentence, what to do next, and for programs the rest."""
    lines = [failure.message, *(f"{name}: {text}" for name, text in failure.fields if text not in failure.message)]
    if failure.reason:
        lines.append(f"Reason: {failure.reason}")
    if failure.retry_after is not None:
        lines.append(f"Call again in {failure.retry_after:g} seconds.")
    elif hint := what_next or NEXT.get(failure.code, ""):
        lines.append(hint)
    text = TextContent(text="\n".join(lines))
    return CallToolResult(content=[text], is_error=True, _meta={META: failure.as_json()})
