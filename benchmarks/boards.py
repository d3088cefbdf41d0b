"""Boards of tasks: how soon lists and changes are answered beside many, and how soon those hear who watch."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import uvloop
from qmcp.tasks.v1 import board_pb2, task_pb2, tasks_service_pb2, tasks_service_pb2_grpc

from benchmarks import systems
from benchmarks.measuring import Plan
from benchmarks.people import at
from benchmarks.report import Row, Section
from benchmarks.systems import System

TASKS = int(os.environ.get("QMCP_BENCH_BOARD_TASKS", "20000"))
WATCHERS = int(os.environ.get("QMCP_BENCH_WATCHERS", "1000"))
SAMPLES = 200
# Events while all watch, and how many a second; the replica is ended and begun again between the first and the last.
EVENTS, EVENTS_A_SECOND, RESTARTS = 60, 2, 2
CHANNELS = 20
GIVE_UP_SECONDS = 120
# One task in ten waits for the one before it.
FILL = """
    WITH made AS (
        INSERT INTO projects (owner, name)
        VALUES ('local', 'bench')
        RETURNING id
    ), epic AS (
        INSERT INTO epics (project_id, name, created_by)
        SELECT id, 'e', 'local'
        FROM made
        RETURNING id, project_id
    ), filled AS (
        INSERT INTO tasks (project_id, epic_id, name, created_by, priority)
        SELECT project_id, id, 'task ' || number, 'local', number % 4
        FROM epic, generate_series(1, $1) AS number
        RETURNING id, name
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY id) AS number
        FROM filled
    ), waiting AS (
        INSERT INTO task_dependencies (task_id, depends_on)
        SELECT later.id, earlier.id
        FROM numbered AS later
        JOIN numbered AS earlier ON earlier.number = later.number - 1
        WHERE later.number % 10 = 0
    )
    SELECT id::text FROM made
