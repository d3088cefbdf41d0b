"""The metrics of the tasks service."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass(slots=True)
class Tally:
    """What one transaction has done, to be counted once it is committed."""

    given: int = 0
    expired: int = 0
    # That tasks came to.
    statuses: list[str] = field(default_factory=list)


class TasksMetrics:
    """Counts what tasks come to, and the leases of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._transitions = Counter(
            "qmcp_tasks_transitions_total", "Tasks that came to a status.", ("status",), registry=registry
        )
        self._leases = Counter(
            "qmcp_tasks_leases_total", "Leases of tasks, by what became of them.", ("event",), registry=registry
        )
        self._waiting = Gauge("qmcp_tasks_waiters", "Calls of ClaimTask that wait here.", registry=registry)

    def count(self, tally: Tally) -> None:
        """What a transaction has done that is committed."""
        self._leases.labels("given").inc(tally.given)
        self._leases.labels("expired").inc(tally.expired)
        for status in tally.statuses:
            self._transitions.labels(status).inc()

    def set_waiters(self, number: int) -> None:
        """So many calls wait here now."""
        self._waiting.set(number)
