"""Tasks claimed and completed, as JSON.

`python -m benchmarks.claim_rows tasks|skip-locked URL IN_FLIGHT SECONDS`, or `drain URL IN_FLIGHT TASKS` for all there
are.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from prometheus_client import CollectorRegistry
from qmcp.tasks.v1 import task_pb2, tasks_service_pb2

from benchmarks.processes import cpu_seconds, parent_of
from servicekit import migrations
from servicekit.group_commit import CommitMetrics
from servicekit.idempotency import Once
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import Viewer
from servicekit.methods import methods_of
from servicekit.postgres import database
from servicekit.request_context import RequestContext, current_context
from servicekit.ssrf import AddressPolicy
from services.tasks.board.batches import Batches
from services.tasks.board.claiming import Claiming
from services.tasks.board.leases import Leases
from services.tasks.board.tasks import Tasks
from services.tasks.board.urls import UrlReader
from services.tasks.messages import board as messages
from services.tasks.metrics import TasksMetrics
from services.tasks.models import ClaimRequest, LeaseRequest, TransitionRequest

POOL = 16
ROWS = 100_000
# Of what is drained.
PARTS = 10
SKIP_LOCKED = """
    CREATE TABLE bench_queue (
        id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        priority smallint    NOT NULL DEFAULT 1,
        status   text        NOT NULL DEFAULT 'pending',
        token    integer     NOT NULL DEFAULT 0,
        until    timestamptz
    );
    CREATE INDEX bench_queue_ready ON bench_queue (priority DESC, id) WHERE status = 'pending';
"""
# One unit: a task claimed and completed. False where there was none.
Work = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def skip_locked(url: str) -> AsyncIterator[Work]:
    """Two statements a task, each a transaction, and a token that the second one checks: what one writes by hand."""
    async with database(url, POOL, "bench") as db:
        async with db.connection() as connection:
            await connection.execute("DROP TABLE IF EXISTS bench_queue")
            await connection.execute(SKIP_LOCKED)
            await connection.execute("INSERT INTO bench_queue (priority) SELECT 1 FROM generate_series(1, $1)", ROWS)
            await connection.execute("ANALYZE bench_queue")

        async def work() -> bool:
            async with db.connection() as connection:
                row = await connection.fetchrow(
                    """
                    UPDATE bench_queue
                    SET status = 'in_progress', token = token + 1, until = clock_timestamp() + interval '300 s'
                    WHERE id = (
                        SELECT id
                        FROM bench_queue
                        WHERE status = 'pending'
                        ORDER BY priority DESC, id
                        LIMIT 1
                        FOR UPDATE SKIP LOCKED
                    )
                    RETURNING id, token
                    """
                )
            if row is None:
                return False
            async with db.connection() as connection:
                done = await connection.execute(
                    """
                    UPDATE bench_queue
                    SET status = 'completed'
                    WHERE id = $1 AND token = $2 AND until > clock_timestamp()
                    """,
                    *row,
                )
            return str(done) == "UPDATE 1"

        yield work


@asynccontextmanager
async def tasks(url: str, rows: int = ROWS) -> AsyncIterator[Work]:
    """The domain of the tasks service as its servicer calls it, with logs, attempts and the board's events."""
    folder = Path(__file__).parents[1] / "services" / "tasks" / "migrations"
    await migrations.apply(url, migrations.of_service("tasks", folder))
    async with database(url, POOL, "bench") as db:
        async with db.connection() as connection:
            project: str = await connection.fetchval(
                """
                WITH made AS (
                    INSERT INTO projects (owner, name)
                    VALUES ('bench', 'bench ' || uuidv7())
                    RETURNING id
                ), epic AS (
                    INSERT INTO epics (project_id, name, created_by)
                    SELECT id, 'e', 'bench'
                    FROM made
                    RETURNING id, project_id
                ), filled AS (
                    INSERT INTO tasks (project_id, epic_id, name, created_by)
                    SELECT project_id, id, 'task ' || number, 'bench'
                    FROM epic, generate_series(1, $1) AS number
                )
                SELECT id::text FROM made
                """,
                rows,
            )
            await connection.execute("ANALYZE tasks")
        registry = CollectorRegistry()
        metrics = TasksMetrics(registry)
        leases = Leases(db, metrics, 5, 86_400)
        batches = Batches(db, leases, metrics, CommitMetrics(registry))
        urls = UrlReader(AddressPolicy(()), 1, 1)
        claiming, board = Claiming(batches, metrics, 1_000), Tasks(db, leases, batches, urls, metrics)
        principal = Principal("bench", frozenset())
        viewer = Viewer(principal, "tasks", sees_all=False)
        method = methods_of(tasks_service_pb2.DESCRIPTOR.services_by_name["TasksService"])[0]
        current_context.set(RequestContext({}, method, principal=principal))
        wanted = ClaimRequest(project, "", 1, 0, LeaseRequest("bench", 300))

        async def work() -> bool:
            found: tasks_service_pb2.ClaimTaskResponse = await claiming.claim(
                wanted, viewer, Once(tasks_service_pb2.ClaimTaskRequest(), messages.claimed_to)
            )
            if not found.tasks:
                return False
            [task] = found.tasks
            change = TransitionRequest("completed", "", "", task.lease.fencing_token, "")
            done: task_pb2.Task = await board.transition(
                task.id, change, viewer, Once(tasks_service_pb2.TransitionTaskRequest(), messages.task_to)
            )
            return done.status == "completed"

        yield work


