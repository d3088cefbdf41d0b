"""What the tests of the metrics service work with: replicas composed in this process, real stubs, rows behind them."""

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from qmcp.metrics.v1 import metric_pb2, metrics_service_pb2, metrics_service_pb2_grpc

from devstack import ports
from services.metrics.server import compose
from services.metrics.settings import Settings
from tests.wire import query

pb = metrics_service_pb2


@dataclass
class Replica:
    """A running metrics service and a stub on it."""

    port: int
    stub: metrics_service_pb2_grpc.MetricsServiceStub
    channel: grpc.aio.Channel
    settings: Settings

    async def ingest(self, *metrics: Any, **fields: Any) -> pb.IngestedMetrics:
        return await self.stub.IngestMetrics(ingestion(*metrics, **fields))

    async def rows(self, service: str = "tests") -> list[dict[str, Any]]:
        """The events of a service as they are kept, with what they have in common."""
        found = await query(
            self.settings.database_url,
            """
            SELECT at, value, duration_ms, request, position, metadata, principal, version, instance_id, type, dimensions
            FROM metric_events
            JOIN series ON series.id = series_id
            WHERE service = $1
            ORDER BY request, position
            """,
            service,
        )
        return [dict(row) for row in found]


# The key that seals what tests keep secret.
KEYS = Path(tempfile.mkdtemp(prefix="qmcp-metrics-"))
atexit.register(shutil.rmtree, KEYS, ignore_errors=True)

Start = Callable[..., Awaitable[Replica]]


def event(**fields: Any) -> metric_pb2.Metric:
    """An event from its JSON form: one that is taken unless something else is said."""
    return json_format.ParseDict({"type": "custom", "value": 1, **fields}, metric_pb2.Metric())


def ingestion(*metrics: Any, **fields: Any) -> pb.IngestMetricsRequest:
    """A request from the JSON form of its fields and the events, or one event."""
    events = [each if isinstance(each, metric_pb2.Metric) else event(**each) for each in metrics or ({},)]
    request = json_format.ParseDict({"service": "tests", **fields}, pb.IngestMetricsRequest())
    request.metrics.extend(events)
    return request


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[Replica]:
    # The channel outlives the server, so that callers see how their calls end when it stops.
    async with AsyncExitStack() as after, compose(settings) as server:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = await after.enter_async_context(
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=options)
        )
        yield Replica(server.port, metrics_service_pb2_grpc.MetricsServiceStub(channel), channel, settings)


def settings_for(url: str, **changes: Any) -> Settings:
    wanted = {
        "database_url": url,
        "grpc_port": 0,
        "metrics_port": ports.free(),
        "metrics_prometheus_enabled": False,
        "metrics_secrets_key_file": KEYS / "secrets-key",
        "database_pool_size": 5,
        "shutdown_grace_seconds": 0.5,
        # Only tests of the limit meet it.
        "metrics_rate_limit": 0,
    }
    return Settings(**{**wanted, **changes})
