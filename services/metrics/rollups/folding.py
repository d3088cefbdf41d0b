"""Adds events to the roll-ups of their series: of those with dimensions, and of all of a service and type together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from servicekit.postgres import Connection
from services.metrics.rollups.aggregation import rolled_up
from services.metrics.rollups.models import TIERS, Observations, Rollups, SeriesKey, Tier
from services.metrics.rollups.sketch import Sketch
from services.metrics.rollups.store import rollups as store
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
        series = [np.array([found[key] for key in each], np.int64)[events.series] for each in (detailed, totals)]
        twice = Observations(
            np.concatenate(series),
            np.tile(events.at, 2),
            np.tile(events.values, 2),
            np.tile(events.durations, 2),
            np.tile(events.weights, 2),
            np.tile(events.invocations, 2),
        )
        for tier in TIERS:
            rollups = rolled_up(twice, tier.width)
            await store.add(connection, tier, rollups)
            await _compact(connection, tier, rollups)

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


async def _compact(connection: Connection, tier: Tier, rollups: Rollups) -> None:
    """Writes each bucket once where many additions have made sketches long."""
    rows = [
        (
            row["series_id"],
            row["bucket"],
            Sketch.from_bytes(row["value_sketch"]).to_bytes(),
            Sketch.from_bytes(row["duration_sketch"]).to_bytes(),
        )
        for row in await store.overgrown(connection, tier, rollups)
    ]
    if rows:
        await store.replace_sketches(connection, tier, rows)
