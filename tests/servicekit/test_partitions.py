"""Partitions by time: what was there stays, months are made ahead, and what is old is dropped whole."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest

from servicekit.partitions import Partitioned, drop, keeping, lowest_uuid7, make_ahead, partitions
from servicekit.postgres import Connection, database
from tests.stack import Server

THINGS = Partitioned("things", "uuid7")
NOW = datetime.now(UTC)
SETUP = """
    CREATE TABLE things (id uuid PRIMARY KEY, name text NOT NULL);
    CREATE INDEX things_name ON things (name, id);
    INSERT INTO things SELECT uuidv7(interval '-1 day' * g), 'before' FROM generate_series(1, 400) AS g;
    CALL set_aside_as_first_partition('things');
    CREATE TABLE things (LIKE things_first) PARTITION BY RANGE (id);
    ALTER TABLE things ADD PRIMARY KEY (id);
    CREATE INDEX things_name ON things (name, id);
    CALL attach_first_partition('things', 'uuid');
"""


@pytest.fixture
async def url(postgres: Server) -> AsyncIterator[str]:
    async with postgres.database("servicekit") as made:
        connection = await asyncpg.connect(made)
        await connection.execute(SETUP)
        await connection.close()
        yield made


@pytest.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    opened = await asyncpg.connect(url)
    yield opened
    await opened.close()


async def insert(connection: Connection, at: datetime) -> str:
    """Writes a row of a time; which partition has it."""
    found: str = await connection.fetchval(
        "INSERT INTO things VALUES ($1, 'row') RETURNING tableoid::regclass::text", lowest_uuid7(at)
    )
    return found


async def test_what_was_there_is_there_and_each_month_after_it_has_its_own(connection: Connection) -> None:
    assert await connection.fetchval("SELECT count(*) FROM things WHERE name = 'before'") == 400
    for later in range(12):
        await make_ahead(connection, THINGS, NOW + timedelta(days=30 * later))
    pieces = await partitions(connection, THINGS)
    ends = [piece.until for piece in pieces[:-1]]
    assert pieces[-1].until is None
    assert len(ends) > 12
    for end in ends:
        assert end is not None
        assert (end.day, end.hour, end.minute) == (1, 0, 0)
        at = end - timedelta(milliseconds=1)
        assert await insert(connection, at) == next(piece.name for piece in pieces if piece.until == end)
    assert await insert(connection, ends[-1] or NOW) == "things_default"


async def test_days_have_partitions_of_their_own_where_a_table_is_kept_by_days(connection: Connection) -> None:
    await connection.execute(
        """
        CREATE TABLE samples (at timestamptz NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE samples_first (LIKE samples);
        CALL attach_first_partition_by_day('samples');
        """
    )
    table = Partitioned("samples", "time", "day")
    before = await partitions(connection, table)
    await make_ahead(connection, table, NOW)
    assert await partitions(connection, table) == before, "there are as many as are made ahead"
    await make_ahead(connection, table, NOW + timedelta(days=40))
    ends = [piece.until for piece in await partitions(connection, table) if piece.until is not None]
    assert len(ends) >= 54
    for begin, end in pairwise(ends):
        assert end - begin == timedelta(days=1)
        assert (begin.hour, begin.minute) == (0, 0)
        for at in (begin, end - timedelta(microseconds=1)):
            found = await connection.fetchval("INSERT INTO samples VALUES ($1) RETURNING tableoid::regclass::text", at)
            assert found == f"samples_{begin:%Y_%m_%d}"


async def test_only_whole_months_that_are_over_are_dropped(connection: Connection) -> None:
    first, second, *_ = await partitions(connection, THINGS)
    assert first.until is not None
    assert second.until is not None
    await insert(connection, first.until)
    await drop(connection, THINGS, first.until - timedelta(milliseconds=1))
    assert await connection.fetchval("SELECT count(*) FROM things") == 401
    await drop(connection, THINGS, second.until - timedelta(milliseconds=1))
    assert await connection.fetchval("SELECT count(*) FROM things") == 1


async def test_rows_of_a_clock_that_was_ahead_stop_nothing(connection: Connection, url: str) -> None:
    ends = [piece.until for piece in await partitions(connection, THINGS) if piece.until is not None]
    assert await insert(connection, max(ends)) == "things_default"
    done = asyncio.Event()

    async def later(_: Connection, now: datetime) -> None:
        done.set()

    async with database(url, 2, "test") as db:
        # The last month that was made is over for this table: the next one is the one that cannot be made.
        for piece in (await partitions(connection, THINGS))[1:-1]:
            await connection.execute(f"DROP TABLE {piece.name}")
        await connection.execute("UPDATE things SET id = $1 WHERE name = 'row'", lowest_uuid7(NOW + timedelta(days=40)))
        loop = asyncio.create_task(keeping(db, [THINGS], later)())
        async with asyncio.timeout(30):
            await done.wait()
        loop.cancel()
    assert await connection.fetchval("SELECT count(*) FROM things WHERE name = 'row'") == 1
