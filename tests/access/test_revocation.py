"""A revocation is felt by every replica of every service: at once when it is announced, by the time of memory when not."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from servicekit.identity import credentials
from tests.access import environment
from tests.access.environment import Access, Files, who
from tests.access.processes import Child, child
from tests.access.tcp_proxy import tcp_proxy
from tests.contract.running import Answer, Running
from tests.stack import Server

# No more than a guard against hanging.
GUARD_SECONDS = 60
# So that nothing but an announcement explains what is seen.
NEVER_FORGOTTEN = 600


async def until_refused(replicas: list[Running], key: str) -> None:
    """Until the last of them refuses, asked without a pause."""

    async def watch(replica: Running) -> None:
        while await who(replica, key) != "UNAUTHENTICATED":
            await asyncio.sleep(0.005)

    async with asyncio.timeout(GUARD_SECONDS):
        await asyncio.gather(*(watch(replica) for replica in replicas))


@asynccontextmanager
async def three_processes(
    database: str, tools_database: str, files: Files, folder: Path, **of_tools: object
) -> AsyncIterator[tuple[Access, Child, list[Running]]]:
    """Access and three replicas of tools as production runs them, each a process of its own."""
    async with AsyncExitStack() as started:
        port = environment.free_port()
        access = await started.enter_async_context(
            child("access", environment.ACCESS, database, folder, files.of_access(grpc_port=port))
        )
        replicas = [
            (
                await started.enter_async_context(
                    child("tools", environment.TOOLS, tools_database, folder / f"{n}", files.of_tools(port, **of_tools))
                )
            ).running
            for n in range(3)
        ]
        yield Access(access.running, files, port), access, replicas


@pytest.mark.promise("Q40")
async def test_three_processes_refuse_a_revoked_or_disabled_key_as_soon_as_that_is_announced(
    database: str, tools_database: str, files: Files, tmp_path: Path
) -> None:
    of_tools = {"access_remember_seconds": NEVER_FORGOTTEN}
    async with three_processes(database, tools_database, files, tmp_path, **of_tools) as (access, _, replicas):
        for method in ("RevokeKey", "DisableKey", "RevokeKey", "DisableKey"):
            issued = await access.key("agent")
            assert [await who(replica, issued.api_key) for replica in replicas] == ["somebody"] * 3
            await access.must(method, id=issued.key.id)
            await until_refused(replicas, issued.api_key)


async def test_a_revocation_in_one_replica_of_access_reaches_those_who_ask_another(
    database: str, tools_database: str, files: Files
) -> None:
    async with (
        environment.access(database, files, access_remember_seconds=NEVER_FORGOTTEN) as one,
        environment.access(database, files) as other,
        environment.tools(tools_database, files, one.port, access_remember_seconds=NEVER_FORGOTTEN) as tools,
    ):
        issued = await one.key("agent")
        assert await who(tools, issued.api_key) == "somebody"
        await other.must("RevokeKey", id=issued.key.id)
        await until_refused([tools], issued.api_key)
        # And access itself has forgotten whom it remembered.
        admin = await one.key("admin")
        assert (await one.must("WhoAmI", key=admin.api_key)).principal == "somebody"
        await other.must("RevokeKey", id=admin.key.id)
        await one.until_refused(admin.api_key)


async def revoke_silently(database: str, key_id: str) -> None:
    """As an announcement that is lost on every way looks: the row has changed, and nobody was told."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("UPDATE keys SET revoked_at = now() WHERE id = $1", key_id)
    finally:
        await connection.close()


async def test_an_announcement_that_is_lost_delays_a_revocation_by_the_time_of_memory_at_most(
    database: str, tools_database: str, files: Files
) -> None:
    async with AsyncExitStack() as started:
        access = await started.enter_async_context(environment.access(database, files))
        *forgetful, mindful = [
            await started.enter_async_context(
                environment.tools(tools_database, files, access.port, access_remember_seconds=remembered)
            )
            for remembered in (1, 1, NEVER_FORGOTTEN)
        ]
        issued = await access.key("agent")
        assert {await who(replica, issued.api_key) for replica in (*forgetful, mindful)} == {"somebody"}
        await revoke_silently(database, issued.key.id)
        await until_refused(forgetful, issued.api_key)
        # The negative control: the announcement is really lost.
        assert await who(mindful, issued.api_key) == "somebody"


