"""OpenTelemetry's exporters pointed at the edge: gRPC and HTTP, packed, in protobuf and in JSON, all are one door."""

import time

import httpx
import pytest
from google.protobuf import json_format
from google.rpc import status_pb2
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.resources import Resource

from tests.stack import Stack
from tests.wire import query, until

SUM = """
    SELECT sum(value * weight) AS sum
    FROM metric_events
    JOIN series ON series.id = series_id
    WHERE service = $1
"""


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
async def test_an_export_counts_once_by_whichever_door_it_comes(
    stack: Stack, temporality: AggregationTemporality
) -> None:
    service = f"agent-{time.time_ns()}"

    def process() -> tuple[InMemoryMetricReader, Counter]:
        reader = InMemoryMetricReader(preferred_temporality={Counter: temporality})
        provider = MeterProvider([reader], Resource({"service.name": service}))
        return reader, provider.get_meter("test").create_counter("calls")

    reader, counter = process()
    url = f"{stack.edge_url}/v1/metrics"
    exporters = [
        GrpcExporter(endpoint=stack.grpc_target, insecure=True),
        HttpExporter(endpoint=url, compression=Compression.Gzip),
        HttpExporter(endpoint=url),
    ]
    counter.add(3)
    data = reader.get_metrics_data()
    for exporter in exporters:
        assert exporter.export(data) is MetricExportResult.SUCCESS
    encoded = json_format.MessageToDict(encode_metrics(data))
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, json=encoded)
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, "application/json")
    assert [row["sum"] for row in await query(stack.database_url("metrics"), SUM, service)] == [3]
    for number, exporter in enumerate(exporters):
        counter.add(10**number)
        last = reader.get_metrics_data()
        assert exporter.export(last) is MetricExportResult.SUCCESS
    assert [row["sum"] for row in await query(stack.database_url("metrics"), SUM, service)] == [114]
    # The process begins anew, and what its predecessor said last comes once more.
    reader, counter = process()
    counter.add(1000)
    restarted = reader.get_metrics_data()
    for exporter, told in zip(exporters, (restarted, last, restarted), strict=True):
        assert exporter.export(told) is MetricExportResult.SUCCESS
        exporter.shutdown()
    assert [row["sum"] for row in await query(stack.database_url("metrics"), SUM, service)] == [1114]


PROTOBUF = "application/x-protobuf"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content-type": "application/x-protobuf"}, b"\xff\xff", 400),
        ({"content-type": "application/json"}, b'{"resourceMetrics": 1}', 400),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"no gzip", 400),
        ({"content-type": "application/x-protobuf", "content-encoding": "zstd"}, b"", 415),
        ({"content-type": "text/plain"}, b"x", 415),
    ],
)
def test_what_is_no_export_is_refused_in_words(stack: Stack, headers: dict[str, str], body: bytes, status: int) -> None:
    answer = httpx.post(f"{stack.edge_url}/v1/metrics", content=body, headers=headers)
    assert answer.status_code == status
    assert told(answer, headers["content-type"]).message


def told(answer: httpx.Response, sent: str) -> status_pb2.Status:
    """The google.rpc.Status of an error, which comes as protobuf to whoever sent that."""
    if sent != PROTOBUF:
        found = status_pb2.Status(code=answer.json()["code"], message=answer.json()["message"])
        assert answer.headers["content-type"] == "application/json"
        return found
    assert answer.headers["content-type"] == PROTOBUF
    return status_pb2.Status.FromString(answer.content)


@pytest.mark.parametrize("content_type", ["application/json", PROTOBUF])
def test_a_refusal_by_edge_or_service_is_a_status_in_the_form_of_the_request(guarded: Stack, content_type: str) -> None:
    """401, 413 by the edge; 400 and 429 with the time to wait by the service."""
    with httpx.Client(base_url=guarded.edge_url, timeout=30) as http:
        admin = {"x-api-key": guarded.admin_key}
        body = {"owner": "otlp", "roles": ["ingest"], "rate_per_minute": 1}
        key = http.post("/v1/keys", json=body, headers=admin).json()["api_key"]
        headers = {"content-type": content_type, "x-api-key": key}
        empty = b"" if content_type == PROTOBUF else b"{}"
        refused = http.post("/v1/metrics", content=empty, headers={"content-type": content_type})
        assert (refused.status_code, told(refused, content_type).code) == (401, 16)
        large = http.post("/v1/metrics", content=b" " * 6_000_000, headers=headers)
        assert (large.status_code, told(large, content_type).code) == (413, 8)
        assert http.post("/v1/metrics", content=empty, headers=headers).status_code == 200
        limited = http.post("/v1/metrics", content=empty, headers=headers)
        assert (limited.status_code, told(limited, content_type).code) == (429, 8)
        assert "calls a minute" in told(limited, content_type).message
        assert int(limited.headers["retry-after"]) >= 1
        unread = http.post("/v1/metrics", content=empty, headers={**headers, "content-encoding": "zstd"})
        assert (unread.status_code, told(unread, content_type).code) == (415, 3)


async def test_what_services_count_is_with_the_metrics_without_anybody_having_asked(stack: Stack) -> None:
    """Calls of a tool, in tools; the metrics hear of them by the same door as of all others."""
    name = f"told-{time.time_ns()}"
    tool = {"name": name, "description": "Fails.", "http": {"method": "GET", "url": "https://nowhere.invalid/"}}
    async with httpx.AsyncClient(base_url=stack.edge_url, timeout=60) as http:
        assert (await http.post("/v1/tools", json=tool)).status_code == 201
        for _ in range(3):
            await http.post(f"/v1/tools/{name}:invoke", json={"input": {}})
    found = await until(lambda: query(stack.database_url("metrics"), TOLD, name), 60)
    assert [(row["service"], row["status"], row["sum"]) for row in found] == [("qmcp-tools", "failed", 3)]


async def test_access_tells_what_it_counts_where_callers_need_a_key_too(guarded: Stack) -> None:
    found = await until(lambda: query(guarded.database_url("metrics"), OF_ACCESS), 60)
    assert [row["principal"] for row in found] == ["access"]


OF_ACCESS = "SELECT DISTINCT principal FROM series WHERE service = 'qmcp-access'"
TOLD = """
    SELECT service, dimensions ->> 'status' AS status, sum(value * weight) AS sum
    FROM metric_events
    JOIN series ON series.id = series_id
    WHERE dimensions ->> 'metric_name' = 'qmcp_tool_invocations_total'
      AND dimensions ->> 'tool' = $1
    GROUP BY service, status
"""
