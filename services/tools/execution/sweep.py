"""The sweep: ends what dead replicas left open as INTERRUPTED."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog

from servicekit.postgres import Database
from services.tools.audit.outcome import cancelled
from services.tools.audit.recording import Recorder
from services.tools.execution import store
from services.tools.metrics import ToolMetrics
from services.tools.models import Invocation

logger = structlog.get_logger(__name__)

BATCH = 1_000


class Sweep:
    """Every replica sweeps after all others."""

    def __init__(
        self, database: Database, replica: UUID, lease_seconds: float, recorder: Recorder, metrics: ToolMetrics
    ) -> None:
        self._database = database
        self._replica = replica
        self._lease_seconds = lease_seconds
        self._recorder = recorder
        self._metrics = metrics

    async def run(self) -> None:
        """Sweeps, for ever."""
        while True:
            await self.sweep()
            await asyncio.sleep(self._lease_seconds / 2)

    async def sweep(self) -> None:
        """Ends what is left of those who are dead.

        A process counts as dead when its heartbeat is older than two leases: it stops beginning anything after one.
        """
        count = 0
        async with self._database.transaction() as connection:
            for replica, oldest_open in await store.lock_dead(connection, self._replica, 2 * self._lease_seconds):
                while left := await store.open_of(connection, replica, oldest_open, BATCH):
                    count += await self._interrupt(left)
                while left := await store.approved_of(connection, replica, BATCH):
                    count += await self._interrupt(left)
                await store.forget_replica(connection, replica)
                logger.warning("replica_swept", replica=str(replica), interrupted=count)
        self._metrics.interrupted(count)

    async def _interrupt(self, left: Sequence[Invocation]) -> int:
        for invocation in left:
            self._recorder.announce(invocation.intent.id)
        outcomes = (cancelled(one.intent, "INTERRUPTED", one.approval) for one in left)
        await asyncio.gather(*(self._recorder.record_outcome(outcome) for outcome in outcomes))
        return len(left)
