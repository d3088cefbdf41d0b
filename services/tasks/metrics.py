"""The metrics of the tasks service."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


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
        self._watching = Gauge("qmcp_tasks_watchers", "Calls of WatchBoard that are open here.", registry=registry)
        self._opened = Counter(
            "qmcp_tasks_watchers_opened_total", "Calls of WatchBoard that were taken here.", registry=registry
        )
        self._told = Histogram(
            "qmcp_tasks_board_seconds",
            "From a change, by the clock of the database, to those who watch the board, by ours.",
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 5),
        )

    def count(self, tally: Tally) -> None:
        """What a transaction has done that is committed."""
        self._leases.labels("given").inc(tally.given)
        self._leases.labels("expired").inc(tally.expired)
        for status in tally.statuses:
            self._transitions.labels(status).inc()

    def set_waiters(self, number: int) -> None:
        """So many calls wait here now."""
        self._waiting.set(number)

    def set_watchers(self, number: int) -> None:
        """So many watch boards here now."""
        self._watching.set(number)

    def watcher_opened(self) -> None:
        """One more has begun to."""
        self._opened.inc()

    def told(self, seconds: float) -> None:
        """Those who watch are told of a change that was made so long ago."""
        self._told.observe(max(0.0, seconds))
