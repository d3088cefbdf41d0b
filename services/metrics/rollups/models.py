"""The roll-ups that there are, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.metrics.models import Floats, Integers

Measure = Literal["value", "duration"]

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Tier:
    """Roll-ups of one width."""

    name: str
    table: str
    # Of a bucket, microseconds; buckets begin at multiples of it since 1970.
    width: int


MINUTE = Tier("minute", "metrics_minutely", 60 * SECOND)
HOUR = Tier("hour", "metrics_hourly", 3_600 * SECOND)
DAY = Tier("day", "metrics_daily", 86_400 * SECOND)
# The coarsest first.
TIERS = (DAY, HOUR, MINUTE)


@dataclass(frozen=True, slots=True)
class Part:
    """What some roll-ups, or some events, say of one cell."""

    # The number of the group, and of the step.
    group: int
    step: int
    count: int
    sum: float
    min: float
    max: float
    approximate: bool
    # Encoded; or several, one after another.
    sketch: bytes


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What a series is of."""

    principal: str
    service: str
    type: str
    # Sorted pairs.
    dimensions: tuple[tuple[str, str], ...]
    # All of the principal, service and type together; then there are no dimensions.
    totals: bool = False


@dataclass(frozen=True, slots=True)
class EventPart:
    """What some events say of one cell: as `Part`, but of the group its labels, and of the sketch its buckets."""

    labels: tuple[str, ...]
    step: int
    keys: Sequence[int]
    counts: Sequence[int]
    sum: float
    min: float
    max: float
    approximate: bool


# Of a bucket at most so many invocations are named: those that took longest, or had the greatest values.
MAX_EXEMPLARS = 8


@dataclass(frozen=True, slots=True)
class Observations:
    """Columns of events, one entry each."""

    # Which series it belongs to: any numbers below 2^31.
    series: Integers
    # When it was, microseconds since 1970.
    at: Integers
    values: Floats
    # Milliseconds; NaN where it has none.
    durations: Floats
    # How many observations it stands for: 1, or as many as were in a bucket of a histogram.
    weights: Integers
    # The id of its invocation, sixteen bytes; zeros where it has none.
    invocations: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class Spreads:
    """Of each group, what is known of one measure; zeros and an empty sketch where no event of the group has it."""

    counts: Integers
    sums: Floats
    least: Floats
    greatest: Floats
    sketches: list[bytes]


@dataclass(frozen=True, slots=True)
class Rollups:
    """Groups of events of one series and one bucket."""

    series: Integers
    # The number of the bucket: the time through its width, rounded down.
    buckets: Integers
    values: Spreads
    durations: Spreads
    # Whether an event stands for several observations: then values are as exact as the buckets were that they came in.
    approximate: NDArray[np.bool_]
    # Invocation ids, those with the greatest magnitudes first: durations, or values where there are none.
    exemplars: list[list[bytes]]
    magnitudes: list[list[float]]
