"""`python procrastinate_jobs.py URL WORKERS SECONDS`: jobs that do nothing, run by procrastinate, as JSON."""

import asyncio
import json
import resource
import sys
import time

import procrastinate
import psycopg

JOBS = 10_000


async def measure(url: str, workers: int, seconds: float) -> dict[str, float]:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=workers, max_size=workers))
    finished: list[float] = []

    @app.task(name="nothing")
    async def nothing() -> None:
        finished.append(time.perf_counter())

    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*({} for _ in range(JOBS)))
        # As autovacuum would soon: until then its queue is planned as if it were empty.
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute("ANALYZE")
        started, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        worker = asyncio.create_task(
            app.run_worker_async(concurrency=workers, install_signal_handlers=False, shutdown_graceful_timeout=1)
        )
        await asyncio.sleep(seconds)
        count, elapsed, after = len(finished), time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    # How long one worker is at one job: between what it finishes, that is all the others.
    each = workers * elapsed / max(count, 1) * 1000
    return {
        "seconds": elapsed,
        "rows": count,
        "p50_ms": each,
        "p99_ms": each,
        "cpu": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
    }


if __name__ == "__main__":
    url, workers, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(measure(url, int(workers), float(seconds)))))
