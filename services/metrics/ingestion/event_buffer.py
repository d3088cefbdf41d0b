"""Events that were acknowledged before they were written: kept for a while, so that many of them share a commit."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from servicekit.errors import ServiceError
from servicekit.postgres import Database
from services.metrics import errors
from services.metrics.ingestion.event_writer import EventWriter, Writing
from services.metrics.ingestion.store import events as store

logger = structlog.get_logger(__name__)


class EventBuffer:
    """Keeps them until there are enough, until the first has waited long enough, or until somebody asks."""

    def __init__(
        self, database: Database, writer: EventWriter, batch_size: int, interval_seconds: float, max_bytes: int
    ) -> None:
        """Prepares.

        Args:
            database: of the service.
            writer: who writes them.
            batch_size: so many events are written at once.
            interval_seconds: how long any of them waits.
            max_bytes: what it keeps at most; more is refused.
        """
        self._database = database
        self._writer = writer
        self._batch_size = batch_size
        self._interval_seconds = interval_seconds
        self._max_bytes = max_bytes
        self._waiting: list[Writing] = []
        # Of what waits and of what is being written.
        self._held_bytes = 0
        self._events = 0
        self._first = asyncio.Event()
        self._due = asyncio.Event()

    @asynccontextmanager
    async def buffering(self) -> AsyncIterator[None]:
        """Takes events while the block lasts, and writes what is left when it ends."""
        try:
            yield
        finally:
            await self.flush()

    def put(self, writing: Writing) -> None:
        """Takes the events of a request.

        Raises:
            ServiceError: OVERLOADED where it is full.
        """
        if self._held_bytes and self._held_bytes + writing.cost > self._max_bytes:
            raise errors.buffer_full()
        self._waiting.append(writing)
        self._held_bytes += writing.cost
        self._events += len(writing.events)
        self._first.set()
        if self._events >= self._batch_size:
            self._due.set()

    def wake(self, payload: str | None) -> None:
        """Somebody asked for it; None: that may have been missed, and then it only comes later."""
        if payload is not None and self._waiting:
            self._due.set()

    async def flush(self) -> int:
        """Writes all that is here now, and returns how many events that were."""
        taken, self._waiting = self._waiting, []
        events, self._events = self._events, 0
        self._first.clear()
        self._due.clear()
        ended = await asyncio.gather(*map(self._write, taken), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException) and not isinstance(error, ServiceError):
                raise error
        return events

    async def flush_everywhere(self) -> int:
        """The same, and tells the other replicas to do so."""
        written = await self.flush()
        async with self._database.connection() as connection:
            await store.announce_flush(connection)
        return written

    async def follow(self) -> None:
        """Writes what is due, for ever."""
        while True:
            await self._first.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._due.wait()
            await self.flush()

    async def _write(self, writing: Writing) -> None:
        try:
            await self._writer.write(writing, kept=True)
        except ServiceError as error:
            # Whoever sent it was answered before. Where the database is away it is written when that is back.
            logger.warning("buffered_events_told", reason=error.reason, error=error.message, size=len(writing.events))
        finally:
            self._held_bytes -= writing.cost
