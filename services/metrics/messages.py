"""Domain ↔ protobuf, pure functions in both directions."""

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from google.protobuf.struct_pb2 import Struct
from qmcp.metrics.v1 import cost_pb2, metrics_service_pb2, rate_limit_pb2

from servicekit import json_values
from servicekit.call_buckets import Allowance
from servicekit.errors import ServiceError, invalid_field
from servicekit.timestamps import to_timestamp
from services.metrics import models
from services.metrics.costs.models import Cost, Grouping, Price, PriceTable
from services.metrics.costs.pricing import Group
from services.metrics.ingestion.collecting import EventCollector
from services.metrics.ingestion.rules import RejectedError, time_of

# Of costs as many as anybody reads.
MAX_GROUPS, MAX_MODELS = 1_000, 20
# Of a stream: who reads more of them has a fault that shows in the first.
MAX_REJECTIONS = 100


def source_from(request: Any, principal: str) -> models.Source:
    return models.Source(principal, request.service, request.version, request.instance_id)


def events_from(
    request: metrics_service_pb2.IngestMetricsRequest | metrics_service_pb2.StreamMetricsRequest,
    collector: EventCollector,
) -> models.Events:
    """The events that are accepted; the collector has what is wrong with the others."""
    # Each look at a field costs as much as what is done with it, so that there are as few as may be.
    for position, metric in enumerate(request.metrics):
        try:
            at_us = _time_of(metric) if metric.timestamp or metric.HasField("at") else None
            metadata = _metadata_of(metric.metadata) if metric.HasField("metadata") else None
        except RejectedError as error:
            collector.reject(position, error)
            continue
        value, duration_ms, dimensions = metric.value, metric.duration_ms, metric.dimensions
        collector.add(
            position,
            metric.type,
            at_us,
            value if value or metric.HasField("value") else None,
            duration_ms if duration_ms or metric.HasField("duration_ms") else None,
            # By name: their items would be a generator's.
            tuple([(name, dimensions[name]) for name in dimensions]),
            metadata,
        )
    return collector.collected(request.ByteSize())


def column_events_from(
    request: metrics_service_pb2.IngestMetricColumnsRequest, collector: EventCollector
) -> models.Events:
    """The same of columns.

    Raises:
        ServiceError: INVALID_REQUEST where they are not of one length.
    """
    index = _column(request.series_index, "series_index", "<u4").astype(np.int64)
    value = _column(request.value, "value", "<f8", len(index))
    at_us = _column(request.measured_us, "measured_us", "<i8", len(index)) if request.measured_us else None
    duration = _column(request.durations_ms, "durations_ms", "<f8", len(index)) if request.durations_ms else None
    series = [(each.type, each.dimensions) for each in request.series]
    collector.add_columns(series, index, at_us, value, duration)
    return collector.collected(request.ByteSize())


def ingested_to(
    events: models.Events, rejections: Sequence[models.Rejection], *, with_sentences: bool = True
) -> metrics_service_pb2.IngestedMetrics:
    return metrics_service_pb2.IngestedMetrics(
        status="success" if not rejections else "partial" if len(events) else "rejected",
        accepted=len(events),
        rejected=len(rejections),
        errors=map(str, rejections) if with_sentences else (),
        request_id=models.request_id(events.request),
        rejections=[
            metrics_service_pb2.RejectedMetric(index=each.index, field=each.field, reason=each.reason)
            for each in rejections
        ],
    )


def streamed_to(batches: Sequence[metrics_service_pb2.IngestedMetrics]) -> metrics_service_pb2.StreamedMetrics:
    rejections = (
        metrics_service_pb2.RejectedInBatch(batch=number, rejection=rejection)
        for number, batch in enumerate(batches)
        for rejection in batch.rejections
    )
    return metrics_service_pb2.StreamedMetrics(
        batches=len(batches),
        accepted=sum(batch.accepted for batch in batches),
        rejected=sum(batch.rejected for batch in batches),
        rejections=islice(rejections, MAX_REJECTIONS),
    )


def flushed_to(written: int) -> metrics_service_pb2.FlushedMetrics:
    return metrics_service_pb2.FlushedMetrics(status="success", message=f"{written} buffered events written.")


def rate_limit_to(service: str, allowance: Allowance | None) -> rate_limit_pb2.RateLimit:
    if allowance is None:
        return rate_limit_pb2.RateLimit(service=service)
    return rate_limit_pb2.RateLimit(
        service=service,
        rate_limit=allowance.limit,
        available_tokens=allowance.remaining,
        reset_time_seconds=math.ceil(allowance.reset_seconds),
    )


def _column(given: bytes, field: str, kind: str, length: int | None = None) -> Any:
    if len(given) % np.dtype(kind).itemsize:
        raise invalid_field(field, f"must be a column of {np.dtype(kind).itemsize} bytes an event")
    found = np.frombuffer(given, kind)
    if length is not None and len(found) != length:
        raise invalid_field(field, f"has {len(found)} events, where series_index has {length}")
    return found


def _time_of(metric: Any) -> int:
    """Microseconds since 1970."""
    if not metric.HasField("at"):
        return time_of(metric.timestamp)
    if metric.timestamp:
        raise RejectedError("timestamp", "cannot stand beside at")
    return int(metric.at.seconds * 1_000_000 + metric.at.nanos // 1000)


def _metadata_of(struct: Struct) -> Mapping[str, Any]:
    try:
        return json_values.document(struct, "metadata")
    except ServiceError as error:
        raise RejectedError("metadata", error.message.removeprefix("metadata ").removesuffix(".")) from None


def prices_from(table: cost_pb2.PriceTable) -> list[Price]:
    return [Price(each.model, each.token_type, each.usd_per_million) for each in table.prices]


def table_to(table: PriceTable) -> cost_pb2.PriceTable:
    return cost_pb2.PriceTable(
        version=table.version,
        effective_at=to_timestamp(table.effective_at),
        prices=[
            cost_pb2.Price(model=each.model, token_type=each.token_type, usd_per_million=each.usd_per_million)
            for each in table.prices
        ],
        created_by=table.created_by,
        created_at=to_timestamp(table.created_at),
    )


def grouping_from(request: cost_pb2.QueryCostsRequest) -> Grouping:
    return Grouping(tuple(request.group_by), request.path_dimension, request.beneath)


def costs_to(names: Sequence[str], groups: Mapping[Group, Cost], total: Cost) -> cost_pb2.QueryCostsResponse:
    dearest = sorted(groups.items(), key=lambda each: (-each[1].usd, -each[1].all_tokens, each[0]))
    shown = [_cost_to(dict(zip(names, group, strict=True)), cost) for group, cost in dearest[:MAX_GROUPS]]
    return cost_pb2.QueryCostsResponse(costs=shown, total=_cost_to({}, total))


def _cost_to(group: Mapping[str, str], cost: Cost) -> cost_pb2.Cost:
    return cost_pb2.Cost(
        group=group,
        tokens=cost.tokens,
        usd=cost.usd,
        unpriced_tokens=cost.unpriced_tokens,
        unpriced_models=sorted(cost.unpriced_models)[:MAX_MODELS],
    )
