"""What the client raises: few kinds of error, each with the code, the declared reason and what belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that breaks its rule."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an answer said about why it is an error."""

    # The gRPC code's name, such as NOT_FOUND.
    code: str
    message: str
    # The declared reason (error_reason.proto), such as TOOL_NOT_FOUND; empty where something else than QMCP answered.
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    field_violations: tuple[FieldViolation, ...] = ()
    # After how many seconds to try again; None where nothing was said.
    retry_after: float | None = None
    # By these the log of the service has the call.
    request_id: str = ""
    correlation_id: str = ""


class QmcpError(Exception):
    """A call that QMCP refused or could not answer. Catch a subclass, or look at `reason`."""

    def __init__(self, refused: Refusal | str = "") -> None:
        """A sentence alone is what callers raise of themselves, as the original's classes let them."""
        refusal = refused if isinstance(refused, Refusal) else Refusal("", refused)
        # Not by super(): errors of qmcp.client.compat are errors of httpx as well, which want more.
        Exception.__init__(self, refusal.message)
        self.refusal = refusal
        self.code = refusal.code
        self.message = refusal.message
        self.reason = refusal.reason
        self.metadata = refusal.metadata
        self.field_violations = refusal.field_violations
        self.retry_after = refusal.retry_after
        self.request_id = refusal.request_id
        self.correlation_id = refusal.correlation_id

    def __str__(self) -> str:
        """The sentence, what it says of the fields, and the ids to look for in the log."""
        kind = self.reason or self.code
        named = f"{kind}: {self.message}" if kind else self.message
        fields = "".join(f"\n  {violation.field}: {violation.description}" for violation in self.field_violations)
        return named + fields + (f" (request id {self.request_id})" if self.request_id else "")


class InvalidRequestError(QmcpError):
    """The request, or the tool's arguments, break a rule; `field_violations` names where."""


class NotFoundError(QmcpError):
    """What was asked for does not exist."""


class ToolNotFoundError(NotFoundError):
    """No tool has this name."""


class ConflictError(QmcpError):
    """It exists already, changed meanwhile (`ETAG_MISMATCH`), or the `idempotency_key` was used for something else."""


class NotPossibleError(QmcpError):
    """The state of things forbids it: the invocation has ended, or has not; the tool is defined by code."""


class AccessDeniedError(QmcpError):
    """No valid credential, or one without the permission that is needed."""


class OverloadedError(QmcpError):
    """The service, or the tool's queue, is full; `retry_after` says when to come back."""


class UnavailableError(QmcpError):
    """QMCP, or something it needs, cannot be reached."""


class DeadlineExceededError(QmcpError):
    """The time that the caller gave was not enough."""


class RequestExpiredError(QmcpError):
    """The request to a human expired before it was answered."""


class ExportCutOffError(QmcpError):
    """An export ended before its last line."""

    def __init__(self, lines: int) -> None:
        super().__init__(Refusal("DATA_LOSS", f"The export was cut off after {lines} lines. Start it again."))


_BY_REASON: dict[str, type[QmcpError]] = {
    "TOOL_NOT_FOUND": ToolNotFoundError,
    "HUMAN_REQUEST_EXPIRED": RequestExpiredError,
}
_BY_CODE: dict[str, type[QmcpError]] = {
    "INVALID_ARGUMENT": InvalidRequestError,
    "OUT_OF_RANGE": InvalidRequestError,
    "NOT_FOUND": NotFoundError,
    "ALREADY_EXISTS": ConflictError,
    "ABORTED": ConflictError,
    "FAILED_PRECONDITION": NotPossibleError,
    "UNAUTHENTICATED": AccessDeniedError,
    "PERMISSION_DENIED": AccessDeniedError,
    "RESOURCE_EXHAUSTED": OverloadedError,
    "UNAVAILABLE": UnavailableError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
}


def from_refusal(refusal: Refusal) -> QmcpError:
    """The exception of a refusal: by its reason where there is a class for it, else by its code."""
    kind = _BY_REASON.get(refusal.reason) or _BY_CODE.get(refusal.code, QmcpError)
    return kind(refusal)
