"""Tables in partitions by time: made ahead of it, and dropped whole once everything in them is old.

A migration sets such a table up (schema/0002_partitions.sql, by days 0003); `keeping` does the rest, in every replica.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from uuid import UUID

import structlog

from servicekit.database_errors import CheckViolation, LockNotAvailable
from servicekit.postgres import Connection, Database

logger = structlog.get_logger(__name__)

PAUSE_SECONDS = 3600.0
# After somebody else held the table for too long.
AGAIN_SECONDS = 60.0
# Partitions that are ready beyond the one of now, so that a service may be stopped for long.
MONTHS_AHEAD = 2
DAYS_AHEAD = 14
# Whoever waits for a lock on a table makes all who come later wait, so this one gives up soon.
LOCK_TIMEOUT = "2s"
# Any number will do, as long as every process uses the same.
LOCK = 0x70617274


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table that is partitioned by months of its key, a UUIDv7 or a time; where days are so full, by days."""

    table: str
    key: Literal["uuid7", "time"]
    span: Literal["month", "day"] = "month"


@dataclass(frozen=True, slots=True)
class Partition:
    """One piece: everything before `until` that no other piece has; None for that of wrong clocks."""

    name: str
    until: datetime | None


def lowest_uuid7(at: datetime) -> UUID:
    """The lowest UUIDv7 of a time: no id that was made later is below it."""
    return UUID(int=max(0, int(at.timestamp() * 1000)) << 80)


def time_of_uuid7(identity: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((identity.int >> 80) / 1000, UTC)


async def partitions(connection: Connection, table: Partitioned) -> list[Partition]:
    """The pieces of a table, oldest first."""
    rows = await connection.fetch(
        """
        SELECT piece.relname AS name, pg_get_expr(piece.relpartbound, piece.oid) AS bound
        FROM pg_inherits
        JOIN pg_class AS piece ON piece.oid = pg_inherits.inhrelid
        WHERE pg_inherits.inhparent = $1::text::regclass
        """,
        table.table,
    )
    found = [Partition(row["name"], _until(table, row["bound"])) for row in rows]
    return sorted(found, key=lambda piece: piece.until or datetime.max.replace(tzinfo=UTC))


async def make_ahead(connection: Connection, table: Partitioned, now: datetime) -> None:
    """Makes what is missing from now on; needs a transaction."""
    pieces = await partitions(connection, table)
    begin = max(piece.until for piece in pieces if piece.until is not None)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    by_day = table.span == "day"
    last = today + timedelta(days=DAYS_AHEAD) if by_day else _months_later(today.replace(day=1), MONTHS_AHEAD)
    while begin <= last:
        name = f"{table.table}_{begin:%Y_%m_%d}" if by_day else f"{table.table}_{begin:%Y_%m}"
        end = begin + timedelta(days=1) if by_day else _months_later(begin.replace(day=1), 1)
        try:
            async with connection.transaction():
                await _make(connection, table, name, begin, end)
        except CheckViolation:
            # A clock that was far ahead has written rows of that time: all of it goes where these are.
            logger.warning("partition_not_made", table=table.table, partition=name)
        begin = end


async def _make(connection: Connection, table: Partitioned, name: str, begin: datetime, end: datetime) -> None:
    # Made by itself and then attached: whoever writes need not wait for it.
    await connection.execute(f"CREATE TABLE {name} (LIKE {table.table} INCLUDING ALL EXCLUDING IDENTITY)")
    await connection.execute(
        f"ALTER TABLE {table.table} ATTACH PARTITION {name} "
        f"FOR VALUES FROM ('{_bound(table, begin)}') TO ('{_bound(table, end)}')"
    )
    logger.info("partition_made", table=table.table, partition=name)


async def old_partitions(connection: Connection, table: Partitioned, until: datetime) -> list[Partition]:
    """The pieces that end by then, oldest first."""
    return [piece for piece in await partitions(connection, table) if piece.until is not None and piece.until <= until]


async def drop(connection: Connection, table: Partitioned, until: datetime) -> list[Partition]:
    """Drops every piece that ends by then, and returns them; needs a transaction."""
    old = await old_partitions(connection, table, until)
    for piece in old:
        await connection.execute(f"DROP TABLE {piece.name}")
        logger.info("partition_dropped", table=table.table, partition=piece.name)
    return old


Expire = Callable[[Connection, datetime], Awaitable[None]]


@asynccontextmanager
async def maintenance(database: Database) -> AsyncIterator[tuple[Connection, datetime]]:
    """A transaction in which nobody else makes or drops partitions, and the time of the database.

    Raises:
        LockNotAvailable: somebody used a table for too long.
    """
    async with database.transaction() as connection:
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        yield connection, (await connection.fetchval("SELECT now()")).astimezone(UTC)


def keeping(database: Database, tables: Sequence[Partitioned], *expire: Expire) -> Callable[[], Awaitable[None]]:
    """A background loop: each hour it makes partitions ahead, and lets the service drop what is old.

    Args:
        database: of the service.
        tables: all its partitioned tables.
        expire: each drops what is old of one kind, given a transaction and the time of the database.
    """

    async def keep(work: Expire) -> None:
        async with maintenance(database) as (connection, now):
            await work(connection, now)

    # Each table in a transaction of its own: whoever reads two of them is then never waited for while it waits.
    ahead: list[Expire] = [partial(_made_ahead, table) for table in tables]

    async def loop() -> None:
        while True:
            pause = PAUSE_SECONDS
            for work in (*ahead, *expire):
                try:
                    await keep(work)
                except LockNotAvailable:
                    pause = AGAIN_SECONDS
            await asyncio.sleep(pause)

    return loop


async def _made_ahead(table: Partitioned, connection: Connection, now: datetime) -> None:
    await make_ahead(connection, table, now)


def _until(table: Partitioned, bound: str) -> datetime | None:
    """The end of a piece, from what Postgres says of its bounds."""
    found = re.search(r"TO \('([^']+)'\)", bound)
    if found is None:
        return None
    if table.key == "uuid7":
        return time_of_uuid7(UUID(found[1]))
    return datetime.fromisoformat(found[1]).astimezone(UTC)


def _bound(table: Partitioned, at: datetime) -> str:
    return str(lowest_uuid7(at)) if table.key == "uuid7" else at.isoformat()


def _months_later(at: datetime, months: int) -> datetime:
    month = at.month - 1 + months
    return at.replace(year=at.year + month // 12, month=month % 12 + 1)
