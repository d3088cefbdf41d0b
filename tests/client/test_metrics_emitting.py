"""Metrics in the background: by the original's names, again where that can help, bounded, and sent when a program ends."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import json_format
from qmcp.client.metrics.emitting import MetricsClient
from qmcp.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc


class FakeMetrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    """Keeps what it is sent; refuses as often as it is told to."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[metrics_service_pb2.IngestMetricsRequest] = []
        self.refusals: list[grpc.StatusCode] = []
        self.open = threading.Event()
        self.open.set()

    def IngestMetrics(
        self, request: metrics_service_pb2.IngestMetricsRequest, context: grpc.ServicerContext
    ) -> metrics_service_pb2.IngestedMetrics:
        self.open.wait(30)
        self.requests.append(request)
        if self.refusals:
            context.abort(self.refusals.pop(), "refused")
        return metrics_service_pb2.IngestedMetrics(accepted=len(request.metrics))

    def events(self) -> list[dict[str, object]]:
        found = [json_format.MessageToDict(each) for request in self.requests for each in request.metrics]
        return [{name: value for name, value in event.items() if name != "at"} for event in found]


@pytest.fixture
def fake() -> Iterator[FakeMetrics]:
    fake = FakeMetrics()
    with ThreadPoolExecutor(4) as threads:
        server = grpc.server(threads)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(fake, server)
        fake.port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield fake
        fake.open.set()
        server.stop(0).wait()


async def test_the_names_of_the_original_become_events_with_its_dimensions(fake: FakeMetrics) -> None:
    with MetricsClient("mcp-1", "1.2.0", "i-1", metrics_url=f"127.0.0.1:{fake.port}") as client:
        assert await client.emit_auth_metric(True, "jwt", 12.5, server_name="s", error_code="E1")
        assert await client.emit_registry_metric("create", "server", False, 1.0, resource_id="r")
        assert await client.emit_discovery_metric("q" * 200, 5, 50.0, top_n_tools=3, embedding_time_ms=2.5)
        assert client.emit_tool_execution_metric_sync("echo", "/s", "S", True, 200.0, 10, 20, client_name="c")
        assert client.emit_health_metric_sync("/health", 200, 10.0)
        assert client.emit_custom_metric_sync("queue", 7, dimensions={"shard": 1})
        assert await client.emit_metrics_batch([{"type": "protocol_latency", "value": 0.2}, {"value": 3}])
        assert client.flush()
    assert (fake.requests[0].service, fake.requests[0].version, fake.requests[0].instance_id) == (
        "mcp-1",
        "1.2.0",
        "i-1",
    )
    assert fake.events() == [
        {
            "type": "auth_request",
            "value": 1.0,
            "durationMs": 12.5,
            "dimensions": {"success": "true", "method": "jwt", "server": "s"},
            "metadata": {"error_code": "E1"},
        },
        {
            "type": "registry_operation",
            "value": 1.0,
            "durationMs": 1.0,
            "dimensions": {"operation": "create", "resource_type": "server", "success": "false", "resource_id": "r"},
        },
        {
            "type": "tool_discovery",
            "value": 1.0,
            "durationMs": 50.0,
            "dimensions": {"query": "q" * 100, "results_count": "5", "top_n_tools": "3"},
            "metadata": {"embedding_time_ms": 2.5},
        },
        {
            "type": "tool_execution",
            "value": 1.0,
            "durationMs": 200.0,
            "dimensions": {
                "tool_name": "echo",
                "server_path": "/s",
                "server_name": "S",
                "success": "true",
                "client_name": "c",
            },
            "metadata": {"input_size_bytes": 10.0, "output_size_bytes": 20.0},
        },
        {
            "type": "health_check",
            "value": 1.0,
            "durationMs": 10.0,
            "dimensions": {"endpoint": "/health", "status_code": "200", "healthy": "true"},
        },
        {"type": "custom", "value": 7.0, "dimensions": {"shard": "1", "metric_name": "queue"}},
        {"type": "protocol_latency", "value": 0.2},
        {"type": "custom", "value": 3.0},
    ]


def test_what_fails_is_sent_again_under_its_key_and_what_is_refused_is_not(fake: FakeMetrics) -> None:
    fake.refusals = [grpc.StatusCode.UNAVAILABLE] * 5
    with MetricsClient("mcp-1", metrics_url=f"127.0.0.1:{fake.port}", flush_seconds=0.01) as client:
        assert client.emit_custom_metric_sync("a", 1)
        assert client.flush(60)
        keys = [request.idempotency_key for request in fake.requests]
        assert (len(keys), len(set(keys))) == (6, 1)
        assert client.dropped == 0
        fake.refusals = [grpc.StatusCode.PERMISSION_DENIED]
        assert client.emit_custom_metric_sync("b", 1)
        assert client.flush(60)
        assert (len(fake.requests), client.dropped) == (7, 1)
        assert fake.requests[-1].idempotency_key not in keys


def test_no_more_wait_than_may_and_they_go_many_at_a_time(fake: FakeMetrics) -> None:
    fake.open.clear()
    with MetricsClient(
        "mcp-1", metrics_url=f"127.0.0.1:{fake.port}", batch_size=10, flush_seconds=60, max_waiting=30
    ) as client:
        taken = [client.emit_custom_metric_sync("a", number) for number in range(100)]
        # One batch may be on its way already.
        assert 30 <= sum(taken) <= 40
        assert client.dropped == 100 - sum(taken)
        fake.open.set()
        assert client.flush(60)
        assert sum(len(request.metrics) for request in fake.requests) == sum(taken)
        assert {len(request.metrics) for request in fake.requests} == {10}


PROGRAM = """
import sys
from qmcp.client.metrics.emitting import MetricsClient
client = MetricsClient("mcp-1", metrics_url=sys.argv[1], flush_seconds=3600)
for number in range(3):
    client.emit_custom_metric_sync("a", number)
"""


def test_a_program_that_ends_sends_what_waits(fake: FakeMetrics) -> None:
    command = [sys.executable, "-c", PROGRAM, f"127.0.0.1:{fake.port}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [event["value"] for event in fake.events()] == [0.0, 1.0, 2.0]
