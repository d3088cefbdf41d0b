"""What a service counts goes to whoever keeps metrics: totals, what changed alone, and nobody waits for it."""

import asyncio
from contextlib import asynccontextmanager

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from servicekit.reporting import reporting
from servicekit.settings import ServiceSettings


class Keeper(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self):
        self.exports = asyncio.Queue()

    async def Export(self, request, context):
        await self.exports.put(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()


def told(request):
    """Of each series by name and labels: what stands in its point."""
    found = {}
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        data = getattr(metric, metric.WhichOneof("data"))
        for point in data.data_points:
            labels = tuple(each.value.string_value for each in point.attributes)
            whole = metric.WhichOneof("data") == "histogram"
            found[metric.name, *labels] = list(point.bucket_counts) if whole else point.as_double
    return found


@asynccontextmanager
async def stopping(server):
    try:
        yield
    finally:
        await server.stop(0)


async def test_what_changed_is_told_as_totals_and_the_rest_not_again(database):
    registry = CollectorRegistry()
    calls = Counter("qmcp_calls_total", "Calls.", ("tool",), registry=registry)
    level = Gauge("qmcp_level", "A level.", registry=registry)
    seconds = Histogram("qmcp_seconds", "Durations.", registry=registry, buckets=(1, 2))
    Counter("others_total", "What is not ours.", registry=registry).inc()
    keeper, server = Keeper(), grpc.aio.server()
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(keeper, server)
    port = server.add_insecure_port("127.0.0.1:0")
    settings = ServiceSettings(
        database_url=database, otlp_metrics_address=f"127.0.0.1:{port}", otlp_metrics_interval_seconds=0.05
    )
    calls.labels("a").inc(3)
    level.set(-1)
    for each in (0.5, 1.5, 5):
        seconds.observe(each)
    async with asyncio.timeout(60), stopping(server):
        async with reporting(settings, "qmcp-test", registry):
            # Nobody answers yet; what is counted meanwhile is told later, because totals are.
            await asyncio.sleep(0.2)
            calls.labels("a").inc(4)
            await server.start()
            known, resource = {}, {}
            while known.get(("qmcp_calls_total", "a")) != 7:
                request = await keeper.exports.get()
                known |= told(request)
                resource = {
                    each.key: each.value.string_value for each in request.resource_metrics[0].resource.attributes
                }
            assert known == {("qmcp_calls_total", "a"): 7, ("qmcp_level",): -1, ("qmcp_seconds",): [1, 1, 1]}
            assert resource["service.name"] == "qmcp-test"
            calls.labels("b").inc()
            assert told(await keeper.exports.get()) == {("qmcp_calls_total", "b"): 1}
            level.set(5)
        # What was counted last is told when it ends.
        last = told(keeper.exports.get_nowait())
        while not keeper.exports.empty():
            last |= told(keeper.exports.get_nowait())
        assert last["qmcp_level",] == 5
        assert ("qmcp_calls_total", "a") not in last, "it did not change"


async def test_a_keeper_that_is_away_stops_nobody(database):
    settings = ServiceSettings(
        database_url=database, otlp_metrics_address="127.0.0.1:1", otlp_metrics_interval_seconds=0.01
    )
    registry = CollectorRegistry()
    Counter("qmcp_calls_total", "Calls.", registry=registry).inc()
    ended = False
    async with reporting(settings, "qmcp-test", registry):
        await asyncio.sleep(0.05)
        ended = True
    assert ended
