"""Takes exports in: what is new is stored in the transaction that remembers it, so that nothing counts twice."""

import random
import time
from collections.abc import Iterable, Mapping, Sequence

from servicekit.large import beside
from servicekit.postgres import Connection, Database
from services.metrics.ingestion.store import events as ingestion_store
from services.metrics.otlp import events, store
from services.metrics.otlp.deltas import Deltas, State, deltas, key, packed, unpacked
from services.metrics.otlp.events import UnfitError
from services.metrics.otlp.models import Export, Measured, Point, Rejected

NANOSECONDS = 1_000_000_000
DAY = 86_400 * NANOSECONDS
AHEAD = 300 * NANOSECONDS
# About what a point takes in a body, by which is told how much work it makes.
POINT_BYTES = 100
# Series that are forgotten in one transaction.
MAX_FORGOTTEN = 10_000


class Exports:
    """What SDKs and collectors of OpenTelemetry send."""

    def __init__(self, database: Database, days: int) -> None:
        """`days`: how long events are kept, and so what is remembered of series."""
        self._database = database
        self._days = days

    async def take(self, export: Export, principal: str) -> list[Rejected]:
        """Stores what is new in an export.

        Returns:
            What is not taken. The rest is durable.
        """
        now = time.time_ns()
        rejected = list(export.rejected)
        points = list(self._fitting(export.points, now, rejected))
        if not points:
            return rejected
        async with self._database.transaction() as connection:
            kept = await store.lock(connection, {key(point, principal) for point in points})
            known = {place: unpacked(state) for place, state in kept.items()}
            since = now - self._days * DAY
            found, measured, unfit = await beside(len(points) * POINT_BYTES, _new, points, principal, known, since)
            await _insert(connection, measured)
            await store.keep(connection, {place: packed(state) for place, state in found.states.items()})
        return [*rejected, *found.rejected, *unfit]

    async def forget(self, connection: Connection) -> None:
        """Drops the series of which nothing was told for as long as events are kept."""
        while await store.forget(connection, self._days, MAX_FORGOTTEN) == MAX_FORGOTTEN:
            # A part at a time, so that nobody waits for the locks of all of them.
            pass

    def _fitting(self, points: Iterable[Point], now: int, rejected: list[Rejected]) -> Iterable[Point]:
        for point in points:
            try:
                events.check(point, now - self._days * DAY, now + AHEAD)
            except UnfitError as error:
                rejected.append(Rejected(point.series.name, str(error)))
            else:
                yield point


def _new(
    points: Sequence[Point], principal: str, known: Mapping[bytes, State], since: int
) -> tuple[Deltas, list[Measured], list[Rejected]]:
    """What of these points is new, as events, and what is not taken."""
    found = deltas(points, principal, known, since)
    measured, unfit = events.events_of(found.points, principal)
    return found, measured, unfit


async def _insert(connection: Connection, measured: Sequence[Measured]) -> None:
    if measured:
        series = {each.series.id: each.series for each in measured}
        await ingestion_store.insert_series(connection, list(series.values()))
        await store.insert_events(connection, random.getrandbits(64) - 2**63, measured)
