"""Callers that go away in the midst of a call, in every way there is, and what they leave in the service."""

import asyncio
import random
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import grpc
from qmcp.tools.v1 import tools_service_pb2, tools_service_pb2_grpc

from tests.faults.ledger import OPEN
from tests.faults.processes import Replica, running

# Of one connection; as many connections at a time as there are ways to go.
CALLS = 50
# About as long as a call takes here, so that they go at every point of it.
MAX_SECONDS = 0.03
WAYS = ("cancel", "deadline", "close", "drop")
WARM_UP = 2_000


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The service before the storm (warmed up) and after it."""

    seed: int
    calls: int
    gone: int
    # Intents whose calls nobody waited for, by how they are on record.
    outcomes: dict[str, int]
    open: int
    in_flight: float
    queued: float
    tasks_before: list[str]
    tasks_after: list[str]
    memory_before_mb: float
    memory_after_mb: float
    answer_seconds: float

    def text(self) -> str:
        return (
            f"seed {self.seed}: {self.gone:,} of {self.calls:,} calls left; recorded {self.outcomes}, without outcome "
            f"{self.open}; in flight {self.in_flight:.0f}, queued {self.queued:.0f}; tasks {len(self.tasks_before)} → "
            f"{len(self.tasks_after)}; memory {self.memory_before_mb:.0f} → {self.memory_after_mb:.0f} MB; "
            f"a call afterwards took {self.answer_seconds * 1000:.1f} ms"
        )


async def storm(folder: Path, calls: int, seed: int | None = None) -> Aftermath:
    """Makes that many calls and leaves most of them; then waits for the service to be at rest."""
    seed = random.randrange(2**32) if seed is None else seed
    chance = random.Random(seed)
    async with running(folder) as (engine, replica):
        # What is allocated once and kept (caches, arenas, threads) is no leak.
        await _leave(replica.target, min(WARM_UP, calls), chance)
        await _at_rest(replica, engine.url)
        tasks_before, memory_before = await replica.tasks(), replica.memory_mb()
        gone = await _leave(replica.target, calls, chance)
        left_open = await _at_rest(replica, engine.url)
        started = time.monotonic()
        async with grpc.aio.insecure_channel(replica.target) as channel:
            await tools_service_pb2_grpc.ToolsServiceStub(channel).InvokeTool(_request(), timeout=60)
        answer_seconds = time.monotonic() - started
        return Aftermath(
            seed,
            calls,
            gone,
            await _outcomes(engine.url),
            left_open,
            metric(replica, "qmcp_grpc_requests_in_flight"),
            metric(replica, "qmcp_commit_queue_depth"),
            tasks_before,
            await replica.tasks(),
            memory_before,
            replica.memory_mb(),
            answer_seconds,
        )


def metric(replica: Replica, name: str) -> float:
    """The sum of a metric's series, as the service shows it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{replica.metrics_port}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


async def _leave(target: str, calls: int, chance: random.Random) -> int:
    """How many calls had no answer when their callers left."""
    rounds = max(1, calls // (CALLS * len(WAYS)))

    async def one_way(way: str) -> int:
        return sum([await _connection(target, way, chance) for _ in range(rounds)])

    return sum(await asyncio.gather(*map(one_way, WAYS)))


async def _connection(target: str, way: str, chance: random.Random) -> int:
    # A connection of its own; channels to one target share theirs otherwise.
    channel = grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
    stub = tools_service_pb2_grpc.ToolsServiceStub(channel)
    await channel.channel_ready()
    calls = [
        stub.InvokeTool(_request(), timeout=chance.uniform(0.001, MAX_SECONDS) if way == "deadline" else 20)
        for _ in range(CALLS)
    ]
    if way == "cancel":
        for call in calls:
            await asyncio.sleep(chance.uniform(0, MAX_SECONDS / CALLS))
            call.cancel()
    elif way != "deadline":
        await asyncio.sleep(chance.uniform(0, MAX_SECONDS))
        await channel.close(grace=None if way == "drop" else MAX_SECONDS / 3)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    await channel.close()
    unexpected = [o for o in outcomes if isinstance(o, grpc.aio.AioRpcError) and o.code() not in EXPECTED]
    assert not unexpected, unexpected[0]
    return sum(isinstance(outcome, BaseException) for outcome in outcomes)


EXPECTED = {grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}


def _request() -> tools_service_pb2.InvokeToolRequest:
    request = tools_service_pb2.InvokeToolRequest(name="echo")
    request.input.update({"message": "is anybody there?"})
    return request


async def _at_rest(replica: Replica, url: str) -> int:
    """Waits until nothing is in flight; gives how many intents have no ending then."""
    until = time.monotonic() + 20
    connection = await asyncpg.connect(url)
    try:
        while time.monotonic() < until:
            left_open = int(await connection.fetchval(OPEN))
            if not left_open and not metric(replica, "qmcp_grpc_requests_in_flight"):
                break
            await asyncio.sleep(0.1)
        # Connections that were dropped need a moment to be taken down.
        await asyncio.sleep(0.5)
        return int(await connection.fetchval(OPEN))
    finally:
        await connection.close()


async def _outcomes(url: str) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT status, error_reason, count(*) FROM outcomes GROUP BY 1, 2 ORDER BY 1")
    finally:
        await connection.close()
    return {f"{row['status']} {row['error_reason']}".strip(): row["count"] for row in rows}
