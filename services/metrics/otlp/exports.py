"""Takes exports in: what is new is stored in the transaction that remembers it, so that nothing counts twice."""

import random
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter

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
# No point was refused for it.
WARNING = (
    "You have more than are remembered, so {} that were told of longest ago are not any more. What began before now "
    "and is told again counts from then on."
)
# Series that are forgotten in one transaction.
MAX_FORGOTTEN = 10_000


@dataclass(frozen=True, slots=True)
class SeriesLimits:
    """How many series are remembered of one caller, and what they may take."""

    series: int
    bytes: int


class Exports:
    """What SDKs and collectors of OpenTelemetry send."""

    def __init__(self, database: Database, days: int, limits: SeriesLimits, registry: CollectorRegistry) -> None:
        """Prepares.

        Args:
            database: of the service.
            days: how long events are kept, and so what is remembered of series.
            limits: how much is remembered of those of one caller.
            registry: where it is counted what is let go of.
        """
        self._database = database
        self._days = days
        self._limits = limits
        self._let_go = Counter(
            "qmcp_metrics_otlp_series_let_go", "Series of OTLP that a caller had too many of.", registry=registry
        )

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
            keys = {key(point, principal) for point in points}
            kept, fresh = await store.lock(connection, keys, principal)
            known = {place: unpacked(state) for place, state in kept.items()}
            since = max(now - self._days * DAY, await store.forgotten_until(connection, principal))
            found, measured, unfit = await beside(len(points) * POINT_BYTES, _new, points, principal, known, since)
            await _insert(connection, measured)
            states = {place: packed(state) for place, state in found.states.items()}
            await store.keep(connection, states)
            more = sum(len(state) - len(kept.get(place, b"")) for place, state in states.items())
            let_go = await self._bound(connection, principal, keys, (fresh, more), now)
        if let_go:
            self._let_go.inc(let_go)
            rejected.append(Rejected("series", WARNING.format(let_go), points=0))
        return [*rejected, *found.rejected, *unfit]

    async def _bound(
        self, connection: Connection, principal: str, keys: Collection[bytes], more: tuple[int, int], now: int
    ) -> int:
        """Counts what a caller has more, and lets go of what is too much; how many series that were."""
        series, size = await store.add_usage(connection, principal, *more)
        limits = self._limits
        # By bytes as many as would be too much if all were of one size.
        too_many = max(series - limits.series, -(-series * (size - limits.bytes) // size) if size > limits.bytes else 0)
        if too_many <= 0:
            return 0
        gone, freed = await store.let_go(connection, principal, keys, too_many, now)
        await store.add_usage(connection, principal, -gone, -freed)
        return gone

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
