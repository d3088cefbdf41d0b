"""The pool of connections, and what it does with those that broke."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from servicekit import postgres
from servicekit.database_errors import unreachable
from servicekit.metrics import new_registry
from servicekit.postgres import Database
from servicekit.postgres import database as pool
from servicekit.waiting import waited_for
from tests.access.tcp_proxy import tcp_proxy

CONFUSED = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")


async def test_a_connection_whose_protocol_is_confused_is_a_lost_one_and_no_one_else_gets_it(database: str) -> None:
    async with pool(database, 1, "test") as db:
        first = await _backend(db)
        assert await _backend(db) == first
        with pytest.raises(asyncpg.InternalClientError) as raised:
            await _backend(db, then=CONFUSED)
        assert unreachable(raised.value)
        assert await _backend(db) != first


async def test_a_cancellation_that_comes_with_the_connection_counts(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = asyncpg.Pool.acquire

    async def forgetful(self: Any, **options: Any) -> Any:
        found = await acquire(self, **options)
        with suppress(asyncio.CancelledError):
            task.cancel()
            await asyncio.sleep(0)
        return found

    async with pool(database, 1, "test") as db:
        with monkeypatch.context() as patched:
            patched.setattr(asyncpg.Pool, "acquire", forgetful)
            task = asyncio.create_task(_backend(db))
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await _backend(db), "the connection is there for the next"


async def test_who_is_cut_off_is_told_that_the_pool_was_empty(database: str) -> None:
    async with pool(database, 1, "test") as db, db.connection():
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05), db.connection():
                raise AssertionError
    assert waited_for(caught.value) == "a connection to the database"


@pytest.mark.promise("P16")
async def test_who_is_cut_off_is_told_that_a_statement_took_the_time(database: str) -> None:
    async with pool(database, 1, "test") as db:

        async def sleep(limit: asyncio.Timeout) -> None:
            async with limit, db.connection() as connection:
                limit.reschedule(asyncio.get_running_loop().time() + 0.05)
                await connection.execute("SELECT pg_sleep(60)")

        with pytest.raises(TimeoutError) as caught:
            await sleep(asyncio.timeout(None))
        async with db.connection() as connection:
            assert await connection.fetchval("SHOW statement_timeout") == "30s", "and the server ends it by itself"
    assert waited_for(caught.value) == "a statement of the database"


@pytest.mark.promise("P20")
async def test_whoever_uses_the_database_for_long_is_told_in_the_log(
    database: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with pool(database, 1, "test") as db:
        for slow in (0.01, 3600.0):
            monkeypatch.setattr(postgres, "SLOW_SECONDS", slow)
            async with db.transaction() as connection:
                await connection.execute("SELECT pg_sleep(0.02)")
    out, err = capfd.readouterr()
    assert (out + err).count("slow_query") == 1
    assert "duration_ms" in out + err


async def test_what_was_cut_off_while_the_network_was_silent_holds_no_place_once_the_database_answers(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "RECOVER_SECONDS", 600.0)
    parts = urlsplit(database)
    async with tcp_proxy(parts.port or 0) as network:
        beyond = urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{network.port}")))
        async with pool(beyond, 1, "test") as db:
            network.silence()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), db.connection() as connection:
                    await connection.execute("SELECT 1")
            network.speak()
            assert await db.ready()
            async with asyncio.timeout(30), db.connection() as connection:
                assert await connection.fetchval("SELECT 1") == 1


async def test_what_is_read_is_planned_for_its_values_however_often_it_was_asked_and_sees_one_moment(
    database: str,
) -> None:
    asked = "SELECT count(*) FROM said WHERE $1 = '' OR word = $1"
    plans = "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1"
    async with pool(database, 2, "test") as db:
        async with db.connection() as connection:
            await connection.execute("CREATE TABLE said (word text)")
        for _ in range(8):
            async with db.reading() as connection:
                assert await connection.fetchval(asked, "") == 0
        async with db.reading() as connection:
            assert await connection.fetchval(plans, asked) == 0
            async with db.connection() as other:
                await other.execute("INSERT INTO said VALUES ('a word')")
            assert await connection.fetchval(asked, "") == 0
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("DELETE FROM said")


async def _backend(db: Database, then: Exception | None = None) -> int:
    """The process that serves a connection of the pool; raises afterwards, as asyncpg would, where that is asked for."""
    async with db.connection() as connection:
        process: int = await connection.fetchval("SELECT pg_backend_pid()")
        if then is not None:
            raise then
        return process


@pytest.mark.promise("S20")
async def test_how_the_database_is_used_stands_on_the_page(database: str) -> None:
    registry = new_registry()

    def shown(name: str, **labels: str) -> float:
        return registry.get_sample_value(name, labels) or 0.0

    async with pool(database, 2, "used", registry=registry) as db:
        async with db.transaction() as connection, db.connection():
            await connection.execute("SELECT 1")
            assert shown("qmcp_database_connections", state="used") == 2
            late = asyncio.create_task(_backend(db))
            # Whoever finds none waits, and is counted once there is one.
            await asyncio.sleep(0)
            assert shown("qmcp_database_wait_seconds_count") == 2
        await late
        with pytest.raises(ZeroDivisionError):
            async with db.transaction():
                raise ZeroDivisionError
        async with db.long_read():
            assert shown("qmcp_database_connections", state="long_read") == 1
        assert shown("qmcp_database_connections", state="used") == 0
    assert shown("qmcp_database_transactions_total", outcome="committed") == 1
    assert shown("qmcp_database_transactions_total", outcome="undone") == 1
    assert shown("qmcp_database_wait_seconds_count") == shown("qmcp_database_use_seconds_count") == 4
