"""What a monitor is made of, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.metrics.queries.models import Selection

Statistic = Literal["count", "sum", "rate", "avg", "min", "max", "quantile"]
Comparison = Literal["above", "below"]
OnNoData = Literal["no_data", "fire", "ok", "keep"]

OK, FIRING, NO_DATA = "ok", "firing", "no_data"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A statistic of the last seconds on one side of a limit."""

    statistic: Statistic
    quantile: float
    window_seconds: int
    comparison: Comparison
    limit: float
    recovery_limit: float


@dataclass(frozen=True, slots=True)
class BurnRate:
    """Failures of which there are too many for an objective, over a long time and over a short one."""

    failures: Mapping[str, Sequence[str]]
    objective: float
    long_window_seconds: int
    short_window_seconds: int
    limit: float
    recovery_limit: float

    @property
    def comparison(self) -> Comparison:
        return "above"


Condition = Threshold | BurnRate


@dataclass(frozen=True, slots=True)
class Webhook:
    """Somebody is told by HTTP, of every transition."""

    url: str
    kind: Literal["webhook"] = "webhook"


@dataclass(frozen=True, slots=True)
class HumanRequest:
    """People are asked, when it fires."""

    prompt: str
    options: Sequence[str]
    assignees: Sequence[str]
    groups: Sequence[str]
    priority: str
    timeout_seconds: int
    kind: Literal["human_request"] = "human_request"


@dataclass(frozen=True, slots=True)
class PauseTool:
    """A tool is paused, when it fires."""

    tool_name: str
    kind: Literal["pause_tool"] = "pause_tool"


Action = Webhook | HumanRequest | PauseTool


@dataclass(frozen=True, slots=True)
class Definition:
    """A monitor as people define it."""

    name: str
    description: str
    selection: Selection
    condition: Condition
    evaluate_seconds: int
    breaches: int
    recoveries: int
    on_no_data: OnNoData
    actions: Sequence[Action]
    paused: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a monitor stands: its state, and the evaluations in a row that speak for another one."""

    state: str = ""
    streak: int = 0
    streak_state: str = ""
    # Whether it fired and has not recovered since, whatever its state is now.
    unrecovered: bool = False


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor as it is kept."""

    id: UUID
    definition: Definition
    etag: str
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    standing: Standing
    state_since: datetime | None
    value: float | None
    evaluated_at: datetime | None
    last_error: str


@dataclass(frozen=True, slots=True)
class IssuedMonitor:
    """A monitor with its secret, which is shown once; empty where it is not new."""

    monitor: Monitor
    secret: str


@dataclass(frozen=True, slots=True)
class ClaimedMonitor:
    """A monitor that is this replica's to evaluate, for the time of a lease."""

    id: UUID
    claim: UUID
    definition: Definition
    created_by: str
    standing: Standing
    # By the clock of the database.
    now: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What a condition came to."""

    # None where there were no values to judge by.
    value: float | None
    window_start: datetime
    window_end: datetime
    invocations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What became of an action."""

    id: UUID
    action: Action
    status: str
    attempts: int
    last_error: str
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Transition:
    """That the state of a monitor changed."""

    id: UUID
    monitor_id: UUID
    monitor_name: str
    from_state: str
    state: str
    at: datetime
    judged_by: float
    reading: Reading
    actions: Sequence[ActionResult] = field(default=())


@dataclass(frozen=True, slots=True)
class ClaimedAction:
    """An action that is this replica's to do, for the time of a lease."""

    id: UUID
    claim: UUID
    action: Action
    # In whose name people are asked.
    asked_by: str
    attempts: int
    transition: Transition
    # Sealed; None where the monitor is gone.
    secret: bytes | None
    # The one before, while it still signs; None otherwise.
    replaced_secret: bytes | None


def human_request_id(action_id: UUID) -> str:
    """The same whenever the action is tried, so that people are asked once."""
    return f"monitor-{action_id}"


def correlation_id(transition_id: UUID) -> str:
    """Ties together what is done about a transition, in the records of all services."""
    return f"monitor-{transition_id}"
