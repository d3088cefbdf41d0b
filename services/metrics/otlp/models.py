"""What an OTLP export says: sources, series, and points of these with a number or a distribution each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from services.metrics import models as nouns

Attributes = tuple[tuple[str, str], ...]


class Kind(Enum):
    """What a point's number means."""

    # A level, of which the last counts: gauges, and totals that may fall.
    GAUGE = "gauge"
    # What was added in an interval.
    COUNTER = "counter"
    # What an interval's observations were.
    HISTOGRAM = "histogram"


class Temporality(Enum):
    """From when on a point counts."""

    # Since the point before it.
    DELTA = "delta"
    # Since the series began.
    CUMULATIVE = "cumulative"
    # It is of one moment.
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Source:
    """What sends: `service.name`, `service.version` and `service.instance.id` of the resource."""

    service: str
    version: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What sends, and the attributes of it that each of its points has unless it says otherwise."""

    source: Source
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """What the points of one measured thing share."""

    source: Source
    name: str
    unit: str
    kind: Kind
    temporality: Temporality
    attributes: Attributes
    # Of all by which OpenTelemetry tells series apart, 16 bytes.
    identity: bytes


@dataclass(frozen=True, slots=True)
class Explicit:
    """A distribution by bounds that its sender chose; `buckets` has one more than there are bounds, or is empty."""

    count: int
    total: float
    low: float | None = None
    high: float | None = None
    bounds: tuple[float, ...] = ()
    buckets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Exponential:
    """A distribution by powers of 2^(2^-scale): bucket i holds what is above base^i, up to base^(i+1)."""

    count: int
    total: float
    low: float | None = None
    high: float | None = None
    scale: int = 0
    zeros: int = 0
    zero_threshold: float = 0.0
    positive: Mapping[int, int] = field(default_factory=dict)
    negative: Mapping[int, int] = field(default_factory=dict)


Distribution = Explicit | Exponential
Value = float | Distribution


@dataclass(frozen=True, slots=True)
class Point:
    """One data point, as it came; times are nanoseconds since 1970, `start` 0 where the sender does not know it."""

    series: Series
    start: int
    time: int
    value: Value
    # Invocations that are examples of what was measured.
    exemplars: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """One event: of which series, when, what, for how many observations it stands, and an invocation as its example."""

    series: nouns.Series
    at_us: int
    value: float
    weight: int
    invocation_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A point, or a metric, that is not taken, and why."""

    metric: str
    reason: str
    points: int = 1


@dataclass(frozen=True, slots=True)
class Export:
    """What a request holds."""

    points: tuple[Point, ...]
    rejected: tuple[Rejected, ...]
