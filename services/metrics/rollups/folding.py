"""Adds events to the roll-ups of their series: of those with dimensions, and of all of a service and type together."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from servicekit.postgres import Connection
from services.metrics.rollups import closing
from services.metrics.rollups.aggregation import chosen, merged, rolled_up
from services.metrics.rollups.models import DAY, HOUR, MINUTE, Observations, Rollups, SeriesKey, Tier
from services.metrics.rollups.store import closing as closing_store
from services.metrics.rollups.store import series as series_store

# Series of one principal, service and type. What would be one more is told apart by none of its dimensions.
MAX_SERIES = 5_000
OTHER = "_other"


class Folding:
    """Writes roll-ups."""

    def __init__(self, dimensions: Collection[str]) -> None:
        """Takes the names of the dimensions that are rolled up; others only the events know."""
        self._dimensions = frozenset(dimensions)

    async def fold(self, connection: Connection, keys: Sequence[SeriesKey], events: Observations) -> None:
        """Adds events; needs a transaction in which nobody else does.

        Args:
            connection: in that transaction.
            keys: of events as they came.
            events: their series are places in `keys`.
        """
        if not len(events):
            return
        detailed = [self._rolled(key) for key in keys]
        totals = [replace(key, dimensions=(), totals=True) for key in keys]
        found = await self._ids(connection, {*detailed, *totals})
        closed = await closing_store.closed_until(connection)
        series = np.array([found[key] for key in detailed], np.int64)
        total_of = {found[key]: found[total] for key, total in zip(detailed, totals, strict=True)}
        for each in await asyncio.to_thread(_with_totals, replace(events, series=series[events.series]), total_of):
            await self._add(connection, each, closed)

    async def _add(self, connection: Connection, minutes: Rollups, closed: Mapping[Tier, int]) -> None:
        """Adds minutes, and to hours and days what is late for them."""
        rollups = minutes
        for tier, coarser in ((MINUTE, HOUR), (HOUR, DAY), (DAY, None)):
            await closing.add(connection, tier, rollups)
            if coarser is None:
                return
            late = rollups.buckets * tier.width < closed[tier]
            if not late.any():
                return
            rollups = chosen(rollups, late)
            rollups = merged(rollups, rollups.series, rollups.buckets * tier.width // coarser.width)

    def _rolled(self, key: SeriesKey) -> SeriesKey:
        return replace(key, dimensions=tuple(pair for pair in key.dimensions if pair[0] in self._dimensions))

    async def _ids(self, connection: Connection, keys: Iterable[SeriesKey]) -> Mapping[SeriesKey, int]:
        wanted = sorted(keys, key=lambda key: (key.service, key.type, key.principal, key.totals, key.dimensions))
        found = await series_store.ids(connection, wanted)
        missing = [key for key in wanted if key not in found]
        if not missing:
            return found
        owners = sorted({_owner(key) for key in missing})
        room = dict.fromkeys(owners, MAX_SERIES)
        for owner, number in (await series_store.counts(connection, owners)).items():
            room[owner] -= number
        instead: dict[SeriesKey, SeriesKey] = {}
        for key in missing:
            fits = key.totals or not key.dimensions or room[_owner(key)] > 0
            room[_owner(key)] -= not key.totals
            instead[key] = key if fits else replace(key, dimensions=tuple((name, OTHER) for name, _ in key.dimensions))
        await series_store.insert(connection, list(dict.fromkeys(instead.values())))
        made = await series_store.ids(connection, list(dict.fromkeys(instead.values())))
        return {**found, **{key: made[stand_in] for key, stand_in in instead.items()}}


def _owner(key: SeriesKey) -> tuple[str, str, str]:
    return key.service, key.type, key.principal


def _with_totals(events: Observations, total_of: Mapping[int, int]) -> tuple[Rollups, Rollups]:
    """The minutes of events, and of all of a principal, service and type together."""
    minutes = rolled_up(events, MINUTE.width)
    totals = np.array([total_of[series] for series in minutes.series.tolist()], np.int64)
    return minutes, merged(minutes, totals, minutes.buckets)
