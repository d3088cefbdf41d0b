"""The pool of connections, and what it does with those that broke."""

import asyncpg
import pytest

from servicekit.postgres import database as pool
from servicekit.postgres import unreachable


async def test_a_connection_whose_protocol_is_confused_is_a_lost_one_and_no_one_else_gets_it(database: str) -> None:
    async with pool(database, 1, "test") as db:
        with pytest.raises(asyncpg.InternalClientError) as raised:
            async with db.connection() as connection:
                first = await connection.fetchval("SELECT pg_backend_pid()")
                raise asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
        assert unreachable(raised.value)
        async with db.connection() as connection:
            assert await connection.fetchval("SELECT pg_backend_pid()") != first