"""


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    section = Section(f"Boards: {TASKS:,} tasks, {WATCHERS:,} who watch")
    section.table = [("", "p50 ms", "p95 ms", "p99 ms")]
    environment = {
        "QMCP_TASKS_MAX_WATCHERS": str(WATCHERS + 10),
        "QMCP_PRINCIPAL_MAX_STREAMS": str(WATCHERS + 10),
        "QMCP_MAX_CONCURRENT_CALLS": str(WATCHERS + 1_000),
    }
    with systems.tasks(folder, environment) as (system, restart):
        uvloop.run(_measure(section, system, restart))
    return section


async def _measure(section: Section, system: System, restart: Callable[[], None]) -> None:
    connection = await asyncpg.connect(system.database_url)
    try:
        project: str = await connection.fetchval(FILL, TASKS)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    async with grpc.aio.insecure_channel(system.target) as channel:
        await _answers(section, tasks_service_pb2_grpc.TasksServiceStub(channel), project)
        await _watched(section, system, restart)


async def _answers(section: Section, stub: Any, project: str) -> None:
    """One call after the other."""
    request = tasks_service_pb2
    ids = [
        task.id for task in (await stub.ListTasks(request.ListTasksRequest(project_id=project, page_size=500))).tasks
    ]
    calls: dict[str, tuple[int, Callable[[int], Awaitable[object]]]] = {
        "ready set, a page of 50": (
            10,
            lambda _: stub.ListTasks(request.ListTasksRequest(project_id=project, ready=True)),
        ),
        "create": (
            5,
            lambda number: stub.CreateTask(
                request.CreateTaskRequest(project_name="bench", epic_name="e", name=f"another {number}")
            ),
        ),
        "update": (
            5,
            lambda number: stub.UpdateTask(
                request.UpdateTaskRequest(id=ids[number % len(ids)], description=f"changed {number}")
            ),
        ),
    }
    for name, (goal, call) in calls.items():
        times = []
        for number in range(SAMPLES + 20):
            started = time.perf_counter()
            await call(number)
            times.append((time.perf_counter() - started) * 1000)
        # Connections, plans of statements, caches.
        times = sorted(times[20:])
        p50, p95, p99 = (at(times, each) for each in (50, 95, 99))
        section.table.append((name, f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}"))
        section.rows.append(Row(f"{name}, {TASKS:,} tasks, p95", f"< {goal} ms", f"{p95:.1f} ms"))


@dataclass(slots=True)
class Watcher:
    """What one has heard."""

    last: int = 0
    wrong: int = 0
    cuts: int = 0
    heard: dict[int, float] = field(default_factory=dict)

    async def follow(self, stub: Any, project: str) -> None:
        """From the beginning on, over whatever cuts it off."""
        while True:
            try:
                async for event in stub.WatchBoard(
                    board_pb2.WatchBoardRequest(project_id=project, after_sequence=self.last)
                ):
                    self._take(event)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.2)
            self.cuts += 1

    def _take(self, event: board_pb2.BoardEvent) -> None:
        if event.kind == "heartbeat" or not event.sequence:
            return
        if event.sequence == self.last and event.last:
            return
        self.wrong += event.sequence != self.last + 1
        self.last = event.sequence
        self.heard[event.sequence] = time.perf_counter()


@asynccontextmanager
async def _watching(system: System, project: str) -> AsyncIterator[list[Watcher]]:
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(system.target, options=options) for _ in range(CHANNELS)]
    stubs = [tasks_service_pb2_grpc.TasksServiceStub(each) for each in channels]
    watchers = [Watcher() for _ in range(WATCHERS)]
    tasks = [
        asyncio.create_task(each.follow(stubs[number % CHANNELS], project)) for number, each in enumerate(watchers)
    ]
    try:
        yield watchers
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in channels:
            await each.close()


async def _watched(section: Section, system: System, restart: Callable[[], None]) -> None:
    """Changes of one task on a board of its own, while all watch that."""
    async with grpc.aio.insecure_channel(system.target) as channel:
        stub: Any = tasks_service_pb2_grpc.TasksServiceStub(channel)
        task: task_pb2.Task = await stub.CreateTask(
            tasks_service_pb2.CreateTaskRequest(project_name="watched", epic_name="e", name="one")
        )
        board = await stub.GetBoard(board_pb2.GetBoardRequest(project_id=task.project_id))
        known: dict[int, float] = {}
        async with _watching(system, task.project_id) as watchers:
            last = board.sequence
            await _all_at(watchers, last)
            for number in range(1, EVENTS + 1):
                if number % (EVENTS // (RESTARTS + 1)) == 0 and number < EVENTS:
                    restart()
                    await channel.channel_ready()
                    # What happens while some are still away reaches them later, which is no delay of ours.
                    await _change(stub, task.id, -number)
                    last += 1
                    await _all_at(watchers, last)
                await _change(stub, task.id, number)
                last += 1
                known[last] = time.perf_counter()
                await asyncio.sleep(1 / EVENTS_A_SECOND)
            await _all_at(watchers, last)
    delays = sorted(
        1000 * max(0.0, each.heard[sequence] - moment)
        for each in watchers
        for sequence, moment in known.items()
        if sequence in each.heard
    )
    p50, p95, p99 = (at(delays, each) for each in (50, 95, 99))
    section.table.append(("acknowledged change → watcher", f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}"))
    gaps = sum(each.wrong for each in watchers)
    section.rows += [
        Row(f"event → watcher, {WATCHERS:,} watchers, p99", "< 150 ms", f"{p99:.0f} ms"),
        Row(f"gaps and repetitions, {RESTARTS} restarts", "0", str(gaps)),
    ]
    section.notes.append(
        f"{EVENTS} changes, {EVENTS_A_SECOND} a second; all who watch are one process of asyncio and share its core. "
        f"Each was cut off {min(each.cuts for each in watchers)} times at least."
    )


async def _change(stub: Any, task_id: str, number: int) -> None:
    await stub.UpdateTask(tasks_service_pb2.UpdateTaskRequest(id=task_id, description=f"changed {number}"))


async def _all_at(watchers: list[Watcher], sequence: int) -> None:
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while any(each.last < sequence for each in watchers):  # noqa: ASYNC110 - each is told by a stream of its own
            await asyncio.sleep(0.05)
