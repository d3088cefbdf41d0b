"""The metrics service under the contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qmcp.metrics.v1 import metric_pb2, metrics_service_pb2

from services.metrics import server as metrics_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Slow, Subject, held_up


def _measured(number: int) -> metrics_service_pb2.IngestMetricsRequest:
    return metrics_service_pb2.IngestMetricsRequest(
        service="tests", metrics=[metric_pb2.Metric(type="custom", value=number)]
    )


@asynccontextmanager
async def _slow_get(running: Running) -> AsyncIterator[Slow]:
    async with held_up(running, "GetRateLimit", running.request("GetRateLimit"), "rate_buckets") as slow:
        yield slow


SUBJECT = Subject(
    name="metrics",
    service=metrics_service_pb2.DESCRIPTOR.services_by_name["MetricsService"],
    settings=metrics_server.Settings,
    compose=metrics_server.compose,
    variables=lambda _: {},
    listings={},
    effects={"IngestMetrics": Effect(_measured, lambda answer: answer.request_id)},
    sights={},
    shared={
        "IngestMetrics": "makes what is the caller's own",
        "FlushMetrics": "writes what is buffered, whosever it is, and shows nothing of it",
    },
    slow=_slow_get,
    lasting={},
    words=("custom", "auth_request", "buffered", "committed", "tests"),
)
