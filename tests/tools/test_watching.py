"""Invocations that go on by themselves: started, watched, resumed, cancelled, from any replica."""

import asyncio

import grpc
import pytest

from services.tools.audit import history
from tests.tools.service import Replica, Start, invoke_request, pb, python, refusal, until


@pytest.fixture
async def two(plugins: None, start: Start) -> tuple[Replica, Replica]:
    return await start(), await start()


async def test_a_started_invocation_goes_on_without_its_caller(service: Replica) -> None:
    call = service.stub.StartInvocation(invoke_request("meeting", {}))
    begun = await call
    assert dict(await call.initial_metadata())["x-http-status"] == "201"
    assert (begun.status, begun.HasField("duration_ms"), begun.HasField("completed_at")) == ("running", False, False)
    assert (
        await refusal(service.stub.GetReceipt(pb.GetReceiptRequest(invocation_id=begun.id)))
    ).reason == "INVOCATION_NOT_ENDED"
    await asyncio.gather(*(service.invoke("meeting") for _ in range(3)))

    async def ended() -> bool:
        return (await service.get(begun.id)).status == "success"

    await until(ended)


@pytest.mark.parametrize("tool", ["no such tool", "echo"])
async def test_what_cannot_begin_is_refused_at_the_start(service: Replica, tool: str) -> None:
    assert (await refusal(service.start(tool))).reason in {"TOOL_NOT_FOUND", "ARGUMENTS_INVALID"}


@pytest.mark.parametrize("from_another", [False, True])
async def test_a_watch_sees_every_step_once_in_order(
    two: tuple[Replica, Replica], from_another: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is told when it happens, not found by looking again.
    monkeypatch.setattr(history, "LOOK_AGAIN_SECONDS", 600)
    here, there = two
    begun = await here.start("steps", {"count": 4})
    events = await asyncio.wait_for((there if from_another else here).events(begun.id), 30)
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.WhichOneof("event") for event in events] == ["invocation", *["progress"] * 4, "invocation"]
    assert [event.last for event in events] == [False] * 5 + [True]
    assert [(e.progress.progress, e.progress.total, e.progress.message) for e in events[1:5]] == [
        (n, 4, f"step {n}") for n in range(1, 5)
    ]
    assert (events[0].invocation.status, python(events[-1].invocation.result)) == ("running", 4)
    assert [event.at.ToNanoseconds() for event in events] == sorted(event.at.ToNanoseconds() for event in events)


async def test_a_watch_resumes_where_it_was_cut_off_on_another_replica(two: tuple[Replica, Replica]) -> None:
    here, there = two
    begun = await here.start("steps", {"count": 5})
    seen = []
    cut = here.stub.WatchInvocation(pb.WatchInvocationRequest(id=begun.id))
    async for event in cut:
        seen.append(event.sequence)
        if len(seen) == 3:
            cut.cancel()
            break
    rest = await there.events(begun.id, after_sequence=seen[-1])
    assert seen + [event.sequence for event in rest] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.sequence for event in await there.events(begun.id)] == [1, 2, 3, 4, 5, 6, 7], (
        "and once more, all of it"
    )
    assert [event.last for event in await there.events(begun.id, after_sequence=6)] == [True]
    assert [event.last for event in await there.events(begun.id, after_sequence=99)] == [True]


async def test_many_watchers_all_see_the_end(two: tuple[Replica, Replica]) -> None:
    begun = await two[0].start("steps", {"count": 2})
    watches = await asyncio.gather(*(one.events(begun.id) for one in two * 15))
    assert all([event.sequence for event in events] == [1, 2, 3, 4] for events in watches)


async def test_a_quiet_watch_beats(service: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "HEARTBEAT_SECONDS", 0.2)
    begun = await service.start("counted", {"key": "quiet", "seconds": 60})
    events = []
    async for event in service.stub.WatchInvocation(pb.WatchInvocationRequest(id=begun.id)):
        events.append(event)
        if len(events) == 3:
            await service.cancel(begun.id)
    assert [event.WhichOneof("event") for event in events][1:3] == ["heartbeat", "heartbeat"]
    assert [event.sequence for event in events] == [1] * (len(events) - 1) + [2]
    assert [event.last for event in events] == [False] * (len(events) - 1) + [True]


async def test_no_waiter_stays_when_watchers_leave(service: Replica) -> None:
    begun = await service.start("counted", {"key": "x", "seconds": 30})
    for _ in range(20):
        watch = service.stub.WatchInvocation(pb.WatchInvocationRequest(id=begun.id))
        await watch.read()
        watch.cancel()

    async def gone() -> bool:
        return (await service.metrics())["qmcp_grpc_requests_in_flight{}"] == 0

    await until(gone)
    assert (await service.cancel(begun.id)).status == "cancelled"


@pytest.mark.parametrize("from_another", [False, True])
async def test_a_detached_invocation_is_cancelled_wherever_it_runs(
    two: tuple[Replica, Replica], from_another: bool
) -> None:
    here, there = two
    begun = await here.start("counted", {"key": "c", "seconds": 30})
    cancelled = await (there if from_another else here).cancel(begun.id)
    assert (cancelled.status, cancelled.error_reason) == ("cancelled", "CANCELLED_BY_REQUEST")
    for one in two:
        refused = await refusal(one.cancel(begun.id))
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "INVOCATION_ENDED")
    assert (await there.events(begun.id))[-1].invocation.status == "cancelled"


@pytest.mark.parametrize("tool", ["counted", "slow_in_thread"])
async def test_a_caller_that_waits_is_answered_with_the_cancelled_invocation(service: Replica, tool: str) -> None:
    arguments = {"key": "w", "seconds": 30} if tool == "counted" else {}
    waiting = asyncio.create_task(service.invoke(tool, arguments, correlation_id="waiting"))

    async def recorded() -> list:
        return await service.listed(correlation_id="waiting")

    [begun] = await until(recorded)
    assert (await service.cancel(begun.id)).status == "cancelled"
    answer = await waiting
    assert (answer.id, answer.status, answer.error_reason) == (begun.id, "cancelled", "CANCELLED_BY_REQUEST")
    assert (await service.invoke("echo", {"message": "and on"})).status == "success"


async def test_concurrent_cancellations_agree(service: Replica) -> None:
    begun = await service.start("counted", {"key": "c", "seconds": 30})
    outcomes = await asyncio.gather(*(service.cancel(begun.id) for _ in range(10)), return_exceptions=True)
    ended = [one for one in outcomes if not isinstance(one, BaseException)]
    assert ended
    assert {one.status for one in ended} == {"cancelled"}


async def test_a_cancellation_that_races_with_the_end_leaves_one_outcome(service: Replica) -> None:
    for n in range(30):
        begun = await service.start("counted", {"key": "race", "seconds": 0.002 * (n % 5)})
        try:
            said = await service.cancel(begun.id)
        except grpc.aio.AioRpcError:
            said = await service.get(begun.id)
        assert said.status in {"success", "cancelled"}
        assert await service.get(begun.id) == said
    assert (await service.verify()).valid
