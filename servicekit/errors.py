"""Errors as callers see them: a gRPC code, a declared reason, a sentence that says what to do next.

A service's errors.py calls these functions with the reasons of its error_reason.proto; the errors interceptor turns the
exception into `google.rpc.Status` with `ErrorInfo`, `BadRequest` and `RetryInfo`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks its rule: the path to it, and a sentence."""

    field: str
    description: str


@dataclass(eq=False)
class ServiceError(Exception):
    """What a call ends with instead of an answer."""

    code: StatusCode
    # The value of the service's ErrorReason enum without its prefix.
    reason: str
    # For the caller, who may be a person; nothing internal.
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    # Seconds after which trying again makes sense; None where it does not.
    retry_after: float | None = None
    # An HTTP status other than gRPC's standard mapping.
    http_status: int | None = None
    # What callers are told besides, by names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def invalid_argument(reason: str, message: str, violations: Sequence[Violation] = (), **metadata: str) -> ServiceError:
    return ServiceError(StatusCode.INVALID_ARGUMENT, reason, message, metadata, violations)


def invalid_field(name: str, description: str, **metadata: str) -> ServiceError:
    """For one field whose rule the proto cannot state: `expires_at`, `must be in the future`."""
    return invalid_argument("INVALID_REQUEST", f"{name} {description}.", [Violation(name, description)], **metadata)


def not_found(reason: str, message: str, **metadata: str) -> ServiceError:
    return ServiceError(StatusCode.NOT_FOUND, reason, message, metadata)


def already_exists(reason: str, message: str, **metadata: str) -> ServiceError:
    return ServiceError(StatusCode.ALREADY_EXISTS, reason, message, metadata)


def failed_precondition(reason: str, message: str, **metadata: str) -> ServiceError:
    return ServiceError(StatusCode.FAILED_PRECONDITION, reason, message, metadata)


def aborted(reason: str, message: str, **metadata: str) -> ServiceError:
    return ServiceError(StatusCode.ABORTED, reason, message, metadata)


def forbidden(reason: str, message: str, **metadata: str) -> ServiceError:
    """For what a rule of the service itself forbids to a caller who has the permission."""
    return ServiceError(StatusCode.PERMISSION_DENIED, reason, message, metadata)


def unauthenticated(message: str) -> ServiceError:
    return ServiceError(StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", message)


def permission_denied(permission: str) -> ServiceError:
    return ServiceError(
        StatusCode.PERMISSION_DENIED,
        "PERMISSION_DENIED",
        f"This call needs the permission {permission}, which you lack. Ask an administrator for a role that has it.",
        {"permission": permission},
    )


def exhausted(reason: str, message: str, retry_after: float, **metadata: str) -> ServiceError:
    return ServiceError(StatusCode.RESOURCE_EXHAUSTED, reason, message, metadata, retry_after=retry_after)


def overloaded() -> ServiceError:
    return exhausted(
        "OVERLOADED", "The service has as many calls in flight as it may. Try again shortly.", retry_after=1
    )


def shed() -> ServiceError:
    """For calls that are more than can be answered in time."""
    return exhausted("OVERLOADED", "More is asked of the service than it can do. Try again shortly.", retry_after=1)


def unavailable(message: str, retry_after: float = 1) -> ServiceError:
    return ServiceError(StatusCode.UNAVAILABLE, "UNAVAILABLE", message, retry_after=retry_after)


def deadline_exceeded(waited_for: str = "") -> ServiceError:
    """The work was stopped; where it is known, with what it was waiting for then: `a connection to the database`.

    What had to wait may be quicker in a moment; what took its time will take it again.
    """
    while_waiting = f" while it waited for {waited_for}" if waited_for else " before the answer was ready"
    return ServiceError(
        StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        f"The deadline passed{while_waiting}; the work was stopped.",
        {"waited_for": waited_for} if waited_for else {},
        retry_after=1 if waited_for else None,
    )


def too_late() -> ServiceError:
    """For work that is not begun, because it could not end in time."""
    return ServiceError(
        StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        "The call came with too little time left to do anything, and nothing was done. Give it a later deadline.",
    )


def unread(seconds: float) -> ServiceError:
    """For a stream whose reader does not read."""
    return ServiceError(
        StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_EXCEEDED",
        f"What the stream wrote was not read for {seconds:g} s, so it was ended. Read faster, or ask for less.",
        {"waited_for": "the reader of the stream"},
    )


def internal() -> ServiceError:
    return ServiceError(
        StatusCode.INTERNAL,
        "INTERNAL",
        "Something went wrong on our side. Report it with the request id; the log has the cause.",
    )


# An error travels in the trailers, of which gRPC takes 8 KB: one that is larger reaches the caller as a broken stream.
# The message stands in them twice, and both times in a longer spelling.
MESSAGE_BYTES = 500
VIOLATIONS_BYTES = 3_000
VIOLATION_BYTES = 500


def to_status(error: ServiceError, *, domain: str, request_id: str) -> Status:
    """The error as it goes over the wire.

    Args:
        error: what happened.
        domain: `<service>.qmcp`, who says so.
        request_id: under which the log has more.
    """
    info = ErrorInfo(reason=error.reason, domain=domain, metadata={**error.metadata, "request_id": request_id})
    details = [info, *_bad_request(error.violations), *_retry_info(error.retry_after)]
    message = _cut(error.message, MESSAGE_BYTES)
    return Status(code=error.code.value[0], message=message, details=[_pack(detail) for detail in details])


def _bad_request(violations: Sequence[Violation]) -> list[BadRequest]:
    if not violations:
        return []
    fields = []
    left = VIOLATIONS_BYTES
    for violation in violations:
        named = BadRequest.FieldViolation(
            field=_cut(violation.field, VIOLATION_BYTES), description=_cut(violation.description, VIOLATION_BYTES)
        )
        left -= named.ByteSize()
        if left < 0:
            break
        fields.append(named)
    return [BadRequest(field_violations=fields)]


def _cut(text: str, most_bytes: int) -> str:
    """The text, or as much of it as the bytes allow and an ellipsis."""
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - 3].decode(errors="ignore") + "\N{HORIZONTAL ELLIPSIS}"


def _retry_info(seconds: float | None) -> list[RetryInfo]:
    if seconds is None:
        return []
    delay = Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    return [RetryInfo(retry_delay=delay)]


def _pack(detail: ErrorInfo | BadRequest | RetryInfo) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