async def test_what_was_missed_while_access_did_not_listen_is_doubted_when_it_listens_again(
    database: str, tools_database: str, files: Files, postgres: Server
) -> None:
    name = urlsplit(database).path.strip("/")
    async with (
        environment.access(database, files) as access,
        environment.tools(tools_database, files, access.port, access_remember_seconds=600) as tools,
    ):
        issued = await access.key("agent")
        assert await who(tools, issued.api_key) == "somebody"
        await postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND application_name <> 'qmcp-access'"
        )
        await access.must("RevokeKey", id=issued.key.id)
        await until_refused([tools], issued.api_key)


async def test_what_was_missed_while_the_stream_to_a_service_was_broken_is_doubted_when_it_stands_again(
    database: str, tools_database: str, files: Files
) -> None:
    async with (
        environment.access(database, files) as access,
        tcp_proxy(access.port) as line,
        environment.tools(tools_database, files, line.port, access_remember_seconds=600) as tools,
    ):
        issued = await access.key("agent")
        assert await who(tools, issued.api_key) == "somebody"
        await line.cut()
        await access.must("RevokeKey", id=issued.key.id)
        await asyncio.sleep(0.5)
        # Cut off, it cannot know.
        assert await who(tools, issued.api_key) == "somebody"
        await line.mend()
        await until_refused([tools], issued.api_key)


async def test_a_key_that_is_revoked_while_a_service_is_cut_off_from_access_ends_when_it_is_back(
    database: str, tools_database: str, files: Files
) -> None:
    port = environment.free_port()
    async with AsyncExitStack() as started:
        first = started.enter_async_context
        async with environment.access(database, files, grpc_port=port) as access:
            tools = await first(environment.tools(tools_database, files, port, access_remember_seconds=600))
            issued = await access.key("agent")
            assert await who(tools, issued.api_key) == "somebody"
        await revoke_silently(database, issued.key.id)
        assert await who(tools, issued.api_key) == "somebody"
        async with environment.access(database, files, grpc_port=port):
            await until_refused([tools], issued.api_key)


async def test_without_access_whom_a_service_knows_goes_on_for_the_stated_time_and_nobody_else_comes_in(
    database: str, tools_database: str, files: Files
) -> None:
    port = environment.free_port()
    async with AsyncExitStack() as started:
        async with environment.access(database, files, grpc_port=port) as access:
            long, short = [
                await started.enter_async_context(
                    environment.tools(
                        tools_database, files, port, access_remember_seconds=0.1, access_stale_seconds=stale
                    )
                )
                for stale in (NEVER_FORGOTTEN, 1)
            ]
            known = (await access.key("agent")).api_key
            unseen = (await access.key("agent")).api_key
            unknown = credentials.generate()[0]
            assert [await who(replica, known) for replica in (long, short)] == ["somebody"] * 2
        async with asyncio.timeout(GUARD_SECONDS):
            while await who(short, known) != "UNAVAILABLE":
                assert await who(long, known) == "somebody"
                assert [await who(long, key) for key in (unseen, unknown)] == ["UNAVAILABLE"] * 2
                assert await who(long, "no key at all") == "UNAUTHENTICATED"
        # What one knows for longer than the other has been asked, it goes on knowing.
        assert await who(long, known) == "somebody"
        assert [await who(short, key) for key in (known, unseen, unknown)] == ["UNAVAILABLE"] * 3
        async with environment.access(database, files, grpc_port=port):
            async with asyncio.timeout(GUARD_SECONDS):
                while await who(short, known) == "UNAVAILABLE":
                    await asyncio.sleep(0.05)
            answers = [await who(short, key) for key in (known, unseen, unknown)]
            assert answers == ["somebody", "somebody", "UNAUTHENTICATED"]


async def test_access_that_hangs_keeps_nobody_out_whom_a_service_knows(
    database: str, tools_database: str, files: Files, tmp_path: Path
) -> None:
    port = environment.free_port()
    async with (
        child("access", environment.ACCESS, database, tmp_path, files.of_access(grpc_port=port)) as hanging,
        environment.tools(
            tools_database, files, port, access_remember_seconds=0.2, access_stale_seconds=NEVER_FORGOTTEN
        ) as tools,
    ):
        access = Access(hanging.running, files, port)
        known = (await access.key("agent")).api_key
        assert await who(tools, known) == "somebody"
        hanging.freeze()
        try:
            # How seldom one of them finds out that access still does not answer, tests/servicekit counts.
            assert {await who(tools, known) for _ in range(40)} == {"somebody"}
            assert await who(tools, credentials.generate()[0]) == "UNAVAILABLE"
        finally:
            hanging.thaw()


