"""Builds the roll-ups: one replica at a time folds in what is pending, each event once, and closes what is over."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import numpy as np

from servicekit.postgres import Connection, Database
from services.metrics.rollups import closing
from services.metrics.rollups.folding import Folding
from services.metrics.rollups.models import Observations, SeriesKey
from services.metrics.rollups.store import events as store

# Between two looks for what is pending.
PAUSE_SECONDS = 1.0
# Batches of one transaction, and the events that these should come to: a transaction that ends is one that need not be
# repeated.
MAX_BATCHES = 2_000
FIRST_BATCHES = 16
WANTED_EVENTS = 200_000
# What is held in memory at most, about 100 bytes each; of one batch all, which ingestion bounds.
MAX_EVENTS = 1_000_000


# Given a transaction, events by the ids of their series, and what these are of.
Tally = Callable[[Connection, Observations, Mapping[int, SeriesKey]], Awaitable[None]]


class RollupBuilder:
    """The background loop; every replica has it, and they take turns."""

    def __init__(self, database: Database, folding: Folding, *tallies: Tally) -> None:
        """Prepares.

        Args:
            database: of the service.
            folding: adds events to roll-ups.
            tallies: who makes something else of the same events, in the same transactions.
        """
        self._database = database
        self._folding = folding
        self._tallies = tallies
        self._batches = FIRST_BATCHES

    async def run(self) -> None:
        """Folds whatever comes, for ever."""
        while True:
            try:
                more = await self.build()
                more = await self.close() or more
            except Exception:
                # Where it was too much for one transaction, less is not.
                self._batches = max(1, self._batches // 2)
                raise
            if not more:
                await asyncio.sleep(PAUSE_SECONDS)

    async def build(self) -> bool:
        """Folds some batches, in one transaction with the note that they are no longer pending.

        Returns:
            Whether there may be more: not where another replica is at it.
        """
        async with self._database.transaction() as connection:
            if not await store.take_turn(connection):
                return False
            batches = await store.pending(connection, self._batches)
            if not batches:
                return False
            limit = MAX_EVENTS if len(batches) > 1 else None
            events = await store.read(connection, batches, limit)
            if len(events) == limit:
                # Large batches came after small ones: what was read may be a part of them, and is let go.
                self._batches = max(1, len(batches) // 8)
                return True
            await self._fold(connection, events)
            await store.forget_pending(connection, batches)
        more = len(batches) == self._batches
        self._adapt(len(events))
        return more

    async def close(self) -> bool:
        """Adds minutes and hours that are over to hours and days, in one transaction with the note that they are.

        Returns:
            Whether there is more: not where another replica is at it.
        """
        async with self._database.transaction() as connection:
            return await store.take_turn(connection) and await closing.close(connection)

    async def _fold(self, connection: Connection, events: Observations) -> None:
        ids, places = np.unique(events.series, return_inverse=True)
        keys = await store.keys(connection, ids.tolist())
        for tally in self._tallies:
            await tally(connection, events, keys)
        await self._folding.fold(
            connection,
            [keys[each] for each in ids.tolist()],
            Observations(places, events.at, events.values, events.durations, events.weights, events.invocations),
        )

    def _adapt(self, events: int) -> None:
        """Takes more batches the next time where these were small."""
        if events > WANTED_EVENTS:
            self._batches = max(1, self._batches // 2)
        elif events * 2 < WANTED_EVENTS:
            self._batches = min(MAX_BATCHES, self._batches * 2)
