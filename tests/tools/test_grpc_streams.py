"""gRPC tools that answer with a stream: each message is progress, all of them the result, and nothing is without end."""

from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from tests.tools.grpc_upstream import Peer, peer
from tests.tools.service import Replica, ended, invoke_request, pb, python, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream(shared: Replica) -> AsyncIterator[Peer]:
    async with peer(versions=("v1",)) as running:
        source = {"target": running.target, "method": "peer.v1.Peer/Stream"}
        await shared.create(name="peer/Stream", grpc=source, timeout_seconds=20)
        await shared.create(name="peer/Brief", grpc=source, timeout_seconds=1)
        yield running


async def test_the_result_is_the_list_of_messages(shared: Replica, upstream: Peer) -> None:
    made = await shared.invoke("peer/Stream", {"unsigned": 3, "big": 2})
    assert (made.status, made.error_reason) == ("success", ""), made.error
    result = python(made.result)
    assert [(each["name"], each["number"], each["big"]) for each in result] == [
        ("xx", number, str(2**64 - 1)) for number in range(3)
    ]
    assert python((await shared.invoke("peer/Stream", {})).result) == []


async def test_messages_are_progress_while_others_are_still_to_come(shared: Replica, upstream: Peer) -> None:
    upstream.go.clear()
    started = await shared.start("peer/Stream", {"unsigned": 2, "big": 1, "word": "step"})

    async def first() -> bool:
        return bool([one async for one in _progress(shared, started.id)])

    await until(first)
    assert (await shared.get(started.id)).status == "running"
    upstream.go.set()
    assert (await ended(shared, started.id)).status == "success"
    told = [event.progress for event in await shared.events(started.id) if event.HasField("progress")]
    assert told[0].progress == 1
    assert '"name":"x"' in told[0].message


async def _progress(shared: Replica, invocation_id: str) -> AsyncIterator[str]:
    call = shared.stub.WatchInvocation(pb.WatchInvocationRequest(id=invocation_id))
    try:
        async for event in call:
            if event.HasField("progress"):
                yield event.progress.message
                return
    finally:
        call.cancel()


async def test_a_stream_with_too_many_messages_is_ended_and_those_that_came_are_there(
    shared: Replica, upstream: Peer
) -> None:
    before = upstream.cancelled
    made = await shared.invoke("peer/Stream", {"unsigned": 1_001, "word": "wait"})
    assert (made.status, made.error_reason) == ("success", "OUTPUT_TOO_LARGE")
    assert "more than 1,000 messages" in made.error
    assert len(python(made.result)) == 1_000

    async def told() -> bool:
        return upstream.cancelled > before

    await until(told)


@pytest.mark.parametrize(("size", "kept"), [(30_000, 3), (200_000, 0)])
async def test_a_stream_that_is_too_large_is_ended(shared: Replica, upstream: Peer, size: int, kept: int) -> None:
    made = await shared.invoke("peer/Stream", {"unsigned": 1_000_000, "big": size})
    assert (made.status, made.error_reason) == ("success", "OUTPUT_TOO_LARGE")
    assert "100,000 bytes" in made.error
    assert len(python(made.result)) == kept


async def test_a_stream_that_ends_with_a_failure_is_one(shared: Replica, upstream: Peer) -> None:
    made = await shared.invoke("peer/Stream", {"unsigned": 2, "word": "fail"})
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert "DATA_LOSS: lost the rest" in made.error
    assert "after 2 messages" in made.error


async def test_a_stream_that_outlasts_the_tools_time_is_ended_and_the_server_knew_it(
    shared: Replica, upstream: Peer
) -> None:
    before = upstream.cancelled
    made = await shared.invoke("peer/Brief", {"unsigned": 1, "word": "wait"})
    assert (made.status, made.error_reason) == ("failed", "TOOL_TIMEOUT")
    assert upstream.remaining[-1] < 3, "of its deadline"

    async def told() -> bool:
        return upstream.cancelled > before

    await until(told)


async def test_to_cancel_the_invocation_ends_the_stream(shared: Replica, upstream: Peer) -> None:
    before = upstream.cancelled
    started = await shared.start("peer/Stream", {"unsigned": 1, "word": "wait"})
    assert [one async for one in _progress(shared, started.id)]
    await shared.cancel(started.id)
    assert (await ended(shared, started.id)).status == "cancelled"

    async def told() -> bool:
        return upstream.cancelled > before

    await until(told)


async def test_a_caller_that_leaves_ends_the_stream(shared: Replica, upstream: Peer) -> None:
    before = upstream.cancelled
    with pytest.raises(grpc.aio.AioRpcError):
        await shared.stub.InvokeTool(invoke_request("peer/Stream", {"unsigned": 1, "word": "wait"}), timeout=0.5)

    async def told() -> bool:
        return upstream.cancelled > before

    await until(told)
