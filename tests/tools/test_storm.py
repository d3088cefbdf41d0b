"""Callers that leave at any moment: whatever was recorded has an ending, and nothing stays behind."""

import asyncio
import random
from collections import Counter
from typing import Any

import grpc
import pytest

from tests.tools.audit import require_whole
from tests.tools.service import Replica, Start, invoke_request, query, replica, until


async def storm(replica: Replica, calls: int, seed: int, patience: float = 0.06) -> Counter[str]:
    """Callers that hang up or time out after 0 to `patience` seconds, in the middle of intents, runs and endings."""
    chance = random.Random(seed)

    async def one(number: int) -> str:
        tool, arguments = chance.choice(
            [
                ("echo", {"message": "x"}),
                ("counted", {"key": "storm", "seconds": chance.random() * 0.05}),
                ("narrow", {"seconds": 0.001}),
                ("acme/add", {"a": 1}),
                ("no such tool", {}),
                ("echo", {}),
            ]
        )
        await asyncio.sleep(chance.random() * 0.5)
        idempotency_key = f"storm {chance.randrange(calls)}" if chance.random() < 0.5 else ""
        request = invoke_request(tool, arguments, idempotency_key=idempotency_key)
        method = replica.stub.StartInvocation if chance.random() < 0.1 else replica.stub.InvokeTool
        call: Any = method(request, timeout=chance.choice([None, chance.random() * patience]))
        waiting = asyncio.ensure_future(call)
        if chance.random() < 0.6:
            await asyncio.sleep(chance.random() ** 2 * patience)
            call.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            return "left"
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "answered"

    return Counter(await asyncio.gather(*(one(number) for number in range(calls))))


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_a_storm_every_intent_has_an_outcome_and_nothing_is_left(
    plugins: None, start: Start, database: str, seed: int
) -> None:
    service = await start(tools_queue_per_slot=1000)
    await service.invoke("echo", {"message": "warm"})
    tasks = kinds_of_tasks()
    outcomes = await storm(service, 500, seed)
    patience = 0.06
    while "CALLER_GONE" not in await reasons_of(database) and patience < 4:
        # A busy machine had recorded nothing yet when its callers left.
        patience *= 2
        outcomes += await storm(service, 500, seed, patience)
    assert {"left", "answered", "DEADLINE_EXCEEDED", "NOT_FOUND"} <= set(outcomes), "it was a storm"
    assert set(outcomes) <= {"left", "answered", "DEADLINE_EXCEEDED", "NOT_FOUND", "INVALID_ARGUMENT", "ALREADY_EXISTS"}

    async def quiet() -> bool:
        metrics = await service.metrics()
        figures = ("qmcp_grpc_requests_in_flight{}", "qmcp_tool_in_flight{}")
        return not any(metrics[figure] for figure in figures) and not any(
            value for series, value in metrics.items() if series.startswith("qmcp_commit_queue_depth")
        )

    await until(quiet)
    assert await require_whole(service, database), "callers left before anything was recorded"
    assert {"", "CALLER_GONE", "TOOL_NOT_FOUND", "ARGUMENTS_INVALID"} <= await reasons_of(database)
    assert (await service.invoke("echo", {"message": "and on"})).status == "success"
    assert (await service.invoke("narrow")).status == "success", "no place was lost"

    # Eight seconds, because gRPC's own tasks come and go.
    for _ in range(160):
        if not kinds_of_tasks() - tasks:
            break
        await asyncio.sleep(0.05)
    assert not kinds_of_tasks() - tasks


async def reasons_of(database: str) -> set[str]:
    return {row["error_reason"] for row in await query(database, "SELECT DISTINCT error_reason FROM outcomes")}


def kinds_of_tasks() -> Counter[str]:
    return Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks())


async def test_a_storm_that_meets_the_end_of_the_service_leaves_nothing_open(
    plugins: None, start: Start, database: str
) -> None:
    watcher = await start()
    async with replica(
        watcher.settings.model_copy(update={"shutdown_grace_seconds": 0.05, "metrics_port": 0})
    ) as stopping:
        blowing = asyncio.create_task(storm(stopping, 300, 3))
        running = [await stopping.start("counted", {"key": "end", "seconds": 30}) for _ in range(3)]
        waiting = asyncio.ensure_future(
            stopping.stub.InvokeTool(invoke_request("counted", {"key": "end", "seconds": 30}))
        )
        await asyncio.sleep(0.05)
    await asyncio.gather(blowing, waiting, return_exceptions=True)
    assert await require_whole(watcher, database) >= 4
    ended = [await watcher.get(one.id) for one in running]
    assert {(one.status, one.error_reason) for one in ended} == {("failed", "INTERRUPTED")}
    assert not await query(
        database, "SELECT FROM replicas WHERE id <> (SELECT id FROM replicas ORDER BY started_at LIMIT 1)"
    )
