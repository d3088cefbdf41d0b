"""What is being closed: committers end with everything written, readiness leaves and liveness stays."""

import asyncio
from collections.abc import Sequence

import pytest
from grpc_health.v1 import health_pb2
from prometheus_client import CollectorRegistry

from servicekit import group_commit
from servicekit.errors import ServiceError
from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.health import LIVENESS, Readiness


async def written(operations: Sequence[str]) -> Sequence[str]:
    await asyncio.sleep(0.01)
    return operations


async def away(_operations: Sequence[str]) -> Sequence[str]:
    raise ConnectionRefusedError("away")


async def test_what_an_abandoned_operation_brings_is_written_although_the_committer_closes() -> None:
    flushed: list[str] = []

    async def flush(operations: Sequence[str]) -> Sequence[str]:
        flushed.extend(operations)
        return await written(operations)

    def abandoned(operation: str, _answer: str) -> None:
        if operation.isdigit():
            committer.submit(f"the end of {operation}").cancel()

    committer = GroupCommit("test", flush, CommitMetrics(CollectorRegistry()), abandoned=abandoned)
    async with committer:
        for number in range(3):
            committer.submit(f"{number}").cancel()
    assert flushed == [*"012", *(f"the end of {number}" for number in range(3))]
    with pytest.raises(ServiceError):
        committer.submit("too late")


async def test_a_callback_that_fails_does_not_end_the_committer() -> None:
    def abandoned(_operation: str, _answer: str) -> None:
        raise RuntimeError("of the callback")

    async with GroupCommit("test", written, CommitMetrics(CollectorRegistry()), abandoned=abandoned) as committer:
        committer.submit("left").cancel()
        assert await committer.submit("waits") == "waits"
        assert await committer.submit("and on") == "and on"


async def test_closing_while_the_database_is_away_is_bounded_and_tells_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "CLOSING_SECONDS", 0.3)
    committer = GroupCommit("test", away, CommitMetrics(CollectorRegistry()), max_batch=2)
    async with committer:
        futures = [committer.submit(f"{number}") for number in range(9)]
        await asyncio.sleep(0.05)
    for future in futures:
        with pytest.raises(ServiceError, match="UNAVAILABLE"):
            future.result()


async def test_who_leaves_is_not_ready_and_stays_alive_whatever_the_checks_say() -> None:
    async def fine() -> bool:
        return True

    readiness = Readiness(["x.v1.X"], {"database": fine})

    async def status(name: str) -> int:
        answer = await readiness.servicer.Check(health_pb2.HealthCheckRequest(service=name), None)
        return answer.status

    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    await readiness.alive()
    await readiness.check()
    assert [await status(name) for name in ("", "x.v1.X", LIVENESS)] == [serving] * 3
    await readiness.leave()
    await readiness.check()
    assert [await status(name) for name in ("", "x.v1.X", LIVENESS)] == [not_serving, not_serving, serving]


async def test_a_check_that_fails_says_no_and_is_asked_again() -> None:
    answers: list[object] = [LookupError("the database does not exist"), False, True]

    async def check() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    readiness = Readiness([], {"database": check})
    seen = []
    for _ in range(3):
        await readiness.check()
        answer = await readiness.servicer.Check(health_pb2.HealthCheckRequest(service=""), None)
        seen.append(answer.status == health_pb2.HealthCheckResponse.SERVING)
    assert seen == [False, False, True]
