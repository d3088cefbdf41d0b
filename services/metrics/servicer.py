"""The gRPC edge of the metrics service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.metrics.v1 import (
    cost_pb2,
    metrics_service_pb2,
    metrics_service_pb2_grpc,
    monitor_pb2,
    monitor_transition_pb2,
    otlp_pb2,
    query_pb2,
    rate_limit_pb2,
    retention_pb2,
)

from servicekit.http_status import answer_with_headers
from servicekit.idempotency import Once, claim_of
from servicekit.large import beside
from servicekit.request_context import current_context
from servicekit.timestamps import to_datetime
from services.metrics import messages
from services.metrics.costs.costs import Costs
from services.metrics.ingestion.ingestion import Ingestion
from services.metrics.ingestion.streams import Pipeline, Streams, patiently
from services.metrics.limits.rates import Rates
from services.metrics.monitors import messages as monitor_messages
from services.metrics.monitors.monitors import Monitors
from services.metrics.otlp.exports import Exports
from services.metrics.otlp.messages import answer_to, export_from
from services.metrics.queries import messages as query_messages
from services.metrics.queries.comparisons import Comparisons
from services.metrics.queries.queries import CELL_BYTES
from services.metrics.retention import messages as retention_messages
from services.metrics.retention.retention import Retention

Context = ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Intake:
    """What takes in what is measured."""

    ingestion: Ingestion
    rates: Rates
    exports: Exports
    streams: Streams


class MetricsServicer(metrics_service_pb2_grpc.MetricsServiceServicer):
    """See protos/qmcp/metrics/v1/metrics_service.proto, where every method is documented."""

    def __init__(
        self, intake: Intake, costs: Costs, comparisons: Comparisons, retention: Retention, monitors: Monitors
    ) -> None:
        self._ingestion = intake.ingestion
        self._rates = intake.rates
        self._exports = intake.exports
        self._streams = intake.streams
        self._costs = costs
        self._comparisons = comparisons
        self._retention = retention
        self._monitors = monitors

    async def IngestMetrics(
        self, request: metrics_service_pb2.IngestMetricsRequest, context: Context
    ) -> metrics_service_pb2.IngestedMetrics:
        allowance = await self._rates.take(current_context.get().principal)
        source = messages.source_from(request, current_context.get().principal.name)
        collector = self._ingestion.collector(source)
        events = await beside(current_context.get().large_bytes, messages.events_from, request, collector)
        answer = messages.ingested_to(events, collector.rejections)
        earlier = await self._ingestion.take(events, claim_of(request, answer), buffered=request.ack == "buffered")
        if allowance is not None:
            await answer_with_headers(context, allowance.headers)
        return _logged(request.service, answer, earlier)

    async def StreamMetrics(
        self, requests: AsyncIterator[metrics_service_pb2.StreamMetricsRequest], context: Context
    ) -> metrics_service_pb2.StreamedMetrics:
        async with Pipeline[metrics_service_pb2.IngestedMetrics]() as pipeline:
            async for request in self._streams.read(requests):
                await pipeline.add(self._take_batch(request))
            return messages.streamed_to(await pipeline.finish())

    async def _take_batch(
        self, request: metrics_service_pb2.StreamMetricsRequest
    ) -> metrics_service_pb2.IngestedMetrics:
        principal = current_context.get().principal
        await patiently(lambda: self._rates.take(principal))
        collector = self._ingestion.collector(messages.source_from(request, principal.name))
        events = await beside(request.ByteSize(), messages.events_from, request, collector)
        answer = messages.ingested_to(events, collector.rejections, with_sentences=False)
        claim = claim_of(request, answer)
        earlier = await patiently(lambda: self._ingestion.take(events, claim, buffered=False))
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
        grouping = messages.grouping_from(request)
        groups, total = await self._costs.query(start, end, grouping, current_context.get().viewer)
        return messages.costs_to(grouping.names, groups, total)

    async def IngestMetricColumns(
        self, request: metrics_service_pb2.IngestMetricColumnsRequest, context: Context
    ) -> metrics_service_pb2.IngestedMetrics:
        allowance = await self._rates.take(current_context.get().principal)
        source = messages.source_from(request, current_context.get().principal.name)
        collector = self._ingestion.collector(source)
        events = await beside(current_context.get().large_bytes, messages.column_events_from, request, collector)
        answer = messages.ingested_to(events, collector.rejections, with_sentences=False)
        earlier = await self._ingestion.take(events, claim_of(request, answer), buffered=request.ack == "buffered")
        if allowance is not None:
            await answer_with_headers(context, allowance.headers)
        return _logged(request.service, answer, earlier)

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

    async def QueryMetrics(
        self, request: query_pb2.QueryMetricsRequest, context: Context
    ) -> query_pb2.QueryMetricsResponse:
        asked = query_messages.query_from(request, datetime.now(UTC))
        answer = await self._comparisons.answer(asked, current_context.get().viewer)
        size = CELL_BYTES * sum(len(line.points) for line in answer.lines)
        return await beside(size, query_messages.answer_to, answer, tuple(request.quantiles))

    async def TopMetrics(self, request: query_pb2.TopMetricsRequest, context: Context) -> query_pb2.TopMetricsResponse:
        asked = query_messages.ranking_from(request, datetime.now(UTC))
        order_by, limit = request.order_by or "count", request.limit or query_messages.DEFAULT_LIMIT
        ranking = await self._comparisons.top(asked, order_by, limit, current_context.get().viewer)
        return query_messages.ranking_to(*ranking, asked.quantiles[0])

    async def ExplainChange(
        self, request: query_pb2.ExplainChangeRequest, context: Context
    ) -> query_pb2.ExplainChangeResponse:
        change = await self._comparisons.explain(
            query_messages.selection_from(request.selection),
            query_messages.statistic_from(request),
            tuple(request.split_by),
            query_messages.times_from(request, datetime.now(UTC)),
            request.limit or query_messages.DEFAULT_LIMIT,
            current_context.get().viewer,
        )
        return query_messages.change_to(change)

    async def ListMetricEvents(
        self, request: query_pb2.ListMetricEventsRequest, context: Context
    ) -> query_pb2.ListMetricEventsResponse:
        within = to_datetime(request, "measured_after"), to_datetime(request, "measured_before")
        selection, viewer = query_messages.listed_from(request), current_context.get().viewer
        page, token = await self._comparisons.page(selection, within, viewer, request.page_size, request.page_token)
        return query_pb2.ListMetricEventsResponse(events=map(query_messages.event_to, page), next_page_token=token)

    async def CreateMonitor(self, request: monitor_pb2.CreateMonitorRequest, context: Context) -> monitor_pb2.Monitor:
        by = current_context.get().principal
        once = Once(request, partial(monitor_messages.issued_to, by=by), unrecorded=("secret",))
        return await self._monitors.create(monitor_messages.definition_from(request.monitor), by, once)

    async def GetMonitor(self, request: monitor_pb2.GetMonitorRequest, context: Context) -> monitor_pb2.Monitor:
        call = current_context.get()
        return monitor_messages.monitor_to(await self._monitors.get(request.id, call.viewer), call.principal)

    async def ListMonitors(
        self, request: monitor_pb2.ListMonitorsRequest, context: Context
    ) -> monitor_pb2.ListMonitorsResponse:
        call = current_context.get()
        page, token = await self._monitors.page(call.viewer, request.state, request.page_size, request.page_token)
        shown = [monitor_messages.monitor_to(each, call.principal) for each in page]
        return monitor_pb2.ListMonitorsResponse(monitors=shown, next_page_token=token)

    async def UpdateMonitor(self, request: monitor_pb2.UpdateMonitorRequest, context: Context) -> monitor_pb2.Monitor:
        by, wanted = current_context.get().principal, monitor_messages.definition_from(request.monitor)
        grace = request.grace_seconds if request.HasField("grace_seconds") else None
        issued = await self._monitors.update(
            request.monitor.id, wanted, request.monitor.etag, by, rotate=request.rotate_secret, grace_seconds=grace
        )
        return monitor_messages.issued_to(issued, by)

    async def DeleteMonitor(self, request: monitor_pb2.DeleteMonitorRequest, context: Context) -> Empty:
        await self._monitors.delete(request.id)
        return Empty()

    async def ListMonitorTransitions(
        self, request: monitor_transition_pb2.ListMonitorTransitionsRequest, context: Context
    ) -> monitor_transition_pb2.ListMonitorTransitionsResponse:
        call = current_context.get()
        page, token = await self._monitors.transitions(
            call.viewer, (request.monitor_id, request.state), request.page_size, request.page_token
        )
        shown = [monitor_messages.transition_to(each, call.principal) for each in page]
        return monitor_transition_pb2.ListMonitorTransitionsResponse(transitions=shown, next_page_token=token)

    async def PreviewRetention(
        self, request: retention_pb2.PreviewRetentionRequest, context: Context
    ) -> retention_pb2.PreviewRetentionResponse:
        return retention_messages.previews_to(await self._retention.preview(request.table_name))

    async def CleanUpRetention(
        self, request: retention_pb2.CleanUpRetentionRequest, context: Context
    ) -> retention_pb2.CleanUpRetentionResponse:
        dry_run = request.dry_run if request.HasField("dry_run") else True
        return retention_messages.cleanups_to(await self._retention.clean_up(request.table_name, dry_run=dry_run))

    async def GetRetentionPolicies(
        self, request: retention_pb2.GetRetentionPoliciesRequest, context: Context
    ) -> retention_pb2.RetentionPolicies:
        return retention_messages.policies_to(await self._retention.policies())

    async def SetRetentionPolicy(
        self, request: retention_pb2.SetRetentionPolicyRequest, context: Context
    ) -> retention_pb2.SetRetentionPolicyResponse:
        policy = retention_messages.policy_from(request)
        await self._retention.set_policy(policy, current_context.get().principal.name)
        return retention_messages.policy_set_to(policy)

    async def GetDatabaseStats(
        self, request: retention_pb2.GetDatabaseStatsRequest, context: Context
    ) -> retention_pb2.DatabaseStats:
        return retention_messages.stats_to(await self._retention.stats())

    async def GetDatabaseSize(
        self, request: retention_pb2.GetDatabaseSizeRequest, context: Context
    ) -> retention_pb2.DatabaseSize:
        return retention_messages.size_to(*await self._retention.sizes())


def _logged(
    service: str, answer: metrics_service_pb2.IngestedMetrics, earlier: bytes | None
) -> metrics_service_pb2.IngestedMetrics:
    """The answer to a batch: that which the first with its key was given, where there was one; and the log says it."""
    told = answer if earlier is None else metrics_service_pb2.IngestedMetrics.FromString(earlier)
    current_context.get().logged |= {
        "service": service,
        "batch_id": told.request_id,
        "accepted": told.accepted,
        "rejected": told.rejected,
    }
    return told
