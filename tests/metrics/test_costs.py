"""What tokens cost: by the price of their time, told apart by dimensions, and what has no price is told as such."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as otlp_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as otlp_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from qmcp.metrics.v1 import cost_pb2, metrics_service_pb2_grpc

from devstack import ports
from services.metrics.costs.models import Grouping, Price, PriceTable, Usage
from services.metrics.costs.pricing import Prices, costs
from services.metrics.server import compose
from services.metrics.settings import Settings
from tests.metrics.service import KEYS
from tests.wire import query, refusal, until

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def usage(tokens: float, period: int = 1, **dimensions: str) -> Usage:
    named = {"gen_ai.request.model": "m-1", "gen_ai.token.type": "input", **dimensions}
    return Usage(named, period, tokens)


def table(*prices: Price) -> PriceTable:
    return PriceTable(1, NOW, prices, "op", NOW)


def test_the_longest_beginning_that_fits_is_the_price() -> None:
    prices = Prices(
        [Price("*", "input", 1), Price("m-*", "input", 2), Price("m-1-*", "input", 3), Price("m-1", "input", 4)]
    )
    asked = ["other", "m-2", "m-1-mini", "m-1"]
    assert [prices.of(model, "input") for model in asked] == [1, 2, 3, 4]
    assert prices.of("m-1", "output") is None


def test_what_has_no_price_is_told_as_such_and_what_is_free_is_not() -> None:
    used = [usage(1_000_000), usage(5, **{"gen_ai.request.model": "new"}), usage(7, **{"gen_ai.token.type": "output"})]
    groups, total = costs(
        used, [table(Price("m-1", "input", 2.5), Price("m-1", "output", 0))], Grouping(["gen_ai.request.model"])
    )
    assert groups["m-1",].usd == 2.5
    assert groups["m-1",].unpriced_tokens == 0
    assert (groups["new",].usd, groups["new",].unpriced_tokens, groups["new",].unpriced_models) == (0, 5, {"new"})
    assert (total.usd, total.unpriced_tokens, total.tokens) == (2.5, 5, {"input": 1_000_005, "output": 7})


def test_tokens_have_the_price_of_their_time_and_before_all_tables_none() -> None:
    tables = [table(Price("*", "input", 1)), table(Price("*", "input", 3))]
    _, total = costs([usage(1e6, 0), usage(1e6, 1), usage(1e6, 2)], tables, Grouping())
    assert (total.usd, total.unpriced_tokens) == (4, 1e6)


@asynccontextmanager
async def serving(database: str) -> AsyncIterator[grpc.aio.Channel]:
    port, page = ports.free(), ports.free()
    settings = Settings(
        database_url=database,
        grpc_port=port,
        metrics_port=page,
        metrics_prometheus_enabled=False,
        metrics_secrets_key_file=KEYS / "secrets-key",
    )
    async with compose(settings), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


# What minutes say is asked for without the events; but those of minutes that a price divides are left.
ALL_BUT_A_MINUTE = """
    DELETE FROM metric_events
    WHERE date_trunc('minute', at, 'UTC') <> ALL (
        SELECT date_trunc('minute', edge, 'UTC')
        FROM unnest($1::timestamptz[]) AS edges (edge)
    )
    RETURNING at
"""


async def none_pending(database: str) -> bool:
    """Whether everything is rolled up."""
    return not await query(database, "SELECT FROM pending_rollups")


def keyed(attributes: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in attributes.items()]


async def used(
    channel: grpc.aio.Channel, tokens: int, at: datetime, of: Mapping[str, str] | None = None, **attributes: str
) -> None:
    """An agent tells, as OpenTelemetry's conventions have it, what its call of a model took; `of` is its resource."""
    named = {"gen_ai.token.type": "input", "gen_ai.request.model": "m-1", **attributes}
    point = metrics_pb2.HistogramDataPoint(
        count=1,
        sum=tokens,
        bucket_counts=[0, 1],
        explicit_bounds=[1],
        min=tokens,
        max=tokens,
        time_unix_nano=int(at.timestamp()) * 10**9,
        attributes=keyed(named),
    )
    histogram = metrics_pb2.Histogram(data_points=[point], aggregation_temporality=1)
    metric = metrics_pb2.Metric(name="gen_ai.client.token.usage", histogram=histogram)
    scope = metrics_pb2.ScopeMetrics(metrics=[metric])
    request = otlp_pb2.ExportMetricsServiceRequest(
        resource_metrics=[
            metrics_pb2.ResourceMetrics(resource=Resource(attributes=keyed(of or {})), scope_metrics=[scope])
        ]
    )
    answer = await otlp_grpc.MetricsServiceStub(channel).Export(request)
    assert not answer.HasField("partial_success")


