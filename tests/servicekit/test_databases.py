"""A service makes its database where it is missing, whoever of its replicas comes first."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from servicekit import databases, migrations
from tests.stack import Server

# What a name may hold, although ours never do.
NAME = 'made "by" itself'
NOTHING = Path(__file__).with_name("no migrations")


@pytest.fixture
async def missing(postgres: Server) -> AsyncIterator[str]:
    """The address of a database that is not there."""
    yield postgres.url(NAME.replace(" ", "%20").replace('"', "%22"))
    await postgres.execute('DROP DATABASE IF EXISTS "made ""by"" itself" WITH (FORCE)')


async def test_a_missing_database_is_made_and_migrated_once_by_many_at_a_time(missing: str) -> None:
    wanted = migrations.of_service("nothing", NOTHING)
    counts = await asyncio.gather(*(migrations.apply(missing, wanted) for _ in range(5)))
    assert sorted(counts) == [0, 0, 0, 0, len(wanted)]
    connection = await databases.connect(missing)
    assert await connection.fetchval("SELECT current_database()") == NAME
    await connection.close()


async def test_who_may_not_make_it_is_told_what_to_ask_for(postgres: Server) -> None:
    await postgres.execute("DROP ROLE IF EXISTS stranger")
    await postgres.execute("CREATE ROLE stranger LOGIN PASSWORD 'secret'")
    host = postgres.url().rpartition("@")[2].partition("/")[0]
    with pytest.raises(SystemExit) as told:
        await databases.connect(f"postgresql://stranger:secret@{host}/qmcp_nobody")
    assert 'CREATE DATABASE "qmcp_nobody" OWNER stranger' in str(told.value)
    assert "ALTER ROLE stranger CREATEDB" in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["postgresql://me:secret@127.0.0.1:1/main", "postgresql://me:secret@nowhere.invalid/x"])
async def test_a_server_that_cannot_be_reached_is_told_without_the_password(url: str) -> None:
    with pytest.raises(SystemExit, match="No Postgres can be used at postgresql://me@") as told:
        await databases.connect(url)
    assert "secret" not in str(told.value)


async def test_a_wrong_password_is_told_without_it(postgres: Server) -> None:
    host = postgres.url().rpartition("@")[2]
    with pytest.raises(SystemExit, match="password authentication failed") as told:
        await databases.connect(f"postgresql://qmcp:wrong-one@{host}")
    assert "wrong-one" not in str(told.value)


async def test_asking_for_the_state_of_migrations_makes_nothing(missing: str) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await migrations.status(missing, [])
