"""The ways in which a database is away: each begins and ends, and nobody else is harmed."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.access.tcp_proxy import TcpProxy, tcp_proxy
from tests.faults.processes import children
from tests.stack import Server

ROLE = "limited"


@dataclass(frozen=True)
class Trouble:
    """A database that can be away: its address, and what begins and ends that."""

    url: str
    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]
    # Whether some calls go well all the same.
    partial: bool = False


@asynccontextmanager
async def stopped(server: Server, database: str) -> AsyncIterator[Trouble]:
    """The processes of the server stand still; the kernel goes on taking connections and bytes for them."""
    stopped: list[int] = []

    async def begin() -> None:
        postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
        # The first makes no more of the others.
        _signal([postmaster], signal.SIGSTOP)
        stopped.extend([postmaster, *children(postmaster)])
        _signal(stopped, signal.SIGSTOP)

    async def end() -> None:
        _signal(stopped, signal.SIGCONT)
        stopped.clear()

    try:
        yield Trouble(database, begin, end)
    finally:
        await end()


@asynccontextmanager
async def silent(_: Server, database: str) -> AsyncIterator[Trouble]:
    """The network carries nothing and says nothing; what was open before stays so for ever."""
    parts = urlsplit(database)
    async with tcp_proxy(parts.port or 0) as proxy:
        address = parts.netloc.replace(f":{parts.port}", f":{proxy.port}")
        yield Trouble(urlunsplit(parts._replace(netloc=address)), _later(proxy, "silence"), _later(proxy, "speak"))


def _later(proxy: TcpProxy, what: str) -> Callable[[], Awaitable[None]]:
    async def do() -> None:
        getattr(proxy, what)()

    return do


@asynccontextmanager
async def used_up(server: Server, database: str) -> AsyncIterator[Trouble]:
    """One connection is open, and no other is to be had."""
    parts = urlsplit(database)
    owner = await asyncpg.connect(database)
    try:
        await owner.execute(f"DROP ROLE IF EXISTS {ROLE}")
        await owner.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
        await owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}")
        await owner.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")

        async def begin() -> None:
            await owner.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 1")
            # What asks for health goes on asking through the one that it has.
            await owner.execute(
                f"""
                SELECT pg_terminate_backend(pid)
                FROM pg_stat_activity
                WHERE usename = '{ROLE}' AND pid <> (
                    SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}' AND application_name LIKE 'qmcp-%'
                    ORDER BY query = 'SELECT 1' DESC
                    LIMIT 1
                )
                """
            )

        async def end() -> None:
            await owner.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")

        address = f"{ROLE}:{ROLE}@{parts.netloc.rpartition('@')[2]}"
        yield Trouble(urlunsplit(parts._replace(netloc=address)), begin, end, partial=True)
    finally:
        await owner.execute(f"DROP OWNED BY {ROLE}")
        await owner.execute(f"DROP ROLE {ROLE}")
        await owner.close()


@asynccontextmanager
async def full(_: Server, database: str) -> AsyncIterator[Trouble]:
    """Nothing can be written, and each try fails as it does on a full disk; reading works."""
    owner = await asyncpg.connect(database)
    try:
        await owner.execute(
            """
            CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
            END $$
            """
        )
        tables = [
            row["tablename"] for row in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]

        async def begin() -> None:
            for table in tables:
                await owner.execute(
                    f"CREATE TRIGGER disk_is_full BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION disk_is_full()"
                )

        async def end() -> None:
            for table in tables:
                await owner.execute(f"DROP TRIGGER disk_is_full ON {table}")

        yield Trouble(database, begin, end)
    finally:
        await owner.close()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)
