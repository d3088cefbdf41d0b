"""Waits: whoever comes before the answer or after it gets it, from whichever replica, whatever becomes of the listener."""

import asyncio
import random
from collections import Counter

import asyncpg
import grpc
import pytest

from services.hitl.waiting import event_follower
from tests.hitl.service import Replica, Start
from tests.wire import query, refusal, until

LISTENERS = """
    SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE 'LISTEN%'
"""


async def test_an_answer_that_was_given_before_the_wait_is_found(start: Start) -> None:
    replica = await start()
    await replica.ask("before")
    await replica.answer("before")
    waited = await replica.wait("before")
    assert (waited.done, waited.requests[0].response.response.string_value) == (True, "approve")


async def test_a_waiter_of_another_replica_is_woken(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_follower, "LOOK_AGAIN_SECONDS", 600)
    one, other = await start(), await start()
    await one.ask("across")
    waiting = asyncio.ensure_future(other.wait("across", timeout_seconds=60))
    await until(lambda: _waiters(other, 1))
    await one.answer("across")
    assert (await asyncio.wait_for(waiting, 30)).done, "a notification wakes, nobody looks again so soon"


async def test_a_wait_ends_when_its_time_is_over_and_says_so(start: Start) -> None:
    replica = await start()
    await replica.ask("slow")
    waited = await replica.wait("slow", timeout_seconds=1)
    assert (waited.done, waited.requests[0].status) == (False, "pending")


async def test_several_are_waited_for_until_one_or_all_have_ended(start: Start) -> None:
    replica = await start()
    for name in "abc":
        await replica.ask(name)
    either = asyncio.ensure_future(replica.wait("a", "b", "c", timeout_seconds=20))
    every = asyncio.ensure_future(replica.wait("a", "b", "c", mode="all", timeout_seconds=20))
    await until(lambda: _waiters(replica, 2))
    await replica.answer("b")
    assert [request.status for request in (await either).requests] == ["pending", "responded", "pending"]
    await replica.answer("a")
    assert not every.done()
    await replica.answer("c")
    assert [request.status for request in (await every).requests] == ["responded"] * 3


async def test_nobody_is_forgotten_when_the_listener_is_killed_again_and_again(start: Start, database: str) -> None:
    replica = await start()
    ids = [(await replica.ask(f"kept-{n}")).id for n in range(60)]
    waiting = [asyncio.ensure_future(replica.wait(each, timeout_seconds=60)) for each in ids]
    await until(lambda: _waiters(replica, len(ids)))
    killer = asyncio.create_task(_kill_listeners(database))
    try:
        for each in ids:
            await replica.answer(each)
            await asyncio.sleep(random.uniform(0, 0.05))
        assert all(answer.done for answer in await asyncio.gather(*waiting))
    finally:
        killer.cancel()
        await asyncio.gather(killer, return_exceptions=True)


async def test_waits_survive_the_end_of_every_connection_to_the_database(start: Start, database: str) -> None:
    replica = await start()
    await replica.ask("cut")
    waiting = asyncio.ensure_future(replica.wait("cut", timeout_seconds=60))
    await until(lambda: _waiters(replica, 1))
    await query(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()",
    )
    await until(lambda: _answered(replica, "cut"))
    assert (await waiting).done


async def test_random_interleavings_lose_no_wake_up_and_decide_nothing_twice(start: Start) -> None:
    replicas = [await start(), await start()]
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    number = 300

    async def play(n: int) -> str:
        human_request_id = f"play-{n}"
        asker, waiter, *answerers = (chance.choice(replicas) for _ in range(5))
        await asker.ask(human_request_id)

        async def wait() -> str:
            await asyncio.sleep(chance.uniform(0, 0.02))
            answer = await waiter.wait(human_request_id, timeout_seconds=30)
            return answer.requests[0].response.responded_by if answer.done else "lost"

        async def answer(replica: Replica, who: str) -> str:
            await asyncio.sleep(chance.uniform(0, 0.02))
            try:
                return (await replica.answer(human_request_id, responded_by=who)).responded_by
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.ALREADY_EXISTS  # noqa: PT017 - one of them loses
                return ""

        told, *won = await asyncio.gather(wait(), *(answer(r, f"r{i}") for i, r in enumerate(answerers)))
        winners = [each for each in won if each]
        return "right" if winners == [told] else f"{winners} {told}"

    gate = asyncio.Semaphore(50)

    async def gated(n: int) -> str:
        async with gate:
            return await play(n)

    outcomes = Counter(await asyncio.gather(*(gated(n) for n in range(number))))
    assert outcomes == {"right": number}, f"seed {seed}: {outcomes}"


async def test_a_thousand_waiters_open_at_once_and_none_is_cancelled(start: Start) -> None:
    replica = await start()
    await replica.ask("crowd")
    waiting = [asyncio.ensure_future(replica.wait("crowd", timeout_seconds=60)) for _ in range(1000)]
    await until(lambda: _waiters(replica, len(waiting)), seconds=30)
    await replica.answer("crowd")
    assert all(answer.done for answer in await asyncio.gather(*waiting))


async def test_more_waiters_than_may_are_refused_and_told_to_come_back(start: Start) -> None:
    replica = await start(hitl_max_waiters=1)
    await replica.ask("narrow")
    waiting = asyncio.ensure_future(replica.wait("narrow", timeout_seconds=20))
    await until(lambda: _waiters(replica, 1))
    error = await refusal(replica.wait("narrow"))
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    await replica.answer("narrow")
    await waiting


async def test_a_replica_that_stops_lets_its_waiters_go_and_another_takes_them(start: Start, database: str) -> None:
    del database
    replica = await start(shutdown_grace_seconds=120)
    await replica.ask("moved")
    waiting = asyncio.ensure_future(replica.wait("moved", timeout_seconds=120))
    await until(lambda: _waiters(replica, 1))
    # What a stop does first; the server itself ends with the test.
    await asyncio.wait_for(replica.server.drain(), 30)
    answer = await waiting
    assert (answer.done, answer.requests[0].status) == (False, "pending")


async def _waiters(replica: Replica, number: int) -> bool:
    return (await replica.metrics())["qmcp_hitl_waiters{}"] == number


async def _answered(replica: Replica, human_request_id: str) -> bool:
    try:
        await replica.answer(human_request_id, idempotency_key="once")
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAVAILABLE, error  # noqa: PT017 - until the database is back
        return False
    return True


async def _kill_listeners(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        while True:
            await connection.execute(LISTENERS)
            await asyncio.sleep(0.3)
    finally:
        await connection.close()