async def test_an_agents_tokens_come_to_money_by_agent_and_by_version_of_the_prices(database: str) -> None:
    async with serving(database) as channel:
        stub: Any = metrics_service_pb2_grpc.MetricsServiceStub(channel)
        now = datetime.now(UTC)

        def prices(usd: float, effective_at: datetime) -> cost_pb2.CreatePriceTableRequest:
            table = cost_pb2.PriceTable(prices=[cost_pb2.Price(model="m-*", token_type="input", usd_per_million=usd)])
            table.effective_at.FromDatetime(effective_at)
            return cost_pb2.CreatePriceTableRequest(price_table=table)

        first = await stub.CreatePriceTable(prices(2, now - timedelta(hours=5)))
        second = await stub.CreatePriceTable(prices(4, now - timedelta(hours=1)))
        assert (first.version, second.version, second.created_by) == (1, 2, "local")
        listed = await stub.ListPriceTables(cost_pb2.ListPriceTablesRequest())
        assert [each.version for each in listed.price_tables] == [2, 1]

        await used(channel, 500_000, now - timedelta(hours=2), **{"gen_ai.agent.id": "a"})
        await used(channel, 500_000, now - timedelta(minutes=2), **{"gen_ai.agent.id": "a"})
        await used(channel, 250_000, now - timedelta(minutes=1), **{"gen_ai.agent.id": "b"})
        await used(channel, 7, now - timedelta(minutes=1), **{"gen_ai.agent.id": "b", "gen_ai.request.model": "x"})
        await used(channel, 9, now - timedelta(hours=6), **{"gen_ai.agent.id": "b"})
        answer = await stub.QueryCosts(cost_pb2.QueryCostsRequest(group_by=["gen_ai.agent.id"]))
        found = {cost.group["gen_ai.agent.id"]: cost for cost in answer.costs}
        assert list(found) == ["a", "b"], "the dearest first"
        assert (found["a"].usd, found["a"].unpriced_tokens) == (pytest.approx(1 + 2), 0)
        assert (found["b"].usd, found["b"].unpriced_tokens) == (pytest.approx(1), 16)
        assert list(found["b"].unpriced_models) == ["m-1", "x"], "before the first prices there was none for m-1"
        assert answer.total.usd == pytest.approx(4)
        assert answer.total.tokens["input"] == 1_250_016

        # The same once minutes have them; but what is in a minute with two prices, or at an edge, is read from events.
        minute = (now - timedelta(hours=3)).replace(second=0, microsecond=0)
        await stub.CreatePriceTable(prices(8, minute + timedelta(seconds=30)))
        for second in (10, 40):
            at = minute + timedelta(seconds=second)
            await used(channel, 125_000, at, **{"gen_ai.agent.id": "c", "session.id": "s"})
        asked = cost_pb2.QueryCostsRequest(group_by=["session.id", "gen_ai.agent.id"])
        asked.start_at.FromDatetime(now - timedelta(hours=20))
        asked.end_at.FromDatetime(now + timedelta(minutes=2))
        before = await stub.QueryCosts(asked)
        [session] = [cost for cost in before.costs if cost.group["session.id"] == "s"]
        assert (session.group["gen_ai.agent.id"], session.usd) == ("c", pytest.approx(0.125 * (2 + 8)))
        await until(partial(none_pending, database), 60)
        gone = await query(database, ALL_BUT_A_MINUTE, [minute, now - timedelta(hours=5), now - timedelta(hours=1)])
        assert len(gone) > 0
        after = await stub.QueryCosts(asked)
        assert [(dict(cost.group), cost.usd) for cost in after.costs] == [
            (dict(cost.group), pytest.approx(cost.usd)) for cost in before.costs
        ]
        assert after.total.tokens == before.total.tokens

        twice = prices(1, now)
        twice.price_table.prices.append(twice.price_table.prices[0])
        assert (await refusal(stub.CreatePriceTable(twice))).reason == "INVALID_REQUEST"
        backwards = cost_pb2.QueryCostsRequest()
        backwards.start_at.GetCurrentTime()
        backwards.end_at.seconds = int(time.time()) - 3600
        assert (await refusal(stub.QueryCosts(backwards))).fields == ["start_at"]


