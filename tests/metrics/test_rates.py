"""Calls a minute are counted over all replicas together."""

import asyncio
from typing import Any

import asyncpg
import grpc
import pytest
import structlog
from qmcp.metrics.v1 import cost_pb2, query_pb2, rate_limit_pb2

from tests.metrics.service import Replica, Start, ingestion, pb
from tests.wire import query, refusal, until

RATE = 300
GUARD_SECONDS = 60.0


@pytest.mark.promise("M14", "M26")
async def test_one_limit_holds_over_three_replicas_to_the_call(start: Start, database: str) -> None:
    replicas = [await start(metrics_rate_limit=RATE) for _ in range(3)]
    (begun,) = await query(database, "SELECT clock_timestamp() AS at")
    calls = [replicas[number % 3].stub.IngestMetrics(ingestion()) for number in range(2 * RATE)]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    (over,) = await query(database, "SELECT clock_timestamp() AS at")
    refused = [each for each in ended if isinstance(each, grpc.aio.AioRpcError)]
    accepted = len(ended) - len(refused)
    # By the clock of the database, which counts: what came back meanwhile, and no call more.
    came_back = (over["at"] - begun["at"]).total_seconds() * RATE / 60
    assert RATE <= accepted <= RATE + came_back
    assert {error.code() for error in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert len(await replicas[0].rows()) == accepted


async def test_callers_are_told_what_is_left_and_when_to_come_back(start: Start) -> None:
    one = await start(metrics_rate_limit=3)
    assert [await _left(one) for _ in range(3)] == [("3", "2"), ("3", "1"), ("3", "0")]
    refused = await refusal(one.ingest())
    assert (refused.reason, refused.trailers["x-ratelimit-remaining"]) == ("RATE_LIMITED", "0")
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= 20


@pytest.mark.promise("M36", "M38")
async def test_the_log_has_a_line_for_each_batch_and_says_which_were_past_the_limit(start: Start) -> None:
    with structlog.testing.capture_logs() as lines:
        one = await start(metrics_rate_limit=1)
        taken = await one.ingest({}, {"value": None}, {}, service="front")
        await refusal(one.ingest(service="front"))

        async def written() -> list[Any]:
            found = [line for line in lines if line["event"] == "request_completed"]
            return found if len(found) == 2 else []

        batch, refused = await until(written, 60)
    said = {"service": "front", "batch_id": taken.request_id, "accepted": 2, "rejected": 1, "code": "OK"}
    assert said.items() <= batch.items()
    assert batch["duration_ms"] > 0
    assert (refused["code"], refused["reason"]) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
    assert {"timestamp", "log_level", "request_id", "principal"} <= batch.keys() & refused.keys()


async def test_asking_for_the_limit_takes_no_call(start: Start) -> None:
    one = await start(metrics_rate_limit=60)
    for _ in range(3):
        assert await one.stub.GetRateLimit(pb.GetRateLimitRequest()) == rate_limit_pb2.RateLimit(
            service="local", rate_limit=60, available_tokens=60, reset_time_seconds=0
        )
    await one.ingest()
    left = await one.stub.GetRateLimit(pb.GetRateLimitRequest())
    assert (left.available_tokens, left.reset_time_seconds) == (59, 1)


async def test_without_a_limit_nothing_is_counted(start: Start) -> None:
    one = await start(metrics_rate_limit=0)
    await asyncio.gather(*(one.ingest() for _ in range(50)))
    assert await one.stub.GetRateLimit(pb.GetRateLimitRequest()) == rate_limit_pb2.RateLimit(service="local")
    assert await query(one.settings.database_url, "SELECT * FROM call_buckets") == []


async def _left(one: Replica) -> tuple[str, str]:
    call = one.stub.IngestMetrics(ingestion())
    headers = dict(await call.initial_metadata())
    await call
    return headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]


async def test_many_questions_of_one_caller_leave_connections_to_what_comes_in(start: Start) -> None:
    replica = await start(metrics_rate_limit=RATE, database_pool_size=10)
    await replica.ingest()
    async with asyncpg.create_pool(replica.settings.database_url, min_size=1) as pool, pool.acquire() as holder:
        turn = holder.transaction()
        await turn.start()
        await holder.execute("LOCK TABLE series IN ACCESS EXCLUSIVE MODE")
        ask = [replica.stub.QueryMetrics(query_pb2.QueryMetricsRequest()) for _ in range(20)]
        ask += [replica.stub.QueryCosts(cost_pb2.QueryCostsRequest()) for _ in range(20)]
        asking = asyncio.gather(*ask)
        for _ in range(3):
            left = await replica.stub.GetRateLimit(pb.GetRateLimitRequest(), timeout=GUARD_SECONDS)
            assert left.available_tokens > 0
        assert not asking.done()
        await turn.rollback()
    assert len(await asking) == 40
