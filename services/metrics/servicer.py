"""The gRPC edge of the metrics service: takes the request, calls one domain function, returns one message."""

from typing import Any

from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext
from qmcp.metrics.v1 import cost_pb2, metrics_service_pb2, metrics_service_pb2_grpc, otlp_pb2, rate_limit_pb2

from servicekit.http_status import answer_with_headers
from servicekit.idempotency import Once, claim_of
from servicekit.large import beside
from servicekit.request_context import current_context
from servicekit.timestamps import to_datetime
from services.metrics import messages
from services.metrics.costs.costs import Costs
from services.metrics.ingestion.ingestion import Ingestion
from services.metrics.limits.rates import Rates
from services.metrics.otlp.exports import Exports
from services.metrics.otlp.messages import answer_to, export_from

Context = ServicerContext[Any, Any]


class MetricsServicer(metrics_service_pb2_grpc.MetricsServiceServicer):
    """See protos/qmcp/metrics/v1/metrics_service.proto, where every method is documented."""

    def __init__(self, ingestion: Ingestion, rates: Rates, exports: Exports, costs: Costs) -> None:
        self._ingestion = ingestion
        self._rates = rates
        self._exports = exports
        self._costs = costs

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

    async def IngestOtlp(self, request: otlp_pb2.IngestOtlpRequest, context: Context) -> HttpBody:
        allowance = await self._rates.take(current_context.get().principal)
        export = await export_from(request.export.content_type, request.export.data)
        rejected = await self._exports.take(export, current_context.get().principal.name)
        if allowance is not None:
            await answer_with_headers(context, allowance.headers)
        return answer_to(request.export.content_type, rejected)

    async def CreatePriceTable(
        self, request: cost_pb2.CreatePriceTableRequest, context: Context
    ) -> cost_pb2.PriceTable:
        table, by = request.price_table, current_context.get().principal.name
        prices, effective_at = messages.prices_from(table), to_datetime(table, "effective_at")
        return await self._costs.create(prices, effective_at, by, Once(request, messages.table_to))

    async def ListPriceTables(
        self, request: cost_pb2.ListPriceTablesRequest, context: Context
    ) -> cost_pb2.ListPriceTablesResponse:
        page, token = await self._costs.page(request.page_size, request.page_token)
        return cost_pb2.ListPriceTablesResponse(price_tables=map(messages.table_to, page), next_page_token=token)

    async def QueryCosts(self, request: cost_pb2.QueryCostsRequest, context: Context) -> cost_pb2.QueryCostsResponse:
        start, end = to_datetime(request, "start_at"), to_datetime(request, "end_at")
        groups, total = await self._costs.query(start, end, request.group_by, current_context.get().viewer)
        return messages.costs_to(request.group_by, groups, total)

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
