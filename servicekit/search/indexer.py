"""Brings what the outbox names into the index, in every replica, and makes the index anew where it was lost.

At least once: what is brought in is marked after the store has taken it, so a process that dies between the two leaves
a change that is brought in again, which changes nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import structlog

from servicekit.notifications import wait_for
from servicekit.postgres import Connection, Database
from servicekit.search import outbox
from servicekit.search.errors import SearchAwayError, UnfitTextError
from servicekit.search.index import Entry, Index
from servicekit.search.metrics import SearchMetrics
from servicekit.search.outbox import Change, Waiting

logger = structlog.get_logger(__name__)

# Changes that are brought in together.
BATCH = 32
# Whoever has not brought them in by then has died, or will not do so any more.
LEASE_SECONDS = 60.0
WITHIN_SECONDS = 40.0
# Looked for at least this often: notifications can get lost.
SAFETY_SECONDS = 5.0
# How often it is measured how far the index is behind.
MEASURED_SECONDS = 2.0
# How often a process without an index says so: one that has one may have stopped.
LEFT_SECONDS = 60.0
# How often the index is counted against the database.
COUNTED_SECONDS = 3600.0
# Tries of a text that the model does not take; an index that is away is tried for ever.
MAX_ATTEMPTS = 8
MAX_PAUSE_SECONDS = 600.0
QUEUED_TOGETHER = 5_000


class Source(Protocol):
    """What a service has to be found, read from its own tables."""

    async def entries(self, connection: Connection, item_ids: Sequence[str]) -> Sequence[Entry]:
        """Those of the items that can be found; the others are taken out."""

    async def after(self, connection: Connection, item_id: str, limit: int) -> Sequence[str]:
        """The next items that can be found, in the order of their ids; the first ones after the empty id."""

    async def count(self, connection: Connection) -> int:
        """How many there are."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How the index is, for whoever operates it."""

    # `off`, `ready`, `catching_up` or `away`.
    state: str
    # Why it is away, or what failed last.
    detail: str = ""
    store: str = ""
    collection: str = ""
    model: str = ""
    dimension: int = 0
    texts: int = 0
    waiting: int = 0
    failed: int = 0
    lag_seconds: float = 0.0


