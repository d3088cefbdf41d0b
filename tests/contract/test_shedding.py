"""More than a service can do: it tells by how long calls have waited, refuses at the door, and lets in again."""

import asyncio

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit.methods import CallKind, methods_of
from tests.contract.running import CALL_SECONDS, Answer, Refusal, Running
from tests.contract.subject import Subject

GUARD_SECONDS = 60.0
# What the edge says each call had when it left; the service takes what is missing of it for time in a queue.
ALLOWED = "x-qmcp-allowed"
ADMITTED = "x-qmcp-admitted"
AT_ONCE = {ALLOWED: f"{CALL_SECONDS:.0f}S"}
HALF_GONE = {ALLOWED: f"{2 * CALL_SECONDS:.0f}S"}
NEARLY_GONE = {ALLOWED: f"{4 * CALL_SECONDS:.0f}S"}
IN_A_ROW = 40


def read_of(subject: Subject) -> str:
    """A quick RPC that changes nothing; whether its empty request is one that can be answered is all the same here."""
    reads = (method.name for method in methods_of(subject.service) if method.call_kind is CallKind.QUICK)
    return next(iter(subject.listings), None) or next(name for name in reads if name.startswith(("Get", "List")))


def is_refused(answer: Answer | Refusal) -> bool:
    return isinstance(answer, Refusal) and answer.reason == "OVERLOADED"


def check(refused: Answer | Refusal, subject: Subject) -> None:
    """It is told as every refusal is."""
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert (refused.domain, refused.retry_after) == (f"{subject.name}.qmcp", 1)
    assert refused.metadata["request_id"] == refused.trailers["x-request-id"]
    assert refused.trailers["x-correlation-id"]


async def test_who_lost_most_of_its_time_in_the_queue_is_refused_before_it_is_begun(
    running: Running, subject: Subject
) -> None:
    method = read_of(subject)
    check(await running.call(method, metadata=NEARLY_GONE), subject)
    for nonsense in ("", "soon", "-1S", "99999999999S"):
        assert not is_refused(await running.call(method, metadata={ALLOWED: nonsense}))
    assert not is_refused(await running.call(method, metadata=AT_ONCE))


async def test_while_calls_stand_in_a_queue_a_part_is_refused_and_afterwards_nobody(
    running: Running, subject: Subject
) -> None:
    method = read_of(subject)
    async with asyncio.timeout(GUARD_SECONDS):
        while not is_refused(refused := await running.call(method, metadata=HALF_GONE)):
            pass
        check(refused, subject)
        assert int(refused.trailers[ADMITTED]) < 1000

        # Health costs nothing; and of what the edge has let in as so small a part, nothing more is refused.
        health = health_pb2_grpc.HealthStub(running.channel)
        for _ in range(20):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=running.service.full_name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            assert not is_refused(await running.call(method, metadata={**HALF_GONE, ADMITTED: "1"}))

        served = 0
        while served < IN_A_ROW:
            served = 0 if is_refused(await running.call(method, metadata=AT_ONCE)) else served + 1
