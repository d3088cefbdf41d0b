"""`python -m benchmarks.commit_rows group|single URL IN_FLIGHT SECONDS`: durable rows by one process, as JSON."""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import uuid_utils.compat as uuid
import uvloop
from prometheus_client import CollectorRegistry

from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.postgres import Database, database

POOL = 10
TABLE = """
    CREATE TABLE IF NOT EXISTS bench_rows (
        id     uuid PRIMARY KEY,
        input  json NOT NULL,
        result json NOT NULL,
        name   text NOT NULL
    );
    CREATE INDEX IF NOT EXISTS bench_rows_name ON bench_rows (name, id);
"""
INPUT = json.dumps({"message": "x" * 60})
RESULT = json.dumps({"result": "x" * 60})
Save = Callable[[UUID], Awaitable[object]]


async def measure(how: str, url: str, in_flight: int, seconds: float) -> dict[str, float]:
    async with database(url, POOL, "bench") as db:
        async with db.connection() as connection:
            await connection.execute(TABLE)
        if how == "single":
            return await _load(_single(db), in_flight, seconds)

        async def flush(ids: Sequence[UUID]) -> Sequence[None]:
            size = len(ids)
            async with db.connection() as connection:
                await connection.execute(
                    "INSERT INTO bench_rows (id, input, result, name) "
                    "SELECT * FROM unnest($1::uuid[], $2::json[], $3::json[], $4::text[])",
                    *(list(ids), [INPUT] * size, [RESULT] * size, ["echo"] * size),
                )
            return [None] * size

        async with GroupCommit("bench", flush, CommitMetrics(CollectorRegistry())) as committer:
            return await _load(committer.submit, in_flight, seconds)


def _single(db: Database) -> Save:
    async def save(row: UUID) -> None:
        async with db.connection() as connection:
            await connection.execute(
                "INSERT INTO bench_rows (id, input, result, name) VALUES ($1, $2, $3, $4)", row, INPUT, RESULT, "echo"
            )

    return save


async def _load(save: Save, in_flight: int, seconds: float) -> dict[str, float]:
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def caller() -> None:
        while (started := time.perf_counter()) < until:
            await save(uuid.uuid7())
            times.append(time.perf_counter() - started)

    started, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    times.sort()
    return {
        "seconds": elapsed,
        "rows": len(times),
        "p50_ms": times[len(times) // 2] * 1000,
        "p95_ms": times[len(times) * 95 // 100] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "cpu": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
    }


if __name__ == "__main__":
    how, url, in_flight, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(measure(how, url, int(in_flight), float(seconds)))))
