"""What is old leaves: by whole partitions, and row by row where it was old when it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from servicekit.errors import invalid_field
from servicekit.partitions import Partition, drop, maintenance, old_partitions
from servicekit.postgres import Connection, Database
from services.metrics.costs.store import forget_usage
from services.metrics.retention import store
from services.metrics.retention.models import EVENTS, TABLES, TIERS_BY_TABLE, TIMES, Extent, Policy
from services.metrics.rollups.store.closing import closed_until
from services.metrics.rollups.store.rollups import time_of


@dataclass(frozen=True, slots=True)
class Preview:
    """What a cleanup would delete of a table now."""

    policy: Policy
    cutoff: datetime
    old: Extent
    total: int
    partitions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What a cleanup has deleted of a table, or would have."""

    # `completed`, `dry_run`, `skipped`.
    status: str
    cutoff: datetime
    rows: int = 0
    partitions: Sequence[str] = ()


class Retention:
    """Policies by table, and what they come to."""

    def __init__(self, database: Database, default_days: Mapping[str, int]) -> None:
        """Takes how many days each table is kept where nobody has said it."""
        self._database = database
        self._default_days = default_days

    async def policies(self) -> dict[str, Policy]:
        async with self._database.connection() as connection:
            return await store.policies(connection, self._default_days)

    async def set_policy(self, policy: Policy, by: str) -> None:
        """Says how long a table is kept; what is old by that leaves with the next cleanup.

        Raises:
            ServiceError: INVALID_ARGUMENT where there is no such table.
        """
        _chosen(policy.table_name)
        async with self._database.connection() as connection:
            await store.put_policy(connection, policy, by)

    async def preview(self, table_name: str) -> dict[str, Preview]:
        """What a cleanup would delete now of one table, or of all where none is named.

        Raises:
            ServiceError: INVALID_ARGUMENT where there is no such table.
        """
        found = {}
        async with self._database.snapshot() as connection:
            policies, now = await store.policies(connection, self._default_days), await store.now(connection)
            for name in _chosen(table_name):
                cutoff = await _cutoff(connection, policies[name], now)
                old = await old_partitions(connection, TABLES[name], cutoff)
                extents = await _extents(connection, name, old, cutoff)
                total = await store.extent(connection, TABLES[name].table, TIMES[name])
                found[name] = Preview(
                    policies[name], cutoff, _together(extents), total.rows, [piece.name for piece in old]
                )
        return found

    async def clean_up(self, table_name: str, *, dry_run: bool) -> dict[str, Cleanup]:
        """Deletes what is old of one table, or of all; nothing where the policy is not active.

        Raises:
            ServiceError: INVALID_ARGUMENT where there is no such table, UNAVAILABLE where somebody uses one for long.
        """
        if dry_run:
            return {name: _not_done(would) for name, would in (await self.preview(table_name)).items()}
        done = {}
        for name in _chosen(table_name):
            # Each in a transaction of its own: whoever reads two tables is never waited for while it waits.
            async with maintenance(self._database) as (connection, now):
                done[name] = await self._clean_up(connection, name, now)
        return done

    async def drop(self, name: str, connection: Connection, now: datetime) -> None:
        """Deletes what is old of a table, in a transaction of `maintenance`."""
        await self._clean_up(connection, name, now)

    async def _clean_up(self, connection: Connection, name: str, now: datetime) -> Cleanup:
        policy = (await store.policies(connection, self._default_days))[name]
        cutoff = await _cutoff(connection, policy, now)
        if not policy.is_active:
            return Cleanup("skipped", cutoff)
        old = await old_partitions(connection, TABLES[name], cutoff)
        dropped = _together([await store.extent(connection, piece.name, TIMES[name]) for piece in old])
        await drop(connection, TABLES[name], cutoff)
        deleted = await store.delete_before(connection, _row_by_row(name), TIMES[name], cutoff)
        if name == EVENTS:
            await forget_usage(connection, cutoff)
            await store.set_kept_since(connection, name, cutoff)
        elif old and old[-1].until is not None:
            await store.set_kept_since(connection, name, old[-1].until)
        return Cleanup("completed", cutoff, dropped.rows + deleted, [piece.name for piece in old])

    async def stats(self) -> dict[str, tuple[Policy, Extent]]:
        """Of each table its policy and its rows."""
        async with self._database.snapshot() as connection:
            policies = await store.policies(connection, self._default_days)
            return {
                name: (policies[name], await store.extent(connection, table.table, TIMES[name]))
                for name, table in TABLES.items()
            }

    async def sizes(self) -> tuple[Mapping[str, int], tuple[int, int, int]]:
        """Bytes by table, of the database under the empty name; and size, number and estimated waste of pages."""
        async with self._database.connection() as connection:
            sizes = await store.sizes(connection, [table.table for table in TABLES.values()])
            named = {name: sizes[table.table] for name, table in TABLES.items()}
            return {"": sizes[""], **named}, await store.pages(connection)


async def _cutoff(connection: Connection, policy: Policy, now: datetime) -> datetime:
    """What is older leaves; roll-ups not before they are in coarser ones."""
    closed = await closed_until(connection)
    tier = TIERS_BY_TABLE[policy.table_name]
    cutoff = now - timedelta(days=policy.retention_days)
    return cutoff if tier is None or tier not in closed else min(cutoff, time_of(closed[tier]))


def _chosen(table_name: str) -> Sequence[str]:
    if not table_name:
        return list(TABLES)
    if table_name not in TABLES:
        raise invalid_field("table_name", f"must be one of {', '.join(TABLES)}")
    return [table_name]


def _row_by_row(name: str) -> str:
    """Where rows are deleted by themselves: of events everywhere; of roll-ups where those are that were old already."""
    return TABLES[name].table if name == EVENTS else f"{TABLES[name].table}_default"


async def _extents(connection: Connection, name: str, old: Sequence[Partition], cutoff: datetime) -> list[Extent]:
    single = await store.extent(connection, _row_by_row(name), TIMES[name], cutoff)
    if name == EVENTS:
        return [single]
    return [single, *[await store.extent(connection, piece.name, TIMES[name]) for piece in old]]


def _together(extents: Sequence[Extent]) -> Extent:
    oldest = [each.oldest for each in extents if each.oldest is not None]
    newest = [each.newest for each in extents if each.newest is not None]
    return Extent(sum(each.rows for each in extents), min(oldest, default=None), max(newest, default=None))


def _not_done(would: Preview) -> Cleanup:
    if not would.policy.is_active:
        return Cleanup("skipped", would.cutoff)
    return Cleanup("dry_run", would.cutoff, would.old.rows, would.partitions)
