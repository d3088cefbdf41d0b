"""What the page for Prometheus shows: the instruments, the original's names for what the service counts, and itself."""

import time
from collections.abc import Iterator

from cachetools import LRUCache
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.metrics.exposition.instruments import Instruments

# What every service counts of calls over HTTP, and what the original's guide calls it.
HTTP_CALLS = "qmcp_http_requests"
OURS = "qmcp_"


class ServiceFigures(Collector):
    """What the service counts of itself, its pipeline among it, and its calls over HTTP by the original's name too."""

    def __init__(self, counted: CollectorRegistry) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        """Called by the page."""
        for family in self._counted.collect():
            if family.name.startswith(OURS):
                yield family
            if family.name == HTTP_CALLS:
                renamed = CounterMetricFamily(
                    "http_requests", "Requests that were answered.", labels=("method", "endpoint", "status")
                )
                for sample in family.samples:
                    labels = sample.labels
                    renamed.add_metric((labels["method"], labels["path"], labels["status"]), sample.value)
                yield renamed


class AvailableTokens(Collector):
    """How many calls callers have left of their minute, as this replica last heard, and what has come back since."""

    def __init__(self, max_callers: int) -> None:
        """Of more than `max_callers` the ones that called last are shown."""
        self._told: LRUCache[str, tuple[int, float, float]] = LRUCache(max_callers)

    def tell(self, caller: str, rate: int, remaining: float) -> None:
        """A call was counted."""
        self._told[caller] = rate, remaining, time.monotonic()

    def collect(self) -> Iterator[Metric]:
        """Called by the page."""
        family = GaugeMetricFamily(
            "rate_limit_available_tokens", "Calls that a caller may still make this minute.", labels=("service",)
        )
        rates = GaugeMetricFamily(
            "rate_limit_calls_per_minute", "Calls that a caller may make a minute.", labels=("service",)
        )
        now = time.monotonic()
        for caller, (rate, remaining, at) in list(self._told.items()):
            family.add_metric((caller,), min(rate, remaining + (now - at) * rate / 60))
            rates.add_metric((caller,), rate)
        yield family
        yield rates


def registry_of(counted: CollectorRegistry, instruments: Instruments, tokens: AvailableTokens) -> CollectorRegistry:
    """All of it."""
    registry = CollectorRegistry()
    for collector in (instruments, tokens, ServiceFigures(counted)):
        registry.register(collector)
    return registry
