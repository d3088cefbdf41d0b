"""The metrics of the hitl service."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from services.hitl.models import TIMEOUT, HumanRequest, NewEvent

# Types are the callers' words; those that are not the contract's share a label, which must not grow for ever.
TYPES = frozenset({"approval", "choice", "input", "review"})
OTHER = "_other"
# What the original counts, under its names; beside them what it had no word for.
ACTIONS = {"created": "created", "decided": "responded", "expired": "expired", "cancelled": "cancelled"}
ACTIONS |= {"voted": "voted", "escalated": "escalated", "claimed": "claimed", "reminded": "reminded"}


class HitlMetrics(Collector):
    """Counts what happens to requests, times answers and wake-ups."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "qmcp_hitl_requests_total", "What happened to human requests.", ("type", "action"), registry=registry
        )
        self._answered = Histogram(
            "qmcp_hitl_time_to_answer_seconds",
            "From the question to the answer that decided.",
            ("type",),
            registry=registry,
            buckets=(1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 604_800),
        )
        self._wakeups = Histogram(
            "qmcp_hitl_wakeup_seconds",
            "From the decision, by the clock of the database, to the wake-up of who waits, by ours.",
            registry=registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5, 1, 5),
        )
        # Who waits and watches here now, and the pending requests that were counted last.
        self._waiting = 0
        self._watching = 0
        self._pending: Mapping[str, int] = {}
        registry.register(self)

    def count(self, events: Sequence[NewEvent], requests: Mapping[str, HumanRequest]) -> None:
        """Counts what a transaction did."""
        for event in events:
            action = ACTIONS.get(event.kind)
            if action is None:
                continue
            request = requests[event.human_request_id]
            label = _label(request.spec.request_type)
            self._requests.labels(label, action).inc()
            if action == "responded" and event.principal != TIMEOUT and request.ended_at is not None:
                seconds = (request.ended_at - request.created_at).total_seconds()
                self._answered.labels(label).observe(max(0, seconds))

    def woken(self, seconds: float) -> None:
        """Somebody who waits heard of the outcome."""
        self._wakeups.observe(max(0, seconds))

    def set_waiters(self, count: int) -> None:
        """So many calls wait here now."""
        self._waiting = count

    def set_watchers(self, count: int) -> None:
        """So many streams are open here now."""
        self._watching = count

    def set_pending(self, by_type: Mapping[str, int]) -> None:
        """So many requests wait for an answer, in all replicas together."""
        self._pending = by_type

    def collect(self) -> Iterator[Metric]:
        """Called by the metrics page."""
        pending = GaugeMetricFamily("qmcp_hitl_pending", "Requests that wait for an answer.", labels=("type",))
        by_label: dict[str, int] = dict.fromkeys((*sorted(TYPES), OTHER), 0)
        for request_type, count in self._pending.items():
            by_label[_label(request_type)] += count
        for label, count in by_label.items():
            pending.add_metric((label,), count)
        yield pending
        yield GaugeMetricFamily("qmcp_hitl_waiters", "Calls of WaitForResponse that wait here.", self._waiting)
        yield GaugeMetricFamily("qmcp_hitl_watchers", "Streams of events that are open here.", self._watching)


def _label(request_type: str) -> str:
    return request_type if request_type in TYPES else OTHER