async def measure(how: str, url: str, in_flight: int, seconds: float) -> dict[str, float]:
    times: list[float] = []
    postmaster = await _postmaster(url)
    async with {"tasks": tasks, "skip-locked": skip_locked}[how](url) as work:
        until = time.perf_counter() + seconds

        async def worker() -> None:
            while (started := time.perf_counter()) < until:
                if not await work():
                    raise RuntimeError("there was nothing left, or what was claimed could not be completed")
                times.append(time.perf_counter() - started)

        started, used, by_database = time.perf_counter(), time.process_time(), cpu_seconds([postmaster])
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        elapsed, used = time.perf_counter() - started, time.process_time() - used
        by_database = cpu_seconds([postmaster]) - by_database
    times.sort()
    return {
        "seconds": elapsed,
        "rows": len(times),
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "cpu": used,
        "database_cpu": by_database,
    }


async def drain(url: str, in_flight: int, rows: int) -> list[dict[str, float]]:
    """All tasks there are, and what each tenth of them took."""
    postmaster = await _postmaster(url)
    async with tasks(url, rows) as work:
        marks: list[tuple[float, float, float]] = []
        left = done = 0

        def mark() -> None:
            marks.append((time.perf_counter(), time.process_time(), cpu_seconds([postmaster])))

        async def worker() -> None:
            nonlocal left, done
            while left:
                left -= 1
                if not await work():
                    raise RuntimeError("there was nothing left, or what was claimed could not be completed")
                done += 1
                if done % (rows // PARTS) == 0:
                    mark()

        mark()
        left = rows - rows % PARTS
        await asyncio.gather(*(worker() for _ in range(in_flight)))
    names = ("seconds", "cpu", "database_cpu")
    return [
        {name: after - before for name, before, after in zip(names, *pair, strict=True)} for pair in pairwise(marks)
    ]


async def _postmaster(url: str) -> int:
    """The process that all others of the database are children of."""
    connection = await asyncpg.connect(url)
    try:
        backend: int = await connection.fetchval("SELECT pg_backend_pid()")
        return parent_of(backend)
    finally:
        await connection.close()


if __name__ == "__main__":
    how, url, in_flight, much = sys.argv[1:]
    found: Coroutine[Any, Any, object] = (
        drain(url, int(in_flight), int(much)) if how == "drain" else measure(how, url, int(in_flight), float(much))
    )
    print(json.dumps(uvloop.run(found)))
