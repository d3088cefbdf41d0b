"""What Prometheus is shown: the original's instruments and names, labels whose number is bounded, and the same by OTLP."""

import asyncio
import gzip
import json
import math
import re
import shutil
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest
import yaml
from aiohttp import web
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from prometheus_client import CollectorRegistry, Counter
from qmcp.metrics.v1 import metric_pb2, metrics_service_pb2, metrics_service_pb2_grpc

from devstack import ports
from services.metrics.exposition.instruments import Instruments
from services.metrics.exposition.labels import Labels
from services.metrics.exposition.page import AvailableTokens
from services.metrics.exposition.push import Push
from services.metrics.models import Events, Series, Source
from services.metrics.server import compose
from services.metrics.settings import Settings
from tests.k8s.render import ROOT
from tests.metrics.service import KEYS
from tests.wire import scraped, until


def stored(kind: str, value: float, duration_ms: float = math.nan, **dimensions: str) -> Events:
    """A request with one event."""
    series = Series.of(Source("p", "s"), kind, tuple(dimensions.items()))
    columns = np.array([0]), np.array([0]), np.array([value]), np.array([duration_ms]), np.array([0])
    return Events(1, [series], *columns, {}, 64)


def test_labels_are_those_that_are_allowed_and_of_each_only_the_first_values_have_their_own() -> None:
    labels = Labels(("tool_name", "success"), 3, 10, 100)
    assert labels.names == ("service", "tool_name", "success")
    assert labels.of("s", {"tool_name": "a b\u00e9{}" + "x" * 50, "success": "True", "secret": "x"}) == (
        "s",
        "a_b___xxxx",
        "true",
    )
    found = {labels.of("s", {"tool_name": f"t{number}"})[1] for number in range(200)}
    assert found == {"t0", "t1", "_other"}, "one value had its place already"
    assert labels.of("s", {"tool_name": "t1"})[1] == "t1", "what has a place keeps it"


def test_combinations_are_bounded_too() -> None:
    labels = Labels(("a", "b"), 150, 96, 5)
    found = {labels.of("s", {"a": str(a), "b": str(b)}) for a in range(10) for b in range(10)}
    assert len(found) == 6
    assert ("_other", "_other", "_other") in found


def test_what_is_less_than_nothing_takes_nothing_from_a_counter() -> None:
    instruments = Instruments((1.0,), Labels((), 10, 10, 10))
    instruments.observe([stored("auth_request", 3.0), stored("auth_request", -5.0), stored("custom", 7.0)])
    registry = CollectorRegistry()
    registry.register(instruments)
    labels = {"service": "s", "metric_type": "auth_request"}
    assert registry.get_sample_value("mcp_auth_requests_total", labels) == 3
    assert registry.get_sample_value("mcp_auth_request_duration_seconds_count", labels) is None


def test_what_many_requests_stored_is_counted_at_once_as_one_by_one() -> None:
    together, alone = (Instruments((0.5, 2.0), Labels(("n",), 150, 10, 100)) for _ in range(2))
    kinds = ("tool_execution", "protocol_latency", "custom", "health_check")
    batch = [
        stored(kind, number * 0.25, 100.0 * number if number % 3 else math.nan, n=str(number % 20))
        for number, kind in enumerate(kinds * 30)
    ]
    together.observe(batch)
    for each in batch:
        alone.observe([each])
    shown, expected = ([(each.name, each.samples) for each in one.collect()] for one in (together, alone))
    assert shown == expected
    counts = {name: sum(s.value for s in samples if s.name == f"{name}_count") for name, samples in shown}
    assert counts["mcp_tool_execution_duration_seconds"] == 20
    # Its values are seconds: the 1st of these is 0.25, and each is 1 more than the one before.
    assert counts["mcp_protocol_latency_seconds"] == 30
    [latencies] = [samples for name, samples in shown if name == "mcp_protocol_latency_seconds"]
    assert sum(s.value for s in latencies if s.labels.get("le") == "2.0") == 2


@asynccontextmanager
async def serving(database: str, **settings: Any) -> AsyncIterator[tuple[Settings, Any]]:
    free = {name: ports.free() for name in ("grpc_port", "metrics_port", "metrics_prometheus_port")}
    chosen = Settings(database_url=database, **{**free, "metrics_secrets_key_file": KEYS / "secrets-key", **settings})
    async with compose(chosen), grpc.aio.insecure_channel(f"127.0.0.1:{chosen.grpc_port}") as channel:
        yield chosen, metrics_service_pb2_grpc.MetricsServiceStub(channel)


