"""Approvals under way: what people are asked, what they said, and what is still to be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.tools.models.invocations import FinalStatus
from services.tools.models.tools import ApprovalPolicy, Json, Tool


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """What is still to be done for an invocation that awaits its approval."""

    invocation_id: UUID
    human_request_id: str
    # Whether hitl has the human request.
    asked: bool
    # By what access says whether whoever asked still may; empty where nobody checked.
    reference: str
    # Seconds since the intent was recorded.
    age_seconds: float
    # How it is to end, where that is decided and nothing is run; empty where it is not.
    outcome_status: FinalStatus | Literal[""]
    error: str
    error_reason: str
    # Whether that outcome is on record.
    ended: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A grant for exactly what is asked about, as it is proposed to who decides."""

    # JSON Schema of the arguments.
    arguments: Json
    uses: int
    duration_seconds: int
    # How many approvals of equal calls it rests on.
    approvals: int


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What people are asked about an invocation."""

    id: str
    prompt: str
    context: Json
    arguments: Json
    arguments_schema: Json
    policy: ApprovalPolicy
    principal: str
    # By what access says whether the principal still may.
    reference: str
    correlation_id: str
    tool: Tool
    proposed: Proposal | None = None


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What whoever decided lets the principal run without a human; the fields are those of ResponseGrant."""

    # Empty: the tool that was asked about.
    tools: Sequence[str]
    arguments: Json
    uses: int | None
    expires_at: datetime
    any_version: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a human request stands."""

    human_request_id: str
    status: Literal["pending", "responded", "expired", "cancelled"]
    # `approve` or `reject`; empty unless somebody responded.
    response: str = ""
    answered_by: Sequence[str] = ()
    ended_at: datetime | None = None
    comment: str = ""
    # One entry for each of those who gave the answer that decided: the arguments as they changed them, None for as
    # proposed. The last is the one that decided.
    edited: Sequence[Json] = ()
    # What the one who decided lets the principal run again; None: nothing.
    grant: GrantTerms | None = None
