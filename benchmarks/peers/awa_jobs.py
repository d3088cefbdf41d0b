"""`python awa_jobs.py URL WORKERS SECONDS`: jobs that do nothing, run by awa, as JSON."""

import asyncio
import json
import resource
import sys
import time
from dataclasses import dataclass

from awa import AsyncClient

JOBS = 100_000


@dataclass
class Nothing:
    """A job."""

    number: int


async def measure(url: str, workers: int, seconds: float) -> dict[str, float]:
    finished: list[float] = []
    async with AsyncClient(url) as client:
        await client.migrate()
        await client.install_queue_storage()

        @client.task(Nothing, queue="bench")
        async def nothing(_: object) -> None:
            finished.append(time.perf_counter())

        await client.enqueue_many_copy([Nothing(number) for number in range(JOBS)], queue="bench")
        started, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        await client.start([("bench", workers)])
        await asyncio.sleep(seconds)
        count, elapsed, after = len(finished), time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
        await client.shutdown()
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
