"""A service as a process: what it writes about its calls, for machines or for people, and how it ends."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.contract.process import process
from tests.contract.running import Answer, Refusal, Running
from tests.contract.subject import Slow, Subject
from tests.contract.subjects import SUBJECTS

# No more than a guard against hanging: that it stops at all is what is tested.
NOTICED_WITHIN = 60.0
FIELDS = {"timestamp", "level", "logger", "event", "request_id", "correlation_id", "method", "code", "duration_ms"}
WORK = ("one", "two", "one")


async def called(running: Running, subject: Subject) -> list[Answer]:
    """Three calls, two of them for the same piece of work."""
    answers = [await running.call(subject.reading, metadata={"x-correlation-id": work}) for work in WORK]
    assert all(isinstance(answer, Answer) for answer in answers)
    return answers  # type: ignore[return-value]  # as is asserted


async def written(folder: Path) -> str:
    return await asyncio.to_thread((folder / "log").read_text)


@asynccontextmanager
async def stopping(
    running: Running, subject: Subject, child: asyncio.subprocess.Process
) -> AsyncIterator[tuple[Slow, "asyncio.Task[Answer | Refusal]"]]:
    """A call in flight in a process that was just asked to end, and has when the block is left."""
    async with subject.slow(running) as slow:
        in_flight = asyncio.create_task(running.call(slow.method, slow.request))
        await asyncio.wait_for(slow.started.wait(), NOTICED_WITHIN)
        # The edge goes first where both share a core.
        assert os.getpriority(os.PRIO_PROCESS, child.pid) > min(18, os.getpriority(os.PRIO_PROCESS, 0))
        child.send_signal(signal.SIGTERM)
        yield slow, in_flight
        assert await asyncio.wait_for(child.wait(), NOTICED_WITHIN) == 0


@pytest.mark.promise("Q10", "Q11", "Q16", "Q35", "P19")
async def test_each_call_is_found_by_its_ids_and_a_stop_lets_those_in_flight_end_and_takes_no_new_ones(
    subject: Subject, database: str, tmp_path: Path
) -> None:
    async with process(subject, database, tmp_path) as (child, running):
        answers = await called(running, subject)
        health = health_pb2_grpc.HealthStub(running.channel)
        async with stopping(running, subject, child) as (slow, in_flight):
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
    lines: list[dict[str, Any]] = [json.loads(line) for line in (await written(tmp_path)).splitlines()]
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)
    completed = [line for line in lines if line["event"] == "request_completed" and line["correlation_id"] in WORK]
    assert all(subject.reading in line["method"] for line in completed)
    assert [line["correlation_id"] for line in completed] == list(WORK)
    assert [line["request_id"] for line in completed] == [answer.trailers["x-request-id"] for answer in answers]
    assert all(line.keys() >= FIELDS for line in completed)


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


@pytest.mark.promise("Q08", "Q10")
async def test_whoever_debugs_gets_lines_for_people_and_more_of_them_and_a_stop_does_not_wait_for_ever(
    subject: Subject, database: str, tmp_path: Path
) -> None:
    variables = {"QMCP_DEBUG": "true", "QMCP_SHUTDOWN_GRACE_SECONDS": "0.5", "QMCP_DRAIN_SECONDS": "0"}
    async with process(subject, database, tmp_path, **variables) as (child, running):
        answers = await called(running, subject)
        async with stopping(running, subject, child) as (_, in_flight):
            answer = await asyncio.wait_for(in_flight, NOTICED_WITHIN)
            assert isinstance(answer, Refusal)
            assert answer.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    log = await written(tmp_path)
    [line] = [line for line in log.splitlines() if answers[0].trailers["x-request-id"] in line]
    assert "request_completed" in line
    assert not line.startswith("{")


# What is written is one mechanism of all, which the two tests above have tried in each.
@pytest.mark.parametrize("subject", SUBJECTS[:1], ids=lambda subject: subject.name, indirect=True)
@pytest.mark.promise("Q08")
async def test_no_call_is_written_where_only_errors_are_wanted(subject: Subject, database: str, tmp_path: Path) -> None:
    async with process(subject, database, tmp_path, QMCP_DRAIN_SECONDS="0", QMCP_LOG_LEVEL="ERROR") as (child, running):
        await called(running, subject)
        child.send_signal(signal.SIGTERM)
        await child.wait()
    assert "request_completed" not in await written(tmp_path)
