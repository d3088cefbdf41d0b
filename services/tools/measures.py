"""The metrics of the tools service."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from servicekit.metrics import BUCKETS

# Tools come and go; the label must not grow for ever. Those past this many share one.
MOST_LABELS = 1_000
OTHER = "_other"
UNKNOWN = "_unknown"


class Measures:
    """Counts and times invocations by tool."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._invocations = Counter(
            "qmcp_tool_invocations_total", "Invocations that ended.", ("tool", "status"), registry=registry
        )
        self._durations = Histogram(
            "qmcp_tool_duration_seconds", "From the intent to the end.", ("tool",), registry=registry, buckets=BUCKETS
        )
        self._in_flight = Gauge("qmcp_tool_in_flight", "Tools running.", registry=registry)
        self._refusals = Counter(
            "qmcp_tool_refusals_total",
            "Invocations refused before anything ran.",
            ("tool", "reason"),
            registry=registry,
        )
        self._interrupted = Counter(
            "qmcp_tool_interrupted_total",
            "Invocations that a dead replica left open, found by the sweep.",
            registry=registry,
        )
        self._unsigned = Gauge(
            "qmcp_receipts_checkpoint_age_seconds", "Time since the last checkpoint.", registry=registry
        )
        self._known: set[str] = set()

    @contextmanager
    def running(self, tool: str) -> Iterator[None]:
        del tool
        self._in_flight.inc()
        try:
            yield
        finally:
            self._in_flight.dec()

    def ended(self, tool: str, status: str, seconds: float) -> None:
        label = self._label(tool)
        self._invocations.labels(label, status).inc()
        self._durations.labels(label).observe(seconds)

    def refused(self, tool: str, reason: str) -> None:
        """A refusal; the name of an unknown tool is no label, because callers choose it."""
        self._refusals.labels(self._label(tool) if tool else UNKNOWN, reason).inc()

    def interrupted(self, count: int) -> None:
        self._interrupted.inc(count)

    def checkpoint_age(self, seconds: Callable[[], float]) -> None:
        self._unsigned.set_function(seconds)

    def _label(self, tool: str) -> str:
        if tool in self._known:
            return tool
        if len(self._known) >= MOST_LABELS:
            return OTHER
        self._known.add(tool)
        return tool