def event(kind: str, value: float = 1, duration_ms: float | None = None, **dimensions: str) -> metric_pb2.Metric:
    return metric_pb2.Metric(type=kind, value=value, duration_ms=duration_ms, dimensions=dimensions)


EVENTS = [
    event("auth_request", 2, 40, method="jwt", success="True"),
    event("tool_discovery", 1, 20),
    event("tool_execution", 1, 100, tool_name="echo"),
    event("tool_execution", 1, 300, tool_name="echo"),
    event("health_check", 1, 5),
    event("protocol_latency", 0.2),
    event("registry_operation", 1, 10),
    event("custom", 9),
]


async def sent(stub: Any, events: list[metric_pb2.Metric]) -> None:
    await stub.IngestMetrics(metrics_service_pb2.IngestMetricsRequest(service="mcp-1", metrics=events))


async def asked_over_http(settings: Settings) -> None:
    """A call as the edge makes it of one over HTTP."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.grpc_port}") as channel:
        ask: Any = channel.unary_unary("/qmcp.metrics.v1.MetricsService/GetRateLimit")
        await ask(b"", metadata=(("x-envoy-original-method", "GET"),))


def test_tokens_come_back_evenly_and_no_more_than_there_are() -> None:
    tokens = AvailableTokens(2)
    for caller, rate, remaining in (("a", 1, 0.0), ("b", 60_000_000, 5.0), ("c", 100, 100.0)):
        tokens.tell(caller, rate, remaining)
    family, rates = tokens.collect()
    shown = {sample.labels["service"]: sample.value for sample in family.samples}
    assert set(shown) == {"b", "c"}, "those that called last"
    assert shown["b"] > 5
    assert shown["c"] == 100
    assert {sample.labels["service"]: sample.value for sample in rates.samples} == {"b": 60_000_000, "c": 100}


def shown_and_alerted() -> dict[str, str]:
    """The questions of the panels and rules of this service, by what they are to be seen as."""
    folder = ROOT / "k8s" / "base" / "metrics"
    panels = json.loads((folder / "dashboards" / "metrics.json").read_text())["panels"]
    asked = {
        f"{panel['title']} {target['legendFormat']}": target["expr"].replace("$job", "metrics-service")
        for panel in panels
        for target in panel["targets"]
    }
    assert {"Request Rate", "Error Rate", "Rate Limit Usage"} <= {panel["title"] for panel in panels}
    (group,) = yaml.safe_load((folder / "alerts" / "metrics.yml").read_text())["groups"]
    # What a rule compares is there, or the rule could never fire; `http_requests` has no errors here.
    compared = {rule["alert"]: rule["expr"].replace("5..", "2..") for rule in group["rules"]}
    return asked | {name: re.sub(r" (==|<|>) [0-9.]+", "", expr) for name, expr in compared.items()}


@pytest.mark.promise("M11", "M13", "M30", "M31", "M32", "M33", "M34", "M35")
async def test_a_prometheus_that_scrapes_it_answers_with_the_numbers_that_were_sent(
    database: str, tmp_path: Path
) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("NOT TESTED: there is no prometheus here that could scrape")
    async with serving(database) as (settings, stub):
        await sent(stub, EVENTS)
        await asked_over_http(settings)
        port, page = ports.free(), settings.metrics_prometheus_port
        job = {"job_name": "metrics-service", "static_configs": [{"targets": [f"127.0.0.1:{page}"]}]}
        config = tmp_path / "prometheus.yml"
        config.write_text(json.dumps({"global": {"scrape_interval": "100ms"}, "scrape_configs": [job]}))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
        process = await asyncio.create_subprocess_exec(
            *command, f"--web.listen-address=127.0.0.1:{port}", stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with aiohttp.ClientSession() as session:

                async def ask(query: str) -> list[Any]:
                    try:
                        url = f"http://127.0.0.1:{port}/api/v1/query"
                        async with session.get(url, params={"query": query}) as answer:
                            return (await answer.json())["data"]["result"] if answer.status == 200 else []
                    except aiohttp.ClientConnectionError:
                        return []

                (executions,) = await until(lambda: ask("mcp_tool_executions_total"), 120)
                assert executions["value"][1] == "2"
                assert executions["metric"] | {"instance": ""} == {
                    "__name__": "mcp_tool_executions_total",
                    "instance": "",
                    "job": "metrics-service",
                    "service": "mcp-1",
                    "metric_type": "tool_execution",
                    "tool_name": "echo",
                }
                quantile = "histogram_quantile(0.5, sum by (le) (mcp_tool_execution_duration_seconds_bucket))"
                asked = {
                    "sum(mcp_auth_requests_total)": 2,
                    "mcp_auth_requests_total{method='jwt',success='true'}": 2,
                    "sum(mcp_tool_discovery_total)": 1,
                    "sum(mcp_health_checks_total)": 1,
                    "mcp_tool_execution_duration_seconds_sum": 0.4,
                    "sum(mcp_protocol_latency_seconds_bucket{le='0.25'})": 1,
                    "count(mcp_auth_request_duration_seconds_count)": 1,
                    "count(mcp_tool_discovery_duration_seconds_count)": 1,
                    "count(mcp_health_check_duration_seconds_count)": 1,
                    quantile: 0.1,
                    # Of a thousand calls a minute the first was made, and comes back within a moment.
                    "rate_limit_available_tokens{service='local'} > 990": None,
                    "sum(qmcp_grpc_requests_total) > 0": None,
                    "http_requests_total{method='GET',endpoint='/v1/rate-limit',status='200'}": 1,
                }
                for query, expected in asked.items():
                    (found,) = await until(lambda query=query: ask(query), 60)
                    assert expected is None or float(found["value"][1]) == pytest.approx(expected), query
                for what, query in shown_and_alerted().items():
                    assert await until(lambda query=query: ask(query), 60), what
        finally:
            process.terminate()
            await process.wait()


@pytest.mark.promise("M13")
@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
async def test_the_same_goes_by_otlp_to_a_collector(database: str, temporality: str) -> None:
    received: list[ExportMetricsServiceRequest] = []
    headers = []

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        packed = request.headers.get("content-encoding") == "gzip"
        received.append(ExportMetricsServiceRequest.FromString(gzip.decompress(body) if packed else body))
        headers.append(request.headers.get("x-tenant"))
        return web.Response()

    application = web.Application()
    application.router.add_post("/v1/metrics", take)
    runner = web.AppRunner(application)
    await runner.setup()
    port = ports.free()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    chosen = {
        "metrics_otlp_endpoint": f"http://127.0.0.1:{port}",
        "metrics_otlp_export_interval_ms": 20,
        "metrics_otlp_headers": "x-tenant=t1",
        "metrics_otlp_temporality": temporality,
        "metrics_otlp_service_name": "front",
        "metrics_prometheus_enabled": False,
        "metrics_histogram_buckets": (0.15, 1.0),
    }
    try:
        async with serving(database, **chosen) as (settings, stub):
            with pytest.raises(aiohttp.ClientConnectionError):
                await scraped(settings.metrics_prometheus_port)
            await sent(stub, EVENTS)
            await until(lambda: _sum(received, temporality), 60)
            await sent(stub, EVENTS)
    finally:
        await runner.cleanup()
    assert (await _sum(received, temporality)) == 4, "what was left is sent at the end"
    assert set(headers) == {"t1"}
    resource = {each.key: each.value.string_value for each in received[0].resource_metrics[0].resource.attributes}
    assert resource["service.name"] == "front"
    point = _points(received[-1] if temporality == "cumulative" else received[0], "mcp_tool_execution_duration_seconds")
    assert not point or list(point[0].explicit_bounds) == [0.15, 1.0]


async def test_an_export_that_is_under_way_when_a_service_ends_is_not_told_again_by_the_last() -> None:
    registry = CollectorRegistry()
    Counter("qmcp_told", "What is told.", registry=registry).inc(2)
    may_end = threading.Event()
    told: list[float | None] = []

    class Collector(OTLPMetricExporter):
        def export(self, metrics_data: MetricsData, *_: Any, **__: Any) -> MetricExportResult:
            [metric] = metrics_data.resource_metrics[0].scope_metrics[0].metrics
            told.append(getattr(metric.data.data_points[0], "value", None))
            may_end.wait(30)
            return MetricExportResult.SUCCESS

    pushing = Push(Collector(), registry, "front", "delta")
    running = asyncio.create_task(pushing.run(0))
    await until(lambda: _listed(told), 30)
    running.cancel()
    last = asyncio.create_task(pushing.send())
    await asyncio.sleep(0.05)
    may_end.set()
    await last
    assert told == [2.0, 0.0]


async def _listed(told: Sequence[float | None]) -> Sequence[float | None]:
    return told


def _points(request: ExportMetricsServiceRequest, name: str) -> list[Any]:
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    found = [getattr(metric, str(metric.WhichOneof("data"))) for metric in metrics if metric.name == name]
    return [point for data in found for point in data.data_points]


async def _sum(received: list[ExportMetricsServiceRequest], temporality: str) -> float:
    values = [[point.as_double for point in _points(each, "mcp_tool_executions_total")] for each in received]
    return sum(map(sum, values)) if temporality == "delta" else sum(values[-1]) if values else 0
