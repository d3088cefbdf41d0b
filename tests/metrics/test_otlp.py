"""OpenTelemetry's own SDK exports over gRPC to a replica: the sums are right whatever is sent twice or begins anew."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from qmcp.metrics.v1 import metrics_service_pb2_grpc as ours_grpc
from qmcp.metrics.v1 import query_pb2

from servicekit.postgres import database as opened
from services.metrics.otlp.exports import Exports, SeriesLimits
from services.metrics.server import compose
from tests.metrics.service import settings_for
from tests.wire import query

TEMPORALITIES = [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA]
SUMS = """
    SELECT dimensions ->> 'metric_name' AS name, sum(value * weight) AS sum, sum(weight)::bigint AS count
    FROM metric_events
    JOIN series ON series.id = series_id
    GROUP BY 1
    ORDER BY 1
"""


class Process:
    """A process of somebody's with the SDK in it."""

    def __init__(self, temporality: AggregationTemporality, service: str = "agent") -> None:
        self._reader = InMemoryMetricReader(preferred_temporality=dict.fromkeys((Counter, Histogram), temporality))
        views = [View(instrument_name="spread", aggregation=ExponentialBucketHistogramAggregation())]
        self._provider = MeterProvider([self._reader], Resource({"service.name": service}), views=views)
        meter = self._provider.get_meter("test")
        self.calls = meter.create_counter("calls")
        self.seconds = meter.create_histogram("seconds", unit="s")
        self.spread = meter.create_histogram("spread")
        self.level = meter.create_gauge("level")

    def export(self) -> Any:
        """What its next export is."""
        return self._reader.get_metrics_data()


@dataclass
class Replica:
    port: int
    database: str

    async def take(self, export: Any) -> None:
        exporter = OTLPMetricExporter(endpoint=f"127.0.0.1:{self.port}", insecure=True)
        try:
            assert await asyncio.to_thread(exporter.export, export) is MetricExportResult.SUCCESS
        finally:
            exporter.shutdown()

    async def sums(self) -> dict[str, tuple[float, int]]:
        rows = await query(self.database, SUMS)
        return {row["name"]: (pytest.approx(row["sum"]), row["count"]) for row in rows}


def request(*metrics: metrics_pb2.Metric) -> metrics_service_pb2.ExportMetricsServiceRequest:
    scope = metrics_pb2.ScopeMetrics(metrics=metrics)
    of_resource = metrics_pb2.ResourceMetrics(scope_metrics=[scope])
    return metrics_service_pb2.ExportMetricsServiceRequest(resource_metrics=[of_resource])


@asynccontextmanager
async def serving(database: str, **changes: Any) -> AsyncIterator[Replica]:
    async with compose(settings_for(database, **changes)) as server:
        yield Replica(server.port, database)


@pytest.mark.parametrize("temporality", TEMPORALITIES, ids=lambda each: each.name.lower())
async def test_an_sdk_delivers_the_right_sums_over_restarts_and_duplicates(
    database: str, temporality: AggregationTemporality
) -> None:
    async with serving(database) as one, serving(database) as other:
        process = Process(temporality)
        process.calls.add(5, {"tool": "a"})
        process.calls.add(1, {"tool": "b"})
        for each in (0.25, 0.5, 30):
            process.seconds.record(each)
            process.spread.record(each)
        first = process.export()
        await one.take(first)
        # Its sender had no answer, and another replica hears of it.
        await other.take(first)
        process.calls.add(2, {"tool": "a"})
        process.seconds.record(1.5)
        process.spread.record(1.5)
        second = process.export()
        await other.take(second)
        expected = {"calls": (8.0, None), "seconds": (32.25, 4), "spread": (32.25, 4)}
        found = await one.sums()
        assert {name: found[name][0] for name in expected} == {name: total for name, (total, _) in expected.items()}
        assert {name: found[name][1] for name in ("seconds", "spread")} == {"seconds": 4, "spread": 4}
        # The process begins anew, and its predecessor's last exports come once more, late.
        restarted = Process(temporality)
        restarted.calls.add(1, {"tool": "a"})
        restarted.seconds.record(2)
        await one.take(restarted.export())
        await asyncio.gather(one.take(second), other.take(first), one.take(second))
        found = await one.sums()
        assert found["calls"][0] == 9.0
        assert found["seconds"] == (34.25, 5)


