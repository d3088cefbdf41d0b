"""The lease of a replica: it may begin invocations as long as the database has lately seen its heartbeat."""

import asyncio
import socket
from time import monotonic, time_ns
from uuid import UUID

import structlog

from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.postgres import Database
from services.tools.execution import store
from services.tools.execution.active import ActiveInvocations

logger = structlog.get_logger(__name__)

# Ids are made from the clock, and clocks are set back now and then.
CLOCK_MARGIN_MS = 60_000


class Lease:
    """Held from one heartbeat on for its time; whoever lost it begins nothing, because others may take it for dead."""

    def __init__(self, database: Database, replica: UUID, seconds: float, active: ActiveInvocations) -> None:
        self._database = database
        self._replica = replica
        self._seconds = seconds
        self._active = active
        self._host = socket.gethostname()
        self._until = 0.0

    @property
    def held(self) -> bool:
        return monotonic() <= self._until

    async def ready(self) -> bool:
        """Whether it is held; nothing runs here where it is not."""
        return self.held

    async def renew(self) -> None:
        """Tells the database that this process lives, and which of its invocations may still be open."""
        renewed_at = monotonic()
        oldest = self._active.oldest()
        async with self._database.connection() as connection:
            await store.record_heartbeat(connection, self._replica, self._host, oldest or _id_now())
        self._until = renewed_at + self._seconds

    async def keep(self) -> None:
        """Renews it, for ever."""
        while True:
            await asyncio.sleep(self._seconds / 4)
            await self.renew()

    async def give_up(self) -> None:
        """Everything has ended: there is nothing to sweep after this process."""
        try:
            async with self._database.connection() as connection:
                await store.forget_replica(connection, self._replica)
        except CONNECTION_ERRORS as error:
            # Another replica takes it for dead then, and finds nothing to end.
            logger.warning("replica_not_signed_off", error=str(error))


def _id_now() -> UUID:
    """The lowest UUIDv7 of a moment a little ago."""
    milliseconds = time_ns() // 1_000_000 - CLOCK_MARGIN_MS
    return UUID(int=milliseconds << 80)
