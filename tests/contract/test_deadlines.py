"""A deadline ends the work and not only the waiting; a stop lets what is in flight end."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.contract.running import Answer, Refusal, Running, connected
from tests.contract.subjects import Subject
from tests.stack import ROOT

STARTS_WITHIN = 20.0
NOTICED_WITHIN = 5.0


async def test_a_deadline_stops_the_work(running: Running, subject: Subject) -> None:
    async with subject.slow(running) as slow:
        answer = await running.call(slow.method, slow.request, seconds=0.5)
        assert isinstance(answer, Refusal)
        assert answer.code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert slow.started.is_set()
        await asyncio.wait_for(slow.stopped.wait(), NOTICED_WITHIN)


async def test_a_caller_that_goes_away_stops_the_work(running: Running, subject: Subject) -> None:
    async with subject.slow(running) as slow:
        call = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        call.cancel()
        await asyncio.wait_for(slow.stopped.wait(), NOTICED_WITHIN)


async def test_a_stop_lets_calls_in_flight_end_and_takes_no_new_ones(
    subject: Subject, database: str, tmp_path: Path
) -> None:
    async with process(subject, database, tmp_path) as (child, running), subject.slow(running) as slow:
        health = health_pb2_grpc.HealthStub(running.channel)
        in_flight = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        child.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + NOTICED_WITHIN
        while (
            await health.Check(health_pb2.HealthCheckRequest())
        ).status != health_pb2.HealthCheckResponse.NOT_SERVING:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.02)
        # A load balancer has not noticed yet: what it still sends is served.
        name = next(iter(subject.listings))
        await running.must(name)
        while True:
            answer = await running.call(name)
            if isinstance(answer, Refusal):
                break
            assert time.monotonic() < give_up
            await asyncio.sleep(0.05)
        assert answer.code == grpc.StatusCode.UNAVAILABLE
        assert not in_flight.done()
        slow.release.set()
        assert isinstance(await in_flight, Answer)
        assert await asyncio.wait_for(child.wait(), NOTICED_WITHIN) == 0


async def test_a_stop_does_not_wait_for_ever(subject: Subject, database: str, tmp_path: Path) -> None:
    variables = {"QMCP_SHUTDOWN_GRACE_SECONDS": "0.5", "QMCP_DRAIN_SECONDS": "0"}
    async with process(subject, database, tmp_path, **variables) as (child, running), subject.slow(running) as slow:
        in_flight = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        child.send_signal(signal.SIGTERM)
        answer = await asyncio.wait_for(in_flight, NOTICED_WITHIN)
        assert isinstance(answer, Refusal)
        assert answer.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert await asyncio.wait_for(child.wait(), NOTICED_WITHIN) == 0


@asynccontextmanager
async def process(
    subject: Subject, database: str, folder: Path, **variables: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Running]]:
    """The service as production runs it."""
    port = _free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(path) for path in (ROOT, ROOT / "gen", ROOT / "client")),
        "QMCP_DATABASE_URL": database,
        "QMCP_GRPC_PORT": str(port),
        "QMCP_METRICS_PORT": "0",
        "QMCP_DRAIN_SECONDS": "1",
        "QMCP_SHUTDOWN_GRACE_SECONDS": "5",
        **{f"QMCP_{name.upper()}": value for name, value in subject.variables(folder).items()},
        **variables,
    }
    with (folder / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"services.{subject.name}",
            "serve",
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        async with connected(subject.service, port) as running:
            await _serving(running, child, folder / "log")
            yield child, running
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _serving(running: Running, child: asyncio.subprocess.Process, log: Path) -> None:
    health = health_pb2_grpc.HealthStub(running.channel)
    give_up = time.monotonic() + STARTS_WITHIN
    while True:
        if child.returncode is not None or time.monotonic() > give_up:
            raise AssertionError(await asyncio.to_thread(log.read_text))
        try:
            await health.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=1)
        except grpc.aio.AioRpcError:
            continue
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
