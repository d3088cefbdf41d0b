"""The metrics of deliveries."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from servicekit.metrics import Observations


class DeliveryMetrics(Collector):
    """Counts and times tries; plain numbers, see servicekit.metrics.Observations."""

    def __init__(self, registry: CollectorRegistry) -> None:
        # From the start, so that a rate over them exists before the first failure.
        self._tried: Counter[str] = Counter({"delivered": 0, "retried": 0, "failed": 0})
        self._durations = Observations()
        # Of the whole installation, counted every few seconds and not beyond 10,000.
        self._pending = 0
        registry.register(self)

    def tried(self, outcome: str, seconds: float) -> None:
        """A try ended: `delivered`, `retried` (it failed, and another will follow), `failed` (the last one).

        What was `overtaken` by another try is that one's to count.
        """
        self._durations.observe(seconds)
        if outcome in self._tried:
            self._tried[outcome] += 1

    def set_pending(self, count: int) -> None:
        """So many are on their way."""
        self._pending = count

    def collect(self) -> Iterator[Metric]:
        """Called by the metrics page."""
        tried = CounterMetricFamily("qmcp_hitl_deliveries", "Tries to tell a receiver.", labels=("outcome",))
        for outcome, count in list(self._tried.items()):
            tried.add_metric((outcome,), count)
        yield tried
        durations = HistogramMetricFamily("qmcp_hitl_delivery_duration_seconds", "Duration of a try.")
        self._durations.add_to(durations, ())
        yield durations
        yield GaugeMetricFamily(
            "qmcp_hitl_deliveries_pending", "Deliveries on their way, in all replicas together.", self._pending
        )
