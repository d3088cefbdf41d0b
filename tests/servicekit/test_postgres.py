"""The pool of connections, and what it does with those that broke."""

import asyncio

import asyncpg
import pytest

from servicekit.postgres import Database, unreachable
from servicekit.postgres import database as pool
from servicekit.waiting import waited_for

CONFUSED = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")


async def test_a_connection_whose_protocol_is_confused_is_a_lost_one_and_no_one_else_gets_it(database: str) -> None:
    async with pool(database, 1, "test") as db:
        first = await _backend(db)
        assert await _backend(db) == first
        with pytest.raises(asyncpg.InternalClientError) as raised:
            await _backend(db, then=CONFUSED)
        assert unreachable(raised.value)
        assert await _backend(db) != first


async def test_who_is_cut_off_is_told_that_the_pool_was_empty(database: str) -> None:
    async with pool(database, 1, "test") as db, db.connection():
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05), db.connection():
                raise AssertionError
    assert waited_for(caught.value) == "a connection to the database"


async def test_who_is_cut_off_is_told_that_a_statement_took_the_time(database: str) -> None:
    async with pool(database, 1, "test") as db:

        async def sleep(limit: asyncio.Timeout) -> None:
            async with limit, db.connection() as connection:
                limit.reschedule(asyncio.get_running_loop().time() + 0.05)
                await connection.execute("SELECT pg_sleep(60)")

        with pytest.raises(TimeoutError) as caught:
            await sleep(asyncio.timeout(None))
    assert waited_for(caught.value) == "a statement of the database"


async def _backend(db: Database, then: Exception | None = None) -> int:
    """The process that serves a connection of the pool; raises afterwards, as asyncpg would, where that is asked for."""
    async with db.connection() as connection:
        process: int = await connection.fetchval("SELECT pg_backend_pid()")
        if then is not None:
            raise then
        return process
