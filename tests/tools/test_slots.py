"""Slots: how many runs of a tool there are at a time, how many wait, and who is refused."""

import asyncio

import grpc
import pytest

from tests.tools.service import Replica, Start, invoke_request, refusal, runs, until


@pytest.fixture
async def narrow(plugins: None, start: Start) -> Replica:
    """One slot and a queue of two."""
    return await start(tools_queue_per_slot=2)


async def statuses(replica: Replica) -> list[str]:
    return sorted(one.status for one in await replica.listed(tool_name="narrow"))


async def test_a_burst_fills_place_and_queue_and_the_rest_is_refused(narrow: Replica) -> None:
    outcomes = await asyncio.gather(
        *(narrow.invoke("narrow", {"seconds": 0.2}) for _ in range(10)), return_exceptions=True
    )
    refused = [one for one in outcomes if isinstance(one, grpc.aio.AioRpcError)]
    assert (len(outcomes) - len(refused), len(refused)) == (3, 7)
    for error in refused:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    recorded = await narrow.listed(tool_name="narrow")
    assert sorted(one.error_reason for one in recorded) == [""] * 3 + ["TOOL_BUSY"] * 7


async def test_one_after_the_other_is_refused_too_and_told_when_to_come_again(narrow: Replica) -> None:
    begun = [await narrow.start("narrow", {"seconds": 30}) for _ in range(3)]
    assert [one.status for one in begun] == ["running", "pending", "pending"]
    busy = await refusal(narrow.start("narrow"))
    assert (busy.reason, busy.retry_after) == ("TOOL_BUSY", 1)
    assert await statuses(narrow) == ["failed", "pending", "pending", "running"]
    for status in ("pending", "running", "failed"):
        assert {one.status for one in await narrow.listed(status=status)} == {status}
    for one in begun:
        await narrow.cancel(one.id)
    assert (await narrow.invoke("narrow")).status == "success", "the slots are free again"


async def test_who_waits_is_pending_then_running_and_runs_in_turn(narrow: Replica) -> None:
    first = await narrow.start("narrow", {"seconds": 0.3})
    second = await narrow.start("narrow", {"seconds": 0.3})
    third = await narrow.start("narrow", {"seconds": 0})
    events = await narrow.events(second.id)
    assert [event.invocation.status for event in events] == ["pending", "running", "success"]
    ended = [(await narrow.events(one.id))[-1].invocation for one in (first, second, third)]
    moments = [one.completed_at.ToNanoseconds() for one in ended]
    assert moments == sorted(moments)
    assert ended[1].duration_ms >= 550, "it counts from the record of the intent"


async def test_a_pending_invocation_is_cancelled_in_the_queue_and_never_runs(narrow: Replica) -> None:
    before = runs("narrow")
    running = await narrow.start("narrow", {"seconds": 30})
    pending = await narrow.start("narrow", {"seconds": 0})
    assert (await narrow.cancel(pending.id)).status == "cancelled"
    assert (await narrow.cancel(running.id)).status == "cancelled"
    assert (await narrow.invoke("narrow")).status == "success"
    assert runs("narrow") == before + 2


async def test_a_caller_that_leaves_the_queue_leaves_its_place_to_others(narrow: Replica) -> None:
    running = await narrow.start("narrow", {"seconds": 30})
    for _ in range(6):
        with pytest.raises(grpc.aio.AioRpcError):
            await narrow.stub.InvokeTool(invoke_request("narrow", {"seconds": 0}), timeout=0.1)

    async def all_gone() -> bool:
        return len(await narrow.listed(status="cancelled")) == 6

    await until(all_gone)
    assert [(await narrow.start("narrow")).status for _ in range(2)] == ["pending", "pending"]
    await narrow.cancel(running.id)


async def test_the_limit_holds_at_every_moment(plugins: None, start: Start) -> None:
    replica = await start(tools_queue_per_slot=2, tools_allowed_networks="127.0.0.0/8")
    all_came = asyncio.Event()
    held: list[int] = [0]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        held.append(held[-1] + 1)
        await all_came.wait()
        held.append(held[-1] - 1)
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await replica.update(name="wide/enough", http={"url": url}, max_concurrency=3)
        calls = [asyncio.create_task(replica.invoke("wide/enough")) for _ in range(30)]

        async def rest_is_refused() -> bool:
            return sum(call.done() for call in calls) == 30 - 3 * 3

        await until(rest_is_refused)
        all_came.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, BaseException) for one in outcomes) == 30 - 3 * 3
    assert max(held) == 3
