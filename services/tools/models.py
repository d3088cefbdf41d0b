"""The nouns of the tools service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Json = Any
Status = Literal["pending", "running", "success", "failed", "cancelled"]
FinalStatus = Literal["success", "failed", "cancelled"]
FINAL: frozenset[str] = frozenset({"success", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class HttpSource:
    """An HTTP endpoint behind a tool."""

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GrpcSource:
    """A unary gRPC method behind a tool."""

    target: str
    method: str
    tls: bool


@dataclass(frozen=True, slots=True)
class Annotations:
    """The owner's hints about what running a tool does."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the catalogue. Schemas are JSON documents, None where there is none."""

    name: str
    kind: str
    title: str = ""
    description: str = ""
    input_schema: Json = None
    output_schema: Json = None
    annotations: Annotations = field(default_factory=Annotations)
    version: str = ""
    tags: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 0
    max_concurrency: int = 0
    source: HttpSource | GrpcSource | None = None
    # A serialised FileDescriptorSet, for gRPC tools.
    descriptors: bytes | None = None
    etag: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """That a tool shall be run: what is recorded before it is."""

    id: UUID
    tool_name: str
    tool_etag: str
    # Canonical JSON; None after redaction.
    input_params: str | None
    input_salt: bytes | None
    input_digest: bytes
    principal: str
    correlation_id: str
    request_id: str
    begun_as: Literal["pending", "running"]
    refused: bool
    writer: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """How an intent ended, before it has its place in a chain."""

    intent: Intent
    status: FinalStatus
    # Canonical JSON; None where there is no result.
    result: str | None
    error: str
    error_reason: str
    completed_at: datetime

    @property
    def duration_ms(self) -> int:
        return max(0, round((self.completed_at - self.intent.created_at).total_seconds() * 1000))


@dataclass(frozen=True, slots=True)
class Link:
    """The place of an ending in a chain of receipts."""

    chain_id: UUID
    sequence: int
    previous_digest: bytes
    digest: bytes
    result_salt: bytes | None
    result_digest: bytes


@dataclass(frozen=True, slots=True)
class Invocation:
    """An intent and what is known of its end."""

    intent: Intent
    status: Status
    ending: Ending | None = None
    link: Link | None = None
    redacted_fields: Sequence[str] = ()

    @property
    def ended(self) -> bool:
        return self.ending is not None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tool has come, in its own unit."""

    progress: float
    total: float | None
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an invocation: progress, or its state as it was then."""

    sequence: int
    at: datetime
    happened: Progress | Invocation


@dataclass(frozen=True, slots=True)
class InvocationFilter:
    """Which invocations; None and "" mean: any."""

    tool_name: str = ""
    status: str = ""
    correlation_id: str = ""
    principal: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class ToolSummary:
    """Counts and latencies of one tool; durations in milliseconds."""

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
    """A signed statement of where all chains stood."""

    sequence: int
    signed_at: datetime
    content: str
    signature: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class Row:
    """An invocation as the database has it, for verification. None where the intent's row is gone."""

    ending: Ending | None
    link: Link
    invocation_id: UUID
    redacted_fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing in the receipts that does not hold; the kinds stand in receipt.proto."""

    kind: str
    detail: str
    invocation_id: str = ""
    chain_id: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found."""

    receipts: int
    checkpoints: int
    unsigned: int
    faults: Sequence[Fault]
