"""Invocations: what is recorded before and after a tool runs, and what happens to it meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from servicekit.identity.visibility import Audience
from servicekit.leased_work import Lease

Begun = Literal["awaiting_approval", "pending", "running"]
FinalStatus = Literal["success", "failed", "cancelled", "rejected", "expired"]
Status = Literal[Begun, FinalStatus]
DecisionStatus = Literal["approved", "rejected", "expired", "cancelled"]


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
    idempotency_key: str
    begun_as: Begun
    refused: bool
    replica: UUID
    created_at: datetime
    # The task for which it is done, and the token of the lease of its caller; empty and 0 where it is for none.
    task_id: str = ""
    fencing_token: int = 0
    # The grant by which it ran without a human; empty where there was none.
    grant_id: str = ""
    # By what access says whether its caller still may; kept where it awaits an approval. Empty where nobody checks.
    reference: str = ""

    @property
    def lease(self) -> Lease:
        """Under what it is done."""
        return Lease(self.task_id, self.fencing_token)


@dataclass(frozen=True, slots=True)
class Decision:
    """What humans said to an invocation, or that nobody did in time."""

    status: DecisionStatus
    decided_by: Sequence[str]
    decided_at: datetime
    # None after redaction.
    comment: str | None
    # Canonical JSON; None where the arguments were left as proposed, and after redaction.
    edited_arguments: str | None
    # Salted, over the comment and the edited arguments.
    digest: bytes
    # The process that took the decision over: the one that ran the tool, where it was run.
    replica: UUID
    # The grant that was made with it; empty where none was.
    grant_id: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """That humans are asked before an invocation runs, and what came of it; None as long as nothing has."""

    human_request_id: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an intent ended, before it is in a chain."""

    intent: Intent
    status: FinalStatus
    # Canonical JSON; None where there is no result.
    result: str | None
    error: str
    error_reason: str
    completed_at: datetime
    # None where nobody was asked.
    approval: Approval | None = None
    # Whether it may have been done although it failed: it was sent, or begun, and no answer came. Not on record.
    uncertain: bool = False

    @property
    def duration_ms(self) -> int:
        return max(0, round((self.completed_at - self.intent.created_at).total_seconds() * 1000))


@dataclass(frozen=True, slots=True)
class Link:
    """The place of an outcome in a chain of receipts."""

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
    outcome: Outcome | None = None
    link: Link | None = None
    redacted_fields: Sequence[str] = ()
    approval: Approval | None = None
    # Documents that are left out because they are long.
    omitted_fields: Sequence[str] = ()
    # Where its tool names one that finds out what became of it; shown of a single invocation.
    reconciliation: "Reconciliation | None" = None

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    @property
    def audience(self) -> Audience:
        """Who sees it: who asked for it, and who decided on it, since they answer for what came of it."""
        decision = self.approval.decision if self.approval is not None else None
        return Audience((self.intent.principal, *(decision.decided_by if decision is not None else ())))

    @property
    def size(self) -> int:
        """How many characters its documents have."""
        result = self.outcome.result if self.outcome is not None else None
        decision = self.approval.decision if self.approval is not None else None
        edited = decision.edited_arguments if decision is not None else None
        return len(self.intent.input_params or "") + len(result or "") + len(edited or "")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What another tool found out of an invocation whose end nobody knows."""

    # `open`: it is still asked.
    status: Literal["open", "success", "failed", "unknown"]
    tool_name: str
    # The invocations of that tool, the last of which gave the verdict.
    attempts: Sequence[UUID]
    decided_at: datetime | None


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

    @property
    def size(self) -> int:
        """How many characters its documents have."""
        return self.happened.size if isinstance(self.happened, Invocation) else 0
