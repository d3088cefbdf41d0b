"""Closes buckets: once nothing more is expected for them, minutes are added to hours and hours to days, each once."""

from collections.abc import Iterable, Sequence
from typing import Any

from servicekit.postgres import Connection, Record
from services.metrics.rollups.models import DAY, HOUR, MINUTE, SECOND, Rollups, Tier
from services.metrics.rollups.sketch import Sketch
from services.metrics.rollups.store import closing as store
from services.metrics.rollups.store import rollups as rollups_store

# After its end a minute is left open for so long: what comes later is added to three tables instead of one.
OPEN_SECONDS = 60
# The coarser tier, the finer one of which it is made, and how many buckets of that go into one transaction.
STEPS = ((HOUR, MINUTE, 10), (DAY, HOUR, 4))
# Series of one statement: one that takes longer than statements may would never be done.
SERIES_AT_A_TIME = 500


async def close(connection: Connection) -> bool:
    """Adds what can be closed to the coarser tiers; needs a transaction in which nobody else rolls up.

    Returns:
        Whether there is more, which the next transaction does.
    """
    closed = await store.closed_until(connection)
    end = await store.now(connection) - OPEN_SECONDS * SECOND
    more = False
    for coarser, finer, buckets in STEPS:
        end -= end % finer.width
        reached = await _close(connection, coarser, finer, (closed[finer], end), buckets)
        more = more or reached < end
        # An hour is closed once all of its minutes are.
        end = reached
    return more


async def add(connection: Connection, tier: Tier, rollups: Rollups) -> None:
    """Adds to the roll-ups of a tier."""
    await _compact(connection, tier, await rollups_store.add(connection, tier, rollups))


async def _close(connection: Connection, coarser: Tier, finer: Tier, within: tuple[int, int], buckets: int) -> int:
    """Adds the first buckets of a time, and returns up to when all are closed."""
    if within[0] >= within[1]:
        return within[0]
    first = await store.first_bucket(connection, finer, within)
    end = within[1] if first is None else min(within[1], first + buckets * finer.width)
    if first is not None:
        series = await store.series_within(connection, finer, (first, end))
        for begin in range(0, len(series), SERIES_AT_A_TIME):
            some = series[begin : begin + SERIES_AT_A_TIME]
            added = await rollups_store.add_finer(connection, coarser, finer, some, (first, end))
            await _compact(connection, coarser, added)
    await store.set_closed_until(connection, finer, end)
    return end


async def _compact(connection: Connection, tier: Tier, overgrown: Iterable[Record]) -> None:
    """Writes each bucket once where many additions have made sketches long."""
    rows: Sequence[tuple[Any, ...]] = [
        (
            row["series_id"],
            row["bucket"],
            Sketch.from_bytes(row["value_sketch"]).to_bytes(),
            Sketch.from_bytes(row["duration_sketch"]).to_bytes(),
        )
        for row in overgrown
    ]
    if rows:
        await rollups_store.replace_sketches(connection, tier, rows)