async def until_called(calls: Counter[str], names: Iterable[str]) -> None:
    """Until each of them has made some calls more."""
    before = calls.copy()
    async with asyncio.timeout(GUARD_SECONDS):
        while any(calls[name] < before[name] + 25 for name in names):
            await asyncio.sleep(0.05)


async def test_a_restart_of_access_under_load_lets_nobody_in_and_refuses_nobody(
    database: str, tools_database: str, files: Files, tmp_path: Path
) -> None:
    of_tools = {"access_remember_seconds": 0.3, "access_stale_seconds": NEVER_FORGOTTEN}
    async with three_processes(database, tools_database, files, tmp_path, **of_tools) as (access, process, replicas):
        good = (await access.key("agent")).api_key
        reader = (await access.key("reader")).api_key
        gone = await access.key("agent")
        assert [await who(replica, good) for replica in replicas] == ["somebody"] * 3
        await access.must("RevokeKey", id=gone.key.id)
        await until_refused(replicas, gone.api_key)
        outcomes: dict[str, set[str]] = {name: set() for name in ("good", "reader", "gone", "unknown")}
        stop = asyncio.Event()
        calls: Counter[str] = Counter()

        async def load(replica: Running, name: str) -> None:
            while not stop.is_set():
                key = {"good": good, "reader": reader, "gone": gone.api_key}.get(name) or credentials.generate()[0]
                outcomes[name].add(await who(replica, key))
                calls[name] += 1
                await asyncio.sleep(0.01)

        # Whom a service shall know while access is away, it has to have seen before.
        assert [await who(replica, reader) for replica in replicas] == ["PERMISSION_DENIED"] * 3
        tasks = [asyncio.create_task(load(replica, name)) for replica in replicas for name in outcomes]
        try:
            for _ in range(3):
                await until_called(calls, outcomes)
                await process.restart()
            await until_called(calls, outcomes)
        finally:
            stop.set()
            await asyncio.gather(*tasks)
        assert outcomes["good"] == {"somebody"}
        assert outcomes["reader"] == {"PERMISSION_DENIED"}
        assert outcomes["gone"] <= {"UNAUTHENTICATED", "UNAVAILABLE"}
        assert outcomes["unknown"] <= {"UNAUTHENTICATED", "UNAVAILABLE"}


async def test_while_the_database_of_access_is_away_whom_access_knows_goes_on_too(database: str, files: Files) -> None:
    address = urlsplit(database)
    assert address.port is not None
    async with tcp_proxy(address.port) as line:
        url = database.replace(f":{address.port}/", f":{line.port}/")
        async with environment.access(
            url, files, access_remember_seconds=0.1, access_stale_seconds=NEVER_FORGOTTEN
        ) as access:
            # When it begins to listen, it forgets whom it knew.
            await asyncio.wait_for(_listening(database), GUARD_SECONDS)
            await access.must("ListRoles")
            await line.cut()
            await asyncio.sleep(1.5)
            assert (await access.refused("ListRoles")).code.name == "UNAVAILABLE"
            refused = await access.refused("CreateKey", owner="o", roles=[])
            assert refused.reason == "INVALID_REQUEST", "the caller was known, and only then the request was looked at"
            stranger = await access.refused("WhoAmI", key=credentials.generate()[0])
            assert stranger.code.name == "UNAVAILABLE"
            await line.mend()
            issued = await asyncio.wait_for(_made(access), GUARD_SECONDS)
            # What hears of changes and what reports have come back too.
            await asyncio.sleep(1.5)
            assert (await access.must("WhoAmI", key=issued.api_key)).principal == "somebody"
            await access.must("RevokeKey", id=issued.key.id)
            await access.until_refused(issued.api_key)
            async with asyncio.timeout(GUARD_SECONDS):
                while not (await access.must("ListDenials", principal=issued.key.id)).denials:
                    await asyncio.sleep(0.1)


async def _listening(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        statement = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            " AND state = 'idle'"
        )
        found = 0
        while not found:
            await asyncio.sleep(0.02)
            found = await connection.fetchval(statement)
    finally:
        await connection.close()
    await asyncio.sleep(0.2)


async def _made(access: Access) -> Any:
    while True:
        request = access.running.request("CreateKey", owner="somebody", roles=["agent"])
        answer = await access.running.call("CreateKey", request, access.admin)
        if isinstance(answer, Answer):
            return answer.message
        await asyncio.sleep(0.1)
