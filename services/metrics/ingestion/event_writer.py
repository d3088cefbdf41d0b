"""Writes events: those of many callers in one transaction, each acknowledged after its commit and counted once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol, TypeAlias
from uuid import UUID

import uuid_utils.compat as uuid
from cachetools import LRUCache

from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.errors import ServiceError
from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.idempotency import Claim, claim_all
from servicekit.postgres import COMMIT, Connection, Database
from servicekit.waiting import waiting_for
from services.metrics.ingestion.store import events as store
from services.metrics.models import Events, Series

# Series that need not be looked at again today.
MAX_KNOWN_SERIES = 100_000


@dataclass(eq=False, slots=True)
class Writing:
    """The events of a request that wait for their commit."""

    events: Events
    claim: Claim | None = None
    # The transaction that it was last tried in, while it is not known how that has ended.
    tried_in: UUID | None = None

    @property
    def cost(self) -> int:
        return self.events.cost


class Recorder(Protocol):
    """Who keeps something of its own of all events that are written."""

    async def record(self, connection: Connection, batch: Sequence[Events]) -> None:
        """Writes it, in the transaction of the events."""


# What the first caller with the same idempotency_key was answered; None: this was the first, or there is no key.
Earlier: TypeAlias = bytes | ServiceError | None


class Observer(Protocol):
    """Who looks at all events that were written."""

    def observe(self, batch: Sequence[Events]) -> None:
        """Called after their commit."""


class EventWriter:
    """Writes the events of one process."""

    def __init__(
        self,
        database: Database,
        metrics: CommitMetrics,
        max_queued_bytes: int,
        recorders: Sequence[Recorder] = (),
        observers: Sequence[Observer] = (),
    ) -> None:
        """Prepares.

        Args:
            database: of the service.
            metrics: of its commits.
            max_queued_bytes: what may wait; more is refused with OVERLOADED.
            recorders: told of each batch, in its transaction.
            observers: told of it when that is committed.
        """
        self._database = database
        self._recorders = recorders
        self._observers = observers
        self._known: LRUCache[int, date] = LRUCache(MAX_KNOWN_SERIES)
        self._commits: GroupCommit[Writing, Earlier] = GroupCommit(
            "events",
            self._flush,
            metrics,
            size=lambda writing: writing.cost,
            max_queued_bytes=max_queued_bytes,
        )

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Takes events while the block lasts, and writes what is queued when it ends."""
        async with self._database.held() as self._held, self._commits:
            yield

    async def ready(self) -> bool:
        """Whether events can be written."""
        return await self._commits.ready()

    async def write(self, writing: Writing, *, kept: bool = False) -> bytes | None:
        """Writes events, and returns what the first request with the same key was answered, where there was one.

        Args:
            writing: the events.
            kept: written also if whoever waits has been told that the database is away.

        Raises:
            ServiceError: IDEMPOTENCY_KEY_REUSED, OVERLOADED, UNAVAILABLE.
        """
        with waiting_for(COMMIT):
            earlier = await self._commits.submit(writing, kept=kept)
        if isinstance(earlier, ServiceError):
            raise earlier
        return earlier

    async def _flush(self, batch: Sequence[Writing]) -> Sequence[Earlier]:
        commit = uuid.uuid7()
        inserted: dict[int, date] = {}
        try:
            async with self._held.used() as connection, connection.transaction():
                answers = await self._write(connection, batch, commit, inserted)
        except CONNECTION_ERRORS:
            # Whether it was committed is found out when it is tried again.
            raise
        except Exception:
            for writing in batch:
                if writing.tried_in == commit:
                    writing.tried_in = None
            raise
        # Not before: what was rolled back is not there.
        self._known.update(inserted)
        written = [writing.events for writing, answer in zip(batch, answers, strict=True) if answer is None]
        for observer in self._observers:
            observer.observe(written)
        return answers

    async def _write(
        self, connection: Connection, batch: Sequence[Writing], commit: UUID, inserted: dict[int, date]
    ) -> list[Earlier]:
        doubted = {writing.tried_in for writing in batch if writing.tried_in is not None}
        wrote = await store.commits_that_wrote(connection, sorted(doubted)) if doubted else set[UUID]()
        await store.insert_commit(connection, commit)
        claiming = [writing for writing in batch if writing.claim is not None]
        claimed = await claim_all(connection, [writing.claim for writing in claiming if writing.claim is not None])
        answers = dict(zip(map(id, claiming), claimed, strict=True))
        fresh = []
        for writing in batch:
            if writing.tried_in is None or writing.tried_in not in wrote:
                writing.tried_in = commit
                if answers.get(id(writing)) is None and len(writing.events):
                    fresh.append(writing.events)
        if fresh:
            await self._insert_series(connection, fresh, inserted)
            await store.copy_events(connection, fresh)
            for recorder in self._recorders:
                await recorder.record(connection, fresh)
        return [answers.get(id(writing)) for writing in batch]

    async def _insert_series(self, connection: Connection, batch: Sequence[Events], inserted: dict[int, date]) -> None:
        """Inserts those that are not known to be there, and tells which these are."""
        today = datetime.now(UTC).date()
        found: dict[int, Series] = {}
        for events in batch:
            for series in events.series:
                if self._known.get(series.id) != today:
                    found[series.id] = series
        if found:
            await store.insert_series(connection, list(found.values()))
            inserted.update(dict.fromkeys(found, today))