async def test_what_was_exported_is_asked_about_with_its_counts_and_sums(database: str) -> None:
    async with serving(database) as one, grpc.aio.insecure_channel(f"127.0.0.1:{one.port}") as channel:
        process = Process(AggregationTemporality.CUMULATIVE)
        for _ in range(50):
            process.seconds.record(0.25)
            process.seconds.record(30)
        await one.take(process.export())
        request = query_pb2.QueryMetricsRequest(group_by=["metric_name"], quantiles=[0.25, 0.75])
        answer = await ours_grpc.MetricsServiceStub(channel).QueryMetrics(request)
        (series,) = answer.series
        (point,) = series.points
        assert series.group["metric_name"] == "seconds"
        assert (point.count, point.sum) == (100, pytest.approx(1512.5))
        low, high = point.quantiles
        assert low.value <= 5
        assert 25 <= high.value <= 50, "the bucket of the SDK in which 30 is"
        assert low.approximate, "what came in buckets is told as such"


async def test_many_exports_of_one_series_at_once_count_each_once(database: str) -> None:
    async with serving(database) as one, serving(database) as other:
        process = Process(AggregationTemporality.CUMULATIVE)
        exports = []
        for _ in range(8):
            process.calls.add(1)
            exports.append(process.export())
        await asyncio.gather(*(replica.take(each) for each in exports for replica in (one, other)))
        assert (await one.sums())["calls"][0] == 8.0


async def test_who_sent_it_and_what_it_is_of_are_the_resource_and_the_attributes(database: str) -> None:
    async with serving(database) as one:
        process = Process(AggregationTemporality.CUMULATIVE, service="my agent: 1")
        process.level.set(7, {"gen_ai.request.model": "m-1", "retry": True})
        await one.take(process.export())
        (row,) = await query(database, "SELECT * FROM series")
        assert (row["service"], row["type"], row["principal"]) == ("my_agent__1", "custom", "local")
        assert row["dimensions"] == '{"retry": "true", "metric_name": "level", "gen_ai.request.model": "m-1"}'


async def test_points_that_break_a_rule_are_told_and_the_others_kept(database: str) -> None:
    def metric(name: str, **point: Any) -> metrics_pb2.Metric:
        fields = {"as_int": 1, "time_unix_nano": now} | point
        return metrics_pb2.Metric(
            name=name, gauge=metrics_pb2.Gauge(data_points=[metrics_pb2.NumberDataPoint(**fields)])
        )

    now = time.time_ns()
    many = metrics_pb2.HistogramDataPoint(
        count=2**64 - 1, sum=1, bucket_counts=[2**64 - 1], time_unix_nano=now, start_time_unix_nano=1
    )
    long = {"attributes": [KeyValue(key="a", value=AnyValue(string_value="x" * 201))]}
    metrics = [
        metric("good"),
        metric("ahead", time_unix_nano=now + 10**12),
        metric("old", time_unix_nano=1),
        metric("long", **long),
        metric("huge", as_double=1e13),
        metric("n\x00l"),
        metrics_pb2.Metric(name="many", histogram=metrics_pb2.Histogram(data_points=[many], aggregation_temporality=1)),
    ]
    async with serving(database) as one, grpc.aio.insecure_channel(f"127.0.0.1:{one.port}") as channel:
        stub = metrics_service_pb2_grpc.MetricsServiceStub(channel)
        answer = await stub.Export(request(*metrics))
        assert answer.partial_success.rejected_data_points == 6
        told = answer.partial_success.error_message
        assert all(f"{name}: " in told for name in ("ahead", "old", "long", "huge", "n\x00l", "many"))
        assert list(await one.sums()) == ["good"]
        whole = await stub.Export(request(metric("good", time_unix_nano=now + 1)))
        assert not whole.HasField("partial_success"), "where all is taken the answer is empty, as the standard says"


