"""The nouns of the audit's proofs and lists: checkpoints, archives, what a verification found, summaries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from servicekit.identity.visibility import Audience
from services.tools.models import Link, Outcome


@dataclass(frozen=True, slots=True)
class InvocationFilter:
    """Which invocations; None and "" mean: any."""

    tool_name: str = ""
    status: str = ""
    correlation_id: str = ""
    principal: str = ""
    created_after: datetime | None = None
    created_before: datetime | None = None
    grant_id: str = ""

    @property
    def fields(self) -> list[object]:
        """What a page token is bound to; of what the release before knows, as it has it."""
        known = [getattr(self, name) for name in self.__slots__ if name != "grant_id"]
        return known + ([self.grant_id] if self.grant_id else [])


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
class Archive:
    """A signed statement of what left the audit for an archive."""

    sequence: int
    signed_at: datetime
    # The first id that is not in it; what earlier ones have is in those.
    until: UUID
    content: str
    signature: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class ArchivedRun:
    """Receipts of a chain that follow each other and are in an archive: where they begin and end."""

    chain_id: UUID
    first: int
    last: int
    previous_digest: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """An invocation as the database has it, for verification. None where the intent's row is gone."""

    outcome: Outcome | None
    link: Link
    invocation_id: UUID
    redacted_fields: Sequence[str]
    # Whether the outcome says of its intent, for lists, what the intent says.
    repeats_intent: bool

    @property
    def audience(self) -> Audience:
        """Who sees it: who asked for it. Whose it is where the intent is gone, nobody can say."""
        return Audience(() if self.outcome is None else (self.outcome.intent.principal,))

    @property
    def size(self) -> int:
        """How many characters its documents have."""
        return (
            0 if self.outcome is None else len(self.outcome.intent.input_params or "") + len(self.outcome.result or "")
        )


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
