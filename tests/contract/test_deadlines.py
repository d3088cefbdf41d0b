"""A deadline ends the work and not only the waiting; a stop lets what is in flight end."""

import asyncio
import os
import signal
import time
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.contract.process import process
from tests.contract.running import Answer, Refusal, Running
from tests.contract.subject import Slow, Subject

# No more than a guard against hanging: that it stops at all is what is tested.
NOTICED_WITHIN = 60.0


async def test_a_deadline_stops_the_work(running: Running, subject: Subject) -> None:
    async with subject.slow(running) as slow:
        answer = await running.call(slow.method, slow.request, seconds=0.5)
        assert isinstance(answer, Refusal)
        assert answer.code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert slow.started.is_set()
        assert await asyncio.wait_for(slow.stopped.wait(), NOTICED_WITHIN)


async def test_a_caller_that_goes_away_stops_the_work(running: Running, subject: Subject) -> None:
    async with subject.slow(running) as slow:
        call = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        call.cancel()
        assert await asyncio.wait_for(slow.stopped.wait(), NOTICED_WITHIN)


async def test_a_stop_lets_calls_in_flight_end_and_takes_no_new_ones(
    subject: Subject, database: str, tmp_path: Path
) -> None:
    async with process(subject, database, tmp_path) as (child, running), subject.slow(running) as slow:
        health = health_pb2_grpc.HealthStub(running.channel)
        in_flight = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        # The edge goes first where both share a core.
        assert os.getpriority(os.PRIO_PROCESS, child.pid) > min(18, os.getpriority(os.PRIO_PROCESS, 0))
        child.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + NOTICED_WITHIN
        while (
            await health.Check(health_pb2.HealthCheckRequest())
        ).status != health_pb2.HealthCheckResponse.NOT_SERVING:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.02)
        # A load balancer has not noticed yet: what it still sends is served.
        assert await refused(subject, slow, running) is None
        while (code := await refused(subject, slow, running)) is None:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.05)
        # CANCELLED is what gRPC gives to a call that came in with the very last before the door was shut.
        assert code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert not in_flight.done()
        slow.release.set()
        assert isinstance(await in_flight, Answer)
        assert await asyncio.wait_for(child.wait(), NOTICED_WITHIN) == 0


async def refused(subject: Subject, slow: Slow, running: Running) -> grpc.StatusCode | None:
    """How another call is refused; None where it is served. Health, where the service has nothing else to ask."""
    if subject.reading != slow.method:
        answer = await running.call(subject.reading)
        return answer.code if isinstance(answer, Refusal) else None
    try:
        await health_pb2_grpc.HealthStub(running.channel).Check(health_pb2.HealthCheckRequest())
    except grpc.aio.AioRpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return None


async def test_a_stop_does_not_wait_for_ever(subject: Subject, database: str, tmp_path: Path) -> None:
    variables = {"QMCP_SHUTDOWN_GRACE_SECONDS": "0.5", "QMCP_DRAIN_SECONDS": "0"}
    async with process(subject, database, tmp_path, **variables) as (child, running), subject.slow(running) as slow:
        in_flight = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        # The edge goes first where both share a core.
        assert os.getpriority(os.PRIO_PROCESS, child.pid) > min(18, os.getpriority(os.PRIO_PROCESS, 0))
        child.send_signal(signal.SIGTERM)
        answer = await asyncio.wait_for(in_flight, NOTICED_WITHIN)
        assert isinstance(answer, Refusal)
        assert answer.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert await asyncio.wait_for(child.wait(), NOTICED_WITHIN) == 0
