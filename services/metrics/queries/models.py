"""What is asked about metrics, and what the answer is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.metrics.rollups.models import Measure

# What an event has besides its dimensions, by which it may be grouped and split up as well.
PRINCIPAL, SERVICE, TYPE = "principal", "service", "type"
OWN_LABELS = (PRINCIPAL, SERVICE, TYPE)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which values are asked about; what is empty selects nothing away."""

    service: str = ""
    type: str = ""
    principal: str = ""
    # Of each dimension the values that it may have; an empty one: that it is not there.
    dimensions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    measure: Measure = "value"


@dataclass(frozen=True, slots=True)
class Query:
    """Values by group and step. Times in microseconds since 1970."""

    selection: Selection
    group_by: Sequence[str]
    start: int
    end: int
    # 0: one step.
    step: int = 0
    quantiles: Sequence[float] = ()
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """What is known of the values of a group within a time."""

    start: int
    end: int
    count: int
    sum: float
    min: float
    max: float
    quantiles: Sequence[float]
    # Whether the quantiles are only as exact as wider buckets that came in.
    approximate: bool
    exemplars: Sequence[str]

    @property
    def avg(self) -> float:
        return self.sum / self.count

    @property
    def rate(self) -> float:
        """Values a second."""
        return self.count * 1_000_000 / (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one group, oldest first."""

    group: Mapping[str, str]
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a query."""

    lines: Sequence[Line]
    start: int
    end: int
    # `day`, `hour`, `minute`, `events`.
    sources: Sequence[str]


@dataclass(frozen=True, slots=True)
class RolledSeries:
    """Values of one principal, service and type with the same dimensions."""

    id: int
    principal: str
    service: str
    type: str
    dimensions: Mapping[str, str]

    def label(self, name: str) -> str:
        """What it is grouped under by this name; empty where it has none."""
        if name == PRINCIPAL:
            return self.principal
        if name == SERVICE:
            return self.service
        return self.type if name == TYPE else self.dimensions.get(name, "")


@dataclass(frozen=True, slots=True)
class SingleEvent:
    """An event as it came."""

    at: datetime
    # Together its name: the request that it came in, and where it stood there.
    request: int
    position: int
    principal: str
    service: str
    version: str
    instance_id: str
    type: str
    value: float
    duration_ms: float | None
    # How many observations it stands for.
    weight: int
    # JSON texts.
    dimensions: str
    metadata: str | None
