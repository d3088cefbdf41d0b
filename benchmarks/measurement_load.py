"""`python -m benchmarks.measurement_load TARGET METHOD FILE IN_FLIGHT SECONDS`: sends one request over and over."""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import grpc.aio
import uvloop

OPTIONS = [("grpc.max_send_message_length", -1)]


async def load(target: str, method: str, body: bytes, in_flight: int, seconds: float) -> dict[str, float]:
    times: list[float] = []
    failed: list[float] = []
    async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:
        rpc = channel.unary_unary(method)
        started = time.perf_counter()

        async def caller() -> None:
            while (begun := time.perf_counter()) - started < seconds:
                try:
                    await rpc(body)
                except grpc.aio.AioRpcError:
                    failed.append(begun)
                else:
                    times.append(time.perf_counter() - begun)

        await asyncio.gather(*(caller() for _ in range(in_flight)))
        elapsed = time.perf_counter() - started
    times.sort()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": elapsed,
        "calls": len(times),
        "failed": len(failed),
        "p50_ms": times[len(times) // 2] * 1e3 if times else 0,
        "p95_ms": times[int(len(times) * 0.95)] * 1e3 if times else 0,
        "p99_ms": times[int(len(times) * 0.99)] * 1e3 if times else 0,
        "cpu": used.ru_utime + used.ru_stime,
    }


if __name__ == "__main__":
    file, calls, duration = Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    print(json.dumps(uvloop.run(load(sys.argv[1], sys.argv[2], file.read_bytes(), calls, duration))))
