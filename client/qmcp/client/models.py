"""What the client gives back: frozen values of tools, invocations, receipts and keys, without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Status = Literal["awaiting_approval", "pending", "running", "success", "failed", "cancelled", "rejected", "expired"]
FINAL_STATUSES = ("success", "failed", "cancelled", "rejected", "expired")


@dataclass(frozen=True, slots=True)
class ToolAnnotations:
    """What the owner says of a tool's behaviour; nothing of it is enforced."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class HttpSource:
    """A tool that is an HTTP endpoint."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GrpcSource:
    """A tool that is a unary method of a gRPC server."""

    target: str
    method: str
    tls: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """When a human must approve a tool's invocation before it runs, and who may."""

    # never, always, or when: arguments that obey the schema in `when` need an approval.
    mode: str = "always"
    when: dict[str, Any] | None = None
    # Principals and roles that may approve; with either, nobody else may.
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    # 0 means 3,600.
    timeout_seconds: int = 0
    # How many must approve; 0 means one. One that rejects is enough to reject.
    required: int = 0
    # True to keep whoever invokes the tool from approving that.
    four_eyes: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the catalogue; to register one, its name and its source are enough."""

    name: str
    title: str = ""
    description: str = ""
    # None means: any object.
    input_schema: dict[str, Any] | None = None
    # None means: any JSON value.
    output_schema: dict[str, Any] | None = None
    annotations: ToolAnnotations = ToolAnnotations()
    version: str = ""
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    # 0 means: the service's default (30 seconds; as many at a time as the service allows).
    timeout_seconds: int = 0
    max_concurrency: int = 0
    # None for tools that are defined by code.
    source: HttpSource | GrpcSource | None = None
    # None means: nobody is asked.
    approval: ApprovalPolicy | None = None
    # Set by the service, as are the times; None in a tool that is yet to be registered.
    kind: str = ""
    # Sent with an update to be refused when somebody else changed the tool meanwhile.
    etag: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """What humans said of an invocation before it ran."""

    human_request_id: str
    # pending, approved, rejected, expired or cancelled.
    status: str
    decided_by: tuple[str, ...] = ()
    # None as long as nothing is decided.
    decided_at: datetime | None = None
    comment: str = ""
    # With these the tool ran; None where the arguments were approved as they are, and after redaction.
    edited_arguments: dict[str, Any] | None = None
    # SHA-256 of the canonical JSON of the arguments that were shown; empty after redaction.
    arguments_digest: str = ""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One attempt to run a tool, as the audit has it."""

    id: str
    tool_name: str
    status: str
    result: Any = None
    # A sentence on why it failed or was cancelled; empty where it did not.
    error: str = ""
    # The declared reason, such as TOOL_TIMEOUT; empty where it did not fail.
    error_reason: str = ""
    input_params: dict[str, Any] | None = None
    # None as long as it has not ended.
    duration_ms: int | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    correlation_id: str = ""
    idempotency_key: str = ""
    principal: str = ""
    tool_etag: str = ""
    redacted_fields: tuple[str, ...] = ()
    # None where nobody was asked.
    approval: Approval | None = None

    @property
    def ended(self) -> bool:
        """True once its status is final."""
        return self.status in FINAL_STATUSES

    @property
    def awaits_approval(self) -> bool:
        """True while humans are asked; it goes on by itself once they have approved it."""
        return self.status == "awaiting_approval"

    @property
    def succeeded(self) -> bool:
        """True when the tool ran and gave a result."""
        return self.status == "success"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long tool has come, in its own unit; `total` is None where it does not know."""

    progress: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class InvocationEvent:
    """What happened to an invocation: either progress, or a change of its state."""

    sequence: int
    at: datetime | None
    last: bool
    progress: Progress | None = None
    invocation: Invocation | None = None


@dataclass(frozen=True, slots=True)
class ToolSummary:
    """How often a tool ran within a time, and how it went; durations in milliseconds."""

    tool_name: str
    count: int
    success_count: int
    failed_count: int
    cancelled_count: int
    duration_ms_p50: float
    duration_ms_p95: float
    duration_ms_p99: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement of where every chain of receipts stood."""

    sequence: int
    signed_at: datetime | None
    content: str
    signature: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof of one ended invocation; `checkpoint` is None until it is signed, which takes seconds."""

    invocation_id: str
    chain_id: str
    sequence: int
    previous_digest: str
    digest: str
    content: str
    input_salt: str
    result_salt: str
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """The public key that checkpoints are signed with."""

    public_key_pem: str
    key_id: str


@dataclass(frozen=True, slots=True)
class ReceiptFault:
    """One thing that does not hold; the kinds are those of receipt.proto."""

    kind: str
    invocation_id: str
    chain_id: str
    # The place in the chain, or the checkpoint's number.
    sequence: int
    detail: str


@dataclass(frozen=True, slots=True)
class ReceiptVerification:
    """What a verification of receipts found."""

    valid: bool
    receipts_verified: int
    checkpoints_verified: int
    # The newest, which no checkpoint covers yet.
    receipts_unsigned: int
    fault_count: int
    faults: tuple[ReceiptFault, ...] = ()
    # These two only where the verification ran here: how many receipts have an erased field, and since when
    # receipts are unsigned. More than a minute ago means that the service does not sign, or that signatures were cut.
    receipts_redacted: int | None = None
    unsigned_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the services answer: `serving`, or `not_serving` and the like."""

    status: str

    @property
    def healthy(self) -> bool:
        """True when everything that the door leads to is ready."""
        return self.status == "serving"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret, which is nowhere kept."""

    id: str
    owner: str
    roles: tuple[str, ...]
    # active, rotated (the old secret is valid too, for its grace time), disabled, expired or revoked.
    status: str
    service_name: str = ""
    description: str = ""
    # 0 means: no limit.
    rate_per_minute: int = 0
    expires_at: datetime | None = None
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key with its secret, which is shown this once."""

    key: Key
    # Empty where this is the answer to a retry: then the secret is lost, and `rotate_key` makes another.
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Role:
    """A set of permissions under a name."""

    name: str
    permissions: tuple[str, ...]
    description: str = ""
    # These come with QMCP and cannot be changed.
    built_in: bool = False
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is and what they may do."""

    principal: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    rate_per_minute: int = 0
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal, or `count` of them within a second that were alike."""

    at: datetime | None
    service: str
    method: str
    reason: str
    permission: str
    principal: str
    correlation_id: str
    request_id: str
    count: int
