"""Streams of batches: answered when all is durable, each batch once, no more read than can be written."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import grpc
import pytest

from tests.metrics.service import Start, event, pb, replica, settings_for
from tests.wire import read_refusal, until


def batch(*values: float, **fields: Any) -> pb.StreamMetricsRequest:
    metrics = [event(value=value) for value in values]
    return pb.StreamMetricsRequest(metrics=metrics, **{"service": "tests", **fields})


async def failure(call: Any) -> Any:
    """The refusal that a stream ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return read_refusal(failed.value)


async def test_a_stream_ends_with_what_became_of_its_batches_and_each_counts_once(start: Start) -> None:
    one = await start()
    batches = [batch(1, 2), batch(3, 1e13, idempotency_key="a"), batch(4, idempotency_key="b")]
    ended = await one.stub.StreamMetrics(iter(batches))
    assert (ended.batches, ended.accepted, ended.rejected) == (3, 4, 1)
    [rejected] = ended.rejections
    assert (rejected.batch, rejected.rejection.index, rejected.rejection.field) == (1, 1, "value")
    again = await one.stub.StreamMetrics(iter([*batches[1:], batch(5)]))
    assert (again.batches, again.accepted, again.rejected) == (3, 3, 1)
    assert sorted(row["value"] for row in await one.rows()) == [1, 2, 3, 4, 5]
    assert (await one.stub.StreamMetrics(iter([]))).batches == 0


async def test_where_it_fails_it_says_how_many_batches_are_durable(start: Start) -> None:
    one = await start()
    refused = await failure(one.stub.StreamMetrics(iter([batch(1), batch(2), batch(3, service="no good"), batch(4)])))
    assert (refused.code, refused.reason, refused.fields) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        ["service"],
    )
    assert refused.metadata["batches"] == "2"
    assert sorted(row["value"] for row in await one.rows()) == [1, 2]
    await one.stub.StreamMetrics(iter([batch(6, idempotency_key="k")]))
    refused = await failure(one.stub.StreamMetrics(iter([batch(5), batch(7, idempotency_key="k")])))
    assert (refused.reason, refused.metadata["batches"]) == ("IDEMPOTENCY_KEY_REUSED", "1")


async def test_whoever_sends_faster_than_can_be_written_waits_and_nothing_is_refused(
    start: Start, database: str
) -> None:
    one = await start(metrics_max_queued_bytes=1024 * 1024)
    sent = 0

    async def many() -> AsyncIterator[pb.StreamMetricsRequest]:
        nonlocal sent
        # What is written is little; what is sent fills every buffer on the way.
        large = batch(1)
        large.metrics.extend([event(metadata={"text": "x" * 10_000})] * 300)
        for _ in range(24):
            yield large
            sent += 1

    holder = await asyncpg.connect(database)
    try:
        holding = holder.transaction()
        await holding.start()
        await holder.execute("LOCK TABLE metric_events IN ACCESS EXCLUSIVE MODE")
        call = one.stub.StreamMetrics(many())

        async def stands_still() -> bool:
            before = sent
            await asyncio.sleep(0.5)
            return before == sent > 0

        await until(stands_still, 30)
        assert sent < 24
        assert not call.done()
        await holding.rollback()
        ended = await call
    finally:
        await holder.close()
    assert (ended.batches, ended.accepted, ended.rejected) == (24, 24, 7_200)


async def test_a_stream_that_is_open_when_the_service_stops_ends_and_says_what_is_durable(database: str) -> None:
    async with replica(settings_for(database)) as one:
        written = asyncio.Event()

        async def one_and_no_end() -> AsyncIterator[pb.StreamMetricsRequest]:
            yield batch(1)
            await written.wait()

        call = one.stub.StreamMetrics(one_and_no_end())

        async def kept() -> bool:
            return bool(await one.rows())

        await until(kept, 30)
        stopping = asyncio.create_task(failure(call))
    refused = await stopping
    written.set()
    assert (refused.code, refused.metadata["batches"]) == (grpc.StatusCode.UNAVAILABLE, "1")


async def test_each_batch_takes_one_of_the_calls_of_a_minute_and_waits_where_none_is_left(start: Start) -> None:
    one = await start(metrics_rate_limit=120)
    ended = await one.stub.StreamMetrics(batch(n) for n in range(122))
    assert ended.batches == 122
    left = (await one.stub.GetRateLimit(pb.GetRateLimitRequest())).available_tokens
    assert left < 120
