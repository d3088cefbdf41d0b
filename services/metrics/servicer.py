"""The gRPC edge of the metrics service: takes the request, calls one domain function, returns one message."""

from typing import Any

from grpc.aio import ServicerContext
from qmcp.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc, rate_limit_pb2

from servicekit.http_status import answer_with_headers
from servicekit.idempotency import claim_of
from servicekit.large import beside
from servicekit.request_context import current_context
from services.metrics import messages
from services.metrics.ingestion.ingestion import Ingestion
from services.metrics.limits.rates import Rates

Context = ServicerContext[Any, Any]


class MetricsServicer(metrics_service_pb2_grpc.MetricsServiceServicer):
    """See protos/qmcp/metrics/v1/metrics_service.proto, where every method is documented."""

    def __init__(self, ingestion: Ingestion, rates: Rates) -> None:
        self._ingestion = ingestion
        self._rates = rates

    async def IngestMetrics(
        self, request: metrics_service_pb2.IngestMetricsRequest, context: Context
    ) -> metrics_service_pb2.IngestedMetrics:
        allowance = await self._rates.take(current_context.get().principal)
        source = messages.source_from(request, current_context.get().principal.name)
        collector = self._ingestion.collector(source)
        events = await beside(request.ByteSize(), messages.events_from, request, collector)
        answer = messages.ingested_to(events, collector.rejections)
        earlier = await self._ingestion.take(events, claim_of(request, answer), buffered=request.ack == "buffered")
        if allowance is not None:
            await answer_with_headers(context, allowance.headers)
        return answer if earlier is None else metrics_service_pb2.IngestedMetrics.FromString(earlier)

    async def FlushMetrics(
        self, request: metrics_service_pb2.FlushMetricsRequest, context: Context
    ) -> metrics_service_pb2.FlushedMetrics:
        allowance = await self._rates.take(current_context.get().principal)
        answer = messages.flushed_to(await self._ingestion.flush())
        if allowance is not None:
            await answer_with_headers(context, allowance.headers)
        return answer

    async def GetRateLimit(
        self, request: metrics_service_pb2.GetRateLimitRequest, context: Context
    ) -> rate_limit_pb2.RateLimit:
        principal = current_context.get().principal
        return messages.rate_limit_to(principal.name, await self._rates.available(principal))
