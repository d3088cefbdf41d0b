"""The nine instruments of the original, fed by what has been stored."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from services.metrics.exposition.labels import Labels
from services.metrics.models import Events, Floats

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


class Histogram:
    """Counts by bucket; the last is of what is above all bounds."""

    __slots__ = ("buckets", "count", "seconds")

    def __init__(self, bounds: int) -> None:
        self.buckets = np.zeros(bounds + 1, np.int64)
        self.seconds = 0.0
        self.count = 0

    def observe(self, places: NDArray[np.int64], seconds: Floats) -> None:
        self.buckets += np.bincount(places, minlength=len(self.buckets))
        self.seconds += float(seconds.sum())
        self.count += len(seconds)


class Instruments(Collector):
    """Counts what was stored. The event loop's thread alone writes; pages read."""

    def __init__(self, bounds: Sequence[float], labels: Labels) -> None:
        self.bounds = tuple(bounds)
        self.labels = labels
        self.counters: defaultdict[tuple[str, LabelValues], float] = defaultdict(float)
        self.histograms: dict[tuple[str, LabelValues], Histogram] = {}

    def observe(self, batch: Sequence[Events]) -> None:
        """Counts events that were stored."""
        for events in batch:
            order = np.argsort(events.series_index, kind="stable")
            begins = np.searchsorted(events.series_index[order], np.arange(len(events.series) + 1))
            for number, series in enumerate(events.series):
                if series.type in INSTRUMENTED:
                    chosen = order[begins[number] : begins[number + 1]]
                    dimensions = dict(series.dimensions)
                    values, durations = events.value[chosen], events.duration_ms[chosen]
                    self.add(series.type, series.source.service, dimensions, values, durations)

    def add(
        self, event_type: str, service: str, dimensions: Mapping[str, str], values: Floats, durations: Floats
    ) -> None:
        """Counts events of one type, service and set of dimensions.

        Args:
            event_type: one that has no instrument counts nowhere.
            service: who sent them.
            dimensions: of all of them.
            values: one each.
            durations: milliseconds; NaN where an event has none.
        """
        if event_type == LATENCY_TYPE:
            self._observe(LATENCY, self.labels.of(service, dimensions), values)
        elif event_type in COUNTERS:
            labels = self.labels.of(service, dimensions)
            # A counter cannot fall; an event that says less than nothing is kept, and counts nothing here.
            self.counters[COUNTERS[event_type].name, labels] += float(values[values > 0].sum())
            self._observe(DURATIONS[event_type], labels, durations[~np.isnan(durations)] / MILLISECONDS)

    def _observe(self, instrument: Instrument, labels: LabelValues, seconds: Floats) -> None:
        if not len(seconds):
            return
        histogram = self.histograms.get((instrument.name, labels))
        if histogram is None:
            histogram = self.histograms[instrument.name, labels] = Histogram(len(self.bounds))
        histogram.observe(np.searchsorted(self.bounds, seconds, side="left"), seconds)

    def collect(self) -> Iterator[Metric]:
        """Called by the page."""
        counters, histograms = list(self.counters.items()), list(self.histograms.items())
        for event_type, instrument in COUNTERS.items():
            family = CounterMetricFamily(instrument.name, instrument.documentation, labels=self._names)
            for (name, labels), total in counters:
                if name == instrument.name:
                    family.add_metric((*labels, event_type), total)
            yield family
        for event_type, instrument in {**DURATIONS, LATENCY_TYPE: LATENCY}.items():
            distribution = HistogramMetricFamily(instrument.name, instrument.documentation, labels=self._names)
            for (name, labels), histogram in histograms:
                if name == instrument.name:
                    distribution.add_metric((*labels, event_type), self._cumulated(histogram), histogram.seconds)
            yield distribution

    @property
    def _names(self) -> tuple[str, ...]:
        return (*self.labels.names, "metric_type")

    def _cumulated(self, histogram: Histogram) -> list[tuple[str, float]]:
        bounds = [*map(floatToGoString, self.bounds), "+Inf"]
        return list(zip(bounds, accumulate(map(int, histogram.buckets)), strict=True))
