"""The metrics of the tasks service."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.tasks.models import Watching


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
        self._max_watchers = Gauge(
            "qmcp_tasks_watchers_max", "Calls of WatchBoard that may be open here.", registry=registry
        )
        self._opened = Counter(
            "qmcp_tasks_watchers_opened_total", "Calls of WatchBoard that were taken here.", registry=registry
        )
        self._told = Histogram(
            "qmcp_tasks_board_seconds",
            "From a change, by the clock of the database, to those who watch the board, by ours.",
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 5),
        )

        # What is told besides in the words of the original.
        self._since: dict[object, float] = {}
        self._opened_here = 0
        self._told_here = 0
        self._told_seconds = 0.0
        self._conflicts = 0
        self._swept_at: datetime | None = None

    def count(self, tally: Tally) -> None:
        """What a transaction has done that is committed."""
        self._leases.labels("given").inc(tally.given)
        self._leases.labels("expired").inc(tally.expired)
        for status in tally.statuses:
            self._transitions.labels(status).inc()

    def set_waiters(self, number: int) -> None:
        """So many calls wait here now."""
        self._waiting.set(number)

    def let_watch(self, number: int) -> None:
        """So many boards may be watched here at a time."""
        self._max_watchers.set(number)

    @contextmanager
    def watcher(self) -> Iterator[None]:
        """One more watches a board here, while the block lasts."""
        me = object()
        self._since[me] = time.monotonic()
        self._opened.inc()
        self._opened_here += 1
        self._watching.set(self.watchers)
        try:
            yield
        finally:
            del self._since[me]
            self._watching.set(self.watchers)

    @property
    def watchers(self) -> int:
        """So many watch boards here now."""
        return len(self._since)

    def told(self, seconds: float) -> None:
        """Those who watch are told of a change that was made so long ago."""
        self._told.observe(max(0.0, seconds))
        self._told_here += 1
        self._told_seconds += max(0.0, seconds)

    def conflict(self) -> None:
        """Somebody was refused a lease because another has it, or what the task needs."""
        self._leases.labels("refused").inc()
        self._conflicts += 1

    def swept(self) -> None:
        """Leases that are over have been looked for."""
        self._swept_at = datetime.now(UTC)

    def watching(self) -> Watching:
        """All of it, of this process."""
        now = time.monotonic()
        return Watching(
            active=self.watchers,
            opened=self._opened_here,
            average_age_seconds=sum(now - since for since in self._since.values()) / max(self.watchers, 1),
            told=self._told_here,
            told_seconds=self._told_seconds,
            conflicts=self._conflicts,
            swept_at=self._swept_at,
        )
