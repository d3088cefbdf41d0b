"""LISTEN/NOTIFY: no wake-up is lost, not even when the connection breaks."""

import asyncio
import random

import asyncpg
from hypothesis import given
from hypothesis import strategies as st

from servicekit.notifications import Waiters, listening, wait_for


async def test_a_notification_reaches_who_waits_for_its_key(database):
    waiters = Waiters()
    async with listening(database, {"things": waiters.wake}):
        with waiters.registered("a") as a, waiters.registered("b") as b:
            # The first thing that is told is that anything may have happened.
            assert await wait_for(a, 60)
            a.clear()
            b.clear()
            connection = await asyncpg.connect(database)
            await connection.execute("SELECT pg_notify('things', 'x a')")
            assert await wait_for(a, 60)
            assert not b.is_set()
            await connection.close()


async def test_waiters_are_woken_after_the_connection_was_lost(database):
    waiters = Waiters()
    async with listening(database, {"things": waiters.wake}):
        with waiters.registered("a") as woken:
            assert await wait_for(woken, 60)
            woken.clear()
            connection = await asyncpg.connect(database)
            await connection.execute(
                """
                SELECT pg_terminate_backend(pid)
                FROM pg_stat_activity
                WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE 'LISTEN%'
                """
            )
            assert await wait_for(woken, 60)
            woken.clear()
            for _ in range(100):
                await connection.execute("SELECT pg_notify('things', 'a')")
                if await wait_for(woken, 0.1):
                    break
            assert woken.is_set()
            await connection.close()


@given(st.randoms(use_true_random=False))
def test_no_interleaving_of_writers_and_waiters_loses_a_wake_up(chance: random.Random):
    async def run():
        waiters, state = Waiters(), {"a": 0}

        async def writer():
            for _ in range(5):
                for _ in range(chance.randrange(3)):
                    await asyncio.sleep(0)
                state["a"] += 1
                waiters.wake("a")

        async def waiter():
            with waiters.registered("a") as woken:
                while True:
                    woken.clear()
                    for _ in range(chance.randrange(3)):
                        await asyncio.sleep(0)
                    if state["a"] == 5:
                        return
                    assert await wait_for(woken, 60), "a wake-up was lost"

        await asyncio.gather(waiter(), waiter(), writer())
        assert len(waiters) == 0

    asyncio.run(run())
