"""The metrics of the tasks service."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge


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

    def leased(self, number: int) -> None:
        """So many leases were given."""
        self._leases.labels("given").inc(number)

    def expired(self, number: int) -> None:
        """So many leases have expired."""
        self._leases.labels("expired").inc(number)

    def set_waiters(self, number: int) -> None:
        """So many calls wait here now."""
        self._waiting.set(number)

    def transitioned(self, statuses: Iterable[str]) -> None:
        """Tasks came to these."""
        for status in statuses:
            self._transitions.labels(status).inc()
