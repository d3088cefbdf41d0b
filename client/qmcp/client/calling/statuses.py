"""Makes the client's errors of what gRPC says: the status of a failed call, or one that arrived inside a stream."""

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from qmcp.client.errors import FieldViolation, QmcpError, Refusal, from_refusal

_DETAILS = "grpc-status-details-bin"


def from_rpc(error: grpc.RpcError) -> QmcpError:
    """The exception of a failed call, sync or async."""
    # Every RpcError that a call raises is a call as well; the stubs do not say so.
    call: Any = error
    trailing = _texts(call.trailing_metadata() or ())
    details = _binary(call.trailing_metadata() or (), _DETAILS)
    status = status_pb2.Status.FromString(details) if details else status_pb2.Status()
    message = status.message or call.details() or "The call failed without a word."
    return from_refusal(_refusal(call.code().name, message, status.details, trailing))


def from_status(status: status_pb2.Status) -> QmcpError:
    """The exception of an error that arrived inside a stream."""
    return from_refusal(_refusal(code_pb2.Code.Name(status.code), status.message, status.details, {}))


def _refusal(code: str, message: str, details: Iterable[Any], trailing: Mapping[str, str]) -> Refusal:
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    has_retry = False
    for detail in details:
        detail.Unpack(info)
        detail.Unpack(bad)
        has_retry = detail.Unpack(retry) or has_retry
    metadata = dict(info.metadata)
    return Refusal(
        code=code,
        message=message,
        reason=info.reason,
        metadata=metadata,
        field_violations=tuple(FieldViolation(item.field, item.description) for item in bad.field_violations),
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if has_retry else None,
        request_id=metadata.get("request_id", "") or trailing.get("x-request-id", ""),
        correlation_id=metadata.get("correlation_id", "") or trailing.get("x-correlation-id", ""),
    )


def _texts(metadata: Iterable[tuple[str, str | bytes]]) -> dict[str, str]:
    return {key: value for key, value in metadata if isinstance(value, str)}


def _binary(metadata: Iterable[tuple[str, str | bytes]], name: str) -> bytes:
    return next((value for key, value in metadata if key == name and isinstance(value, bytes)), b"")