@pytest.mark.parametrize("sent", ["points", "scopes"])
async def test_an_export_of_much_that_is_nothing_is_refused_before_it_is_looked_at(database: str, sent: str) -> None:
    points = [metrics_pb2.NumberDataPoint()] * (50_001 if sent == "points" else 0)
    export = request(metrics_pb2.Metric(name="n", gauge=metrics_pb2.Gauge(data_points=points)))
    if sent == "scopes":
        export.resource_metrics[0].scope_metrics.extend([metrics_pb2.ScopeMetrics()] * 400_000)
    async with serving(database) as one, grpc.aio.insecure_channel(f"127.0.0.1:{one.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="in parts"):
            await metrics_service_pb2_grpc.MetricsServiceStub(channel).Export(export)


async def test_what_is_remembered_of_series_ends_with_what_is_kept_of_their_events(database: str) -> None:
    process = Process(AggregationTemporality.CUMULATIVE)
    process.calls.add(1)
    async with serving(database) as one:
        await one.take(process.export())
    await query(database, "UPDATE otlp_series SET seen_on = current_date - 90")
    async with opened(database, 2, "test") as db, db.connection() as connection:
        exports = Exports(db, 90, SeriesLimits(9, 9_000), CollectorRegistry())
        await exports.forget(connection)
        assert len(await query(database, "SELECT FROM otlp_series")) == 1
        await query(database, "UPDATE otlp_series SET seen_on = current_date - 91")
        await exports.forget(connection)
        assert not await query(database, "SELECT FROM otlp_series")


@pytest.mark.parametrize("limits", [{"metrics_otlp_max_series": 50}, {"metrics_otlp_max_state_bytes": 1500}])
async def test_of_one_caller_only_so_much_is_remembered_and_nothing_counts_twice(
    database: str, limits: dict[str, int]
) -> None:
    """Totals of more series than are remembered, each told three times: what is let go is told, and counts once or less."""

    def total(name: str, value: int, at: int) -> metrics_pb2.Metric:
        point = metrics_pb2.NumberDataPoint(as_int=value, time_unix_nano=at, start_time_unix_nano=began)
        data = metrics_pb2.Sum(
            data_points=[point],
            is_monotonic=True,
            aggregation_temporality=metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE,
        )
        return metrics_pb2.Metric(name=name, sum=data)

    began = time.time_ns() - 10**9
    warnings = []
    async with serving(database, **limits) as one, grpc.aio.insecure_channel(f"127.0.0.1:{one.port}") as channel:
        stub = metrics_service_pb2_grpc.MetricsServiceStub(channel)
        for turn in range(1, 4):
            for part in range(10):
                sent = [total(f"m{part}-{n}", turn * 10, began + turn) for n in range(10)]
                answer = await stub.Export(request(*sent))
                assert answer.partial_success.rejected_data_points == 0
                warnings.append(answer.partial_success.error_message)
        [kept] = await query(database, "SELECT * FROM otlp_callers")
        [counted] = await query(
            database, "SELECT count(*) AS series, sum(octet_length(state)) AS bytes FROM otlp_series"
        )
        assert (kept["series"], kept["bytes"]) == (counted["series"], counted["bytes"])
        assert kept["series"] <= 60
        assert not any(warnings[:2])
        assert all("told of longest ago" in each for each in warnings[-5:])
        sums = {row["name"]: row["sum"] for row in await query(database, SUMS)}
        assert max(sums.values()) <= 30, "no total counts more than it is"
        assert min(sums[f"m0-{n}"] for n in range(10)) >= 10, "what was told before any was let go counts"
