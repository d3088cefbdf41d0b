"""The nine instruments of the original, fed by what has been stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from cachetools import LRUCache
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from services.metrics.exposition.labels import Labels
from services.metrics.models import Events, Floats, Integers, Series

LabelValues: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A counter of values or a histogram of seconds, of one type of event."""

    name: str
    documentation: str


# By type of event: what adds up its values, and what its durations are in.
COUNTERS: Mapping[str, Instrument] = {
    "auth_request": Instrument("mcp_auth_requests", "Authentication requests."),
    "tool_discovery": Instrument("mcp_tool_discovery", "Searches for tools."),
    "tool_execution": Instrument("mcp_tool_executions", "Executions of tools."),
    "health_check": Instrument("mcp_health_checks", "Health checks."),
}
DURATIONS: Mapping[str, Instrument] = {
    "auth_request": Instrument("mcp_auth_request_duration_seconds", "Duration of authentication requests."),
    "tool_discovery": Instrument("mcp_tool_discovery_duration_seconds", "Duration of searches for tools."),
    "tool_execution": Instrument("mcp_tool_execution_duration_seconds", "Duration of executions of tools."),
    "health_check": Instrument("mcp_health_check_duration_seconds", "Duration of health checks."),
}
# Its values are seconds themselves.
LATENCY = Instrument("mcp_protocol_latency_seconds", "Latency between the steps of the protocol.")
LATENCY_TYPE = "protocol_latency"
MILLISECONDS = 1_000
INSTRUMENTED = frozenset({*COUNTERS, LATENCY_TYPE})
# Series whose labels need not be looked up again.
MAX_KNOWN_SERIES = 100_000
# The number of what has no instrument.
UNCOUNTED = -1


class Instruments(Collector):
    """Counts what was stored. The event loop's thread alone writes; pages read."""

    def __init__(self, bounds: Sequence[float], labels: Labels) -> None:
        self.bounds = tuple(bounds)
        self.labels = labels
        # What is counted together: types of events with the same labels, by their numbers.
        self._numbers: dict[tuple[str, LabelValues], int] = {}
        self._number_of_series: LRUCache[int, int] = LRUCache(MAX_KNOWN_SERIES)
        self._totals = np.zeros(0)
        # Counts by bucket, of which the last is of what is above all bounds; and the seconds of all.
        self._buckets = np.zeros((0, len(self.bounds) + 1), np.int64)
        self._seconds = np.zeros(0)
        self._of_latency = np.zeros(0, np.bool_)

    def observe(self, batch: Sequence[Events]) -> None:
        """Counts events that were stored: those of many requests at once, since each has a few of each series."""
        if not batch:
            return
        numbers = [self._numbers_of(events.series)[events.series_index] for events in batch]
        number = np.concatenate(numbers)
        counted = number != UNCOUNTED
        self._count(
            number[counted],
            np.concatenate([events.value for events in batch])[counted],
            np.concatenate([events.duration_ms for events in batch])[counted],
        )

    def _numbers_of(self, series: Sequence[Series]) -> Integers:
        known = self._number_of_series
        found = []
        for each in series:
            number = known.get(each.id)
            if number is None:
                number = known[each.id] = self._number(each.type, each.source.service, dict(each.dimensions))
            found.append(number)
        return np.array(found, np.int64)

    def _number(self, event_type: str, service: str, dimensions: Mapping[str, str]) -> int:
        if event_type not in INSTRUMENTED:
            return UNCOUNTED
        key = event_type, self.labels.of(service, dimensions)
        number = self._numbers.setdefault(key, len(self._numbers))
        if number == len(self._totals):
            # Twice as many: each alone would copy all of them each time.
            more = max(16, number)
            self._buckets = np.concatenate([self._buckets, np.zeros((more, self._buckets.shape[1]), np.int64)])
            self._totals = np.concatenate([self._totals, np.zeros(more)])
            self._seconds = np.concatenate([self._seconds, np.zeros(more)])
            self._of_latency = np.concatenate([self._of_latency, np.zeros(more, np.bool_)])
        self._of_latency[number] = event_type == LATENCY_TYPE
        return number

    def _count(self, number: Integers, values: Floats, durations: Floats) -> None:
        """Counts events.

        Args:
            number: what each is counted with.
            values: one each.
            durations: milliseconds; NaN where an event has none.
        """
        # A counter cannot fall; an event that says less than nothing is kept, and counts nothing here.
        np.add.at(self._totals, number, np.maximum(values, 0))
        seconds = np.where(self._of_latency[number], values, durations / MILLISECONDS)
        timed = ~np.isnan(seconds)
        number, seconds = number[timed], seconds[timed]
        np.add.at(self._buckets, (number, np.searchsorted(self.bounds, seconds, side="left")), 1)
        np.add.at(self._seconds, number, seconds)

    def collect(self) -> Iterator[Metric]:
        """Called by the page."""
        numbers = list(self._numbers.items())
        for event_type, instrument in COUNTERS.items():
            family = CounterMetricFamily(instrument.name, instrument.documentation, labels=self._names)
            for (kind, labels), number in numbers:
                if kind == event_type:
                    family.add_metric((*labels, event_type), float(self._totals[number]))
            yield family
        for event_type, instrument in {**DURATIONS, LATENCY_TYPE: LATENCY}.items():
            distribution = HistogramMetricFamily(instrument.name, instrument.documentation, labels=self._names)
            for (kind, labels), number in numbers:
                if kind == event_type and self._buckets[number].any():
                    buckets, seconds = self._cumulated(self._buckets[number]), float(self._seconds[number])
                    distribution.add_metric((*labels, event_type), buckets, seconds)
            yield distribution

    @property
    def _names(self) -> tuple[str, ...]:
        return (*self.labels.names, "metric_type")

    def _cumulated(self, buckets: Integers) -> list[tuple[str, float]]:
        bounds = [*map(floatToGoString, self.bounds), "+Inf"]
        return list(zip(bounds, accumulate(buckets.tolist()), strict=True))