async def test_what_a_task_used_is_a_part_of_what_its_epic_and_its_project_cost(database: str) -> None:
    async with serving(database) as channel:
        stub: Any = metrics_service_pb2_grpc.MetricsServiceStub(channel)
        now = datetime.now(UTC) - timedelta(minutes=1)
        table = cost_pb2.PriceTable(prices=[cost_pb2.Price(model="m-1", token_type="input", usd_per_million=4)])
        table.effective_at.FromDatetime(now - timedelta(hours=1))
        await stub.CreatePriceTable(cost_pb2.CreatePriceTableRequest(price_table=table))
        # Said once, of the process that works on it; and of a call that is for something else, by the call.
        process = {"task.path": "p/e/t1", "gen_ai.agent.id": "a", "session.id": "s", "host.name": "h"}
        await used(channel, 1_000_000, now, process)
        await used(channel, 500_000, now, process, **{"task.path": "p/e/t2", "gen_ai.agent.id": "b"})
        await used(channel, 250_000, now, **{"task.path": "p/e2/t3"})
        await used(channel, 125_000, now, **{"task.path": "p"})
        await used(channel, 7, now, **{"task.path": "p/e/t2", "gen_ai.request.model": "new"})
        await used(channel, 250_000, now)

        async def asked(*by: str, beneath: str = "") -> tuple[dict[tuple[str, ...], tuple[float, float]], float]:
            request = cost_pb2.QueryCostsRequest(group_by=by, path_dimension="task.path", beneath=beneath)
            answer = await stub.QueryCosts(request)
            names = (*by, "task.path")
            found = {
                tuple(cost.group[name] for name in names): (cost.usd, cost.unpriced_tokens) for cost in answer.costs
            }
            return found, answer.total.usd

        # None of these numbers is rounded by adding: quarters, and powers of two of them.
        assert await asked() == (
            {
                ("p",): (7.5, 7),
                ("p/e",): (6, 7),
                ("p/e/t1",): (4, 0),
                ("p/e/t2",): (2, 7),
                ("p/e2",): (1, 0),
                ("p/e2/t3",): (1, 0),
                ("",): (1, 0),
            },
            8.5,
        )
        assert await asked(beneath="p/e") == ({("p/e",): (6, 7), ("p/e/t1",): (4, 0), ("p/e/t2",): (2, 7)}, 6)
        assert await asked("gen_ai.agent.id", "session.id", beneath="p/e") == (
            {
                ("a", "s", "p/e"): (4, 0),
                ("a", "s", "p/e/t1"): (4, 0),
                ("b", "s", "p/e"): (2, 0),
                ("b", "s", "p/e/t2"): (2, 0),
                ("", "", "p/e"): (0, 7),
                ("", "", "p/e/t2"): (0, 7),
            },
            6,
        )
        assert await asked(beneath="q") == ({}, 0)
        [kept] = await query(database, "SELECT count(*) AS n FROM series WHERE dimensions ? 'host.name'")
        assert kept["n"] == 0

        alone = cost_pb2.QueryCostsRequest(beneath="p")
        assert (await refusal(stub.QueryCosts(alone))).fields == ["beneath"]
        twice = cost_pb2.QueryCostsRequest(group_by=["task.path"], path_dimension="task.path")
        assert (await refusal(stub.QueryCosts(twice))).fields == ["path_dimension"]
