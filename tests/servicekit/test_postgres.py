"""The pool of connections, and what it does with those that broke."""

import asyncpg
import pytest

from servicekit.postgres import Database, unreachable
from servicekit.postgres import database as pool

CONFUSED = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")


async def test_a_connection_whose_protocol_is_confused_is_a_lost_one_and_no_one_else_gets_it(database: str) -> None:
    async with pool(database, 1, "test") as db:
        first = await _backend(db)
        assert await _backend(db) == first
        with pytest.raises(asyncpg.InternalClientError) as raised:
            await _backend(db, then=CONFUSED)
        assert unreachable(raised.value)
        assert await _backend(db) != first


async def _backend(db: Database, then: Exception | None = None) -> int:
    """The process that serves a connection of the pool; raises afterwards, as asyncpg would, where that is asked for."""
    async with db.connection() as connection:
        process: int = await connection.fetchval("SELECT pg_backend_pid()")
        if then is not None:
            raise then
        return process
