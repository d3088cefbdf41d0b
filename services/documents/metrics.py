"""The metrics of the documents service."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.documents.models import Timing

NOT_DONE = ("bad_request", "payload_too_large", "rate_limited", "timeout", "internal_error")


class DocumentsMetrics:
    """Counts runs by what became of them, and times where they spent their time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._runs = Counter(
            "qmcp_documents_runs_total", "Runs, by what became of them.", ("skill", "outcome"), registry=registry
        )
        for outcome in NOT_DONE:
            # An alert must see the first one: what begins with 1 has not grown.
            self._runs.labels("-", outcome)
        self._slots = Gauge("qmcp_documents_slots_taken", "Runs that go on here.", registry=registry)
        self._waiting = Histogram(
            "qmcp_documents_queue_wait_seconds",
            "How long runs waited for their turn.",
            registry=registry,
            buckets=(0.001, 0.01, 0.05, 0.1, 0.5, 1, 3, 10, 30),
        )
        self._rendering = Histogram(
            "qmcp_documents_subprocess_seconds",
            "How long the processes of runs took.",
            registry=registry,
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
        )

    def ended(self, skill: str, outcome: str, timing: Timing) -> None:
        """One run has ended so."""
        self._runs.labels(skill, outcome).inc()
        self._waiting.observe(timing.queue_wait_ms / 1000)
        self._rendering.observe(timing.subprocess_ms / 1000)

    def refused(self, outcome: str) -> None:
        """One was not begun: of which skill it would have been is not said, for callers write there what they like."""
        self._runs.labels("-", outcome).inc()

    def set_slots_taken(self, number: int) -> None:
        self._slots.set(number)
