"""Streams of events: filtered, resumed without a gap, alive while nothing happens, and ended in so many words."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from qmcp.hitl.v1 import request_pb2

from tests.hitl.service import Replica, Start, pb
from tests.wire import query


def watch(replica: Replica, **fields: Any) -> AsyncIterator[request_pb2.HumanRequestEvent]:
    return replica.stub.WatchHumanRequests(pb.WatchHumanRequestsRequest(**fields))


async def take(
    stream: AsyncIterator[request_pb2.HumanRequestEvent], number: int
) -> list[request_pb2.HumanRequestEvent]:
    found = []
    async with asyncio.timeout(60):
        async for event in stream:
            if event.kind != "heartbeat":
                found.append(event)
            if len(found) == number:
                return found
    raise AssertionError(f"the stream ended after {found}")


async def test_a_stream_from_the_beginning_has_everything_in_order(start: Start) -> None:
    replica = await start()
    await replica.ask("w1")
    await replica.answer("w1")
    await replica.ask("w2")
    events = await take(watch(replica, after_sequence=0), 3)
    assert [(event.human_request_id, event.kind) for event in events] == [
        ("w1", "created"),
        ("w1", "decided"),
        ("w2", "created"),
    ]
    assert events[0].request.prompt == "Deploy?"
    assert events[1].principal == "local"
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))


async def test_a_stream_goes_on_after_an_event_without_gap_or_repetition(start: Start) -> None:
    one, other = await start(), await start()
    for n in range(30):
        await one.ask(f"r{n}")
    first = await take(watch(one, after_sequence=0), 12)
    rest = await take(watch(other, after_sequence=first[-1].sequence), 18)
    assert [event.human_request_id for event in first + rest] == [f"r{n}" for n in range(30)]


async def test_a_stream_from_now_on_shows_what_comes_and_tells_first_where_it_stands(start: Start) -> None:
    one, other = await start(), await start()
    await one.ask("old")
    stream = watch(other)
    first = await anext(aiter(stream))
    assert (first.kind, first.sequence > 0) == ("heartbeat", True)
    await one.ask("new")
    assert [event.human_request_id for event in await take(stream, 1)] == ["new"]


async def test_filters_hold(start: Start) -> None:
    replica = await start()
    await replica.ask("f1", request_type="choice", tags=["t"], assignees=["ann"])
    await replica.ask("f2")
    await replica.answer("f2")
    await replica.ask("f3", groups=["ops"])
    for fields, expected in (
        ({"kinds": ["decided"]}, "f2"),
        ({"id": "f3"}, "f3"),
        ({"request_type": "choice"}, "f1"),
        ({"tag": "t"}, "f1"),
        ({"assignee": "ann"}, "f1"),
        ({"group": "ops"}, "f3"),
    ):
        events = await take(watch(replica, after_sequence=0, **fields), 1)
        assert events[0].human_request_id == expected, fields


async def test_concurrent_writers_of_two_replicas_are_seen_in_one_order_by_all(start: Start, database: str) -> None:
    replicas = [await start(), await start()]
    streams = [asyncio.ensure_future(take(watch(replica, after_sequence=0), 200)) for replica in replicas]
    await asyncio.gather(*(replicas[n % 2].ask(f"c{n}") for n in range(200)))
    seen = [[event.sequence for event in await stream] for stream in streams]
    recorded = await query(database, "SELECT sequence FROM human_request_events ORDER BY sequence")
    assert seen == [[row["sequence"] for row in recorded]] * 2


async def test_a_stream_ends_with_an_event_that_says_so_when_the_replica_stops(start: Start) -> None:
    replica = await start(shutdown_grace_seconds=20)
    await replica.ask("s1")
    stream = watch(replica, after_sequence=0)
    assert (await take(stream, 1))[0].kind == "created"
    stopping = asyncio.ensure_future(replica.server.drain())
    rest = [event async for event in stream]
    await stopping
    assert (rest[-1].last, rest[-1].sequence) == (True, 1)


async def test_more_streams_than_may_are_refused(start: Start) -> None:
    replica = await start(hitl_max_watchers=1)
    first = watch(replica)
    await anext(aiter(first))
    try:
        await anext(aiter(watch(replica)))
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 - it fails below otherwise
    else:
        raise AssertionError("it was let in")