class Indexer:
    """The loop of one process; where there is no index, nothing waits for one."""

    def __init__(self, database: Database, index: Index | None, source: Source, metrics: SearchMetrics) -> None:
        self._database = database
        self._index = index
        self._source = source
        self._metrics = metrics
        self._woken = asyncio.Event()
        self._away = ""
        self._counted_at = self._measured_at = float("-inf")

    def wake(self, _payload: str | None = None) -> None:
        """Something may have changed."""
        self._woken.set()

    async def run(self) -> None:
        """Brings in until it is cancelled."""
        while True:
            self._woken.clear()
            try:
                pause = await self._step()
                self._away = ""
            except SearchAwayError as error:
                if str(error) != self._away:
                    logger.warning("index_away", error=str(error))
                self._away = str(error)
                pause = SAFETY_SECONDS
            if self._index is None:
                await asyncio.sleep(pause)
            elif pause:
                await wait_for(self._woken, pause)

    async def rebuild(self) -> None:
        """Takes the index away; whichever process sees first that it is not there makes it again.

        Raises:
            SearchAwayError: the store is not there.
        """
        if self._index is None:
            raise SearchAwayError("no place for an index is set")
        await self._drop(self._index)
        self.wake()

    async def condition(self) -> Condition:
        """How the index is now."""
        if self._index is None:
            return Condition("off", "No place for an index is set: QMCP_QDRANT_URL or QMCP_QDRANT_FOLDER.")
        async with self._database.connection() as connection:
            waiting = await outbox.waiting(connection)
            whole = await outbox.is_whole(connection)
        try:
            collection, dimension = await self._index.collection(), await self._index.model.dimension()
            stands = await self._index.exists()
            entries = await self._index.count() if stands else 0
        except SearchAwayError as error:
            return self._told("away", str(error), waiting)
        state = "ready" if stands and whole and not waiting.waiting else "catching_up"
        return self._told(state, waiting.last_error, waiting, collection, dimension, entries)

    def _told(
        self, state: str, detail: str, waiting: Waiting, collection: str = "", dimension: int = 0, entries: int = 0
    ) -> Condition:
        assert self._index is not None
        return Condition(
            state,
            detail,
            self._index.vectors.kind,
            collection,
            self._index.model.name,
            dimension,
            entries,
            waiting.waiting,
            waiting.failed,
            waiting.lag_seconds,
        )

    async def _step(self) -> float:
        """Brings in what is due; returns the seconds after which to look again."""
        if self._index is None:
            async with self._database.transaction() as connection:
                await outbox.leave(connection)
            return LEFT_SECONDS
        if monotonic() - self._measured_at > MEASURED_SECONDS:
            self._measured_at = monotonic()
            await self._measure(self._index)
            await self._follow(self._index)
        if not await self._index.exists() or await self._left_half_made():
            queued = await self._made(self._index)
            logger.info("index_made", collection=await self._index.collection(), items=queued)
        async with self._database.connection() as connection:
            changes = await outbox.claim(connection, BATCH, LEASE_SECONDS)
            due_in = await outbox.seconds_to_next(connection)
        if changes:
            await self._bring_in(self._index, changes)
            return 0
        if due_in is None and monotonic() - self._counted_at > COUNTED_SECONDS:
            self._counted_at = monotonic()
            await self._compare(self._index)
            return 0
        return SAFETY_SECONDS if due_in is None else min(SAFETY_SECONDS, due_in)

    async def _follow(self, index: Index) -> None:
        async with self._database.connection() as connection:
            if await outbox.followed(connection):
                return
        # It lacks what changed while nobody followed; it is made again once somebody does.
        await index.drop()
        async with self._database.transaction() as connection:
            await outbox.follow(connection)

    async def _left_half_made(self) -> bool:
        async with self._database.connection() as connection:
            return await outbox.is_remaking(connection)

    async def _drop(self, index: Index) -> None:
        """Takes the index away; from before that on nobody takes what is in it for everything."""
        async with self._database.transaction() as connection:
            await outbox.begin_remake(connection)
        await index.drop()

    async def _made(self, index: Index) -> int:
        """Makes the index, after everything was put on its way: who dies between the two begins anew."""
        async with self._database.transaction() as connection:
            await outbox.begin_remake(connection)
        queued, last = 0, ""
        while True:
            async with self._database.transaction() as connection:
                items = await self._source.after(connection, last, QUEUED_TOGETHER)
                await outbox.queue_for_remake(connection, items)
            if not items:
                break
            queued, last = queued + len(items), items[-1]
        await index.create()
        async with self._database.transaction() as connection:
            await outbox.end_remake(connection)
        return queued

    async def _bring_in(self, index: Index, changes: Sequence[Change]) -> None:
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                brought_in = await self._indexed(index, changes)
        except (SearchAwayError, TimeoutError) as error:
            async with self._database.connection() as connection:
                await outbox.postpone(connection, changes, SAFETY_SECONDS, str(error) or "it took too long")
            raise SearchAwayError(str(error) or "it took too long to bring texts in") from error
        async with self._database.connection() as connection:
            await outbox.done(connection, brought_in)

    async def _indexed(self, index: Index, changes: Sequence[Change]) -> list[Change]:
        """Those that the index now has as the database has them."""
        async with self._database.connection() as connection:
            found = await self._source.entries(connection, [each.item_id for each in changes])
        entries = {each.item_id: each for each in found}
        brought_in, points = [], []
        for change in changes:
            if change.item_id in entries:
                try:
                    points.append(await index.point(entries[change.item_id]))
                except UnfitTextError as error:
                    await self._unfit(change, str(error))
                    continue
            brought_in.append(change)
        if points:
            await index.bring_in(points)
        gone = [each.item_id for each in changes if each.item_id not in entries]
        if gone:
            await index.take_out(gone)
        return brought_in

    async def _unfit(self, change: Change, error: str) -> None:
        failed = change.attempts >= MAX_ATTEMPTS
        logger.warning("item_not_indexed", item_id=change.item_id, attempt=change.attempts, error=error, failed=failed)
        pause = None if failed else min(2.0**change.attempts, MAX_PAUSE_SECONDS)
        async with self._database.connection() as connection:
            await outbox.postpone(connection, [change], pause, error)

    async def _compare(self, index: Index) -> None:
        """Makes the index anew where it has not what the database has: one of the two was restored from a backup."""
        await index.drop_others()
        indexed = await index.count()
        async with self._database.connection() as connection:
            wanted = await self._source.count(connection)
            waiting = await outbox.waiting(connection)
        if waiting.waiting or indexed == wanted - waiting.failed:
            return
        logger.warning("index_differs", indexed=indexed, wanted=wanted)
        await self._drop(index)
        await self._made(index)

    async def _measure(self, index: Index) -> None:
        async with self._database.connection() as connection:
            found = await outbox.waiting(connection)
        self._metrics.waiting.labels(index.name).set(found.waiting)
        self._metrics.lag.labels(index.name).set(found.lag_seconds)
        self._metrics.failed.labels(index.name).set(found.failed)
