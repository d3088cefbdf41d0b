"""How the service is doing, as the original told it."""

import resource
import time
from pathlib import Path

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Database
from services.tasks.metrics import TasksMetrics
from services.tasks.original import store
from services.tasks.original.models import Counts, Operation

MEGABYTE = 1024 * 1024


class Operations:
    """Answers GetBoardHealth and GetBoardMetrics, of this replica."""

    def __init__(self, database: Database, metrics: TasksMetrics, max_watchers: int) -> None:
        self._database = database
        self._metrics = metrics
        self._max_watchers = max_watchers
        self._began = time.monotonic()
        self._used_before = _processor_seconds()

    async def healthy(self) -> bool:
        """Whether the database answers."""
        return await self._database.ready()

    @property
    def watchers(self) -> int:
        """How many watch boards here."""
        return self._metrics.watchers

    async def metrics(self, viewer: Viewer) -> tuple[Counts, Operation]:
        """What there is to do, and how this process is doing."""
        async with self._database.connection() as connection:
            found = await store.counts(connection, viewer)
        used = self._database.usage.used
        uptime = time.monotonic() - self._began
        return found, Operation(
            max_watchers=self._max_watchers,
            query_ms=1000 * used.seconds / used.count if used.count else 0.0,
            uptime_seconds=uptime,
            memory_mb=_resident_bytes() / MEGABYTE,
            cpu_percent=100 * (_processor_seconds() - self._used_before) / uptime if uptime else 0.0,
            watching=self._metrics.watching(),
        )


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
