"""Domain ↔ protobuf, pure functions in both directions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.struct_pb2 import Struct
from qmcp.metrics.v1 import metrics_service_pb2, rate_limit_pb2

from servicekit import json_values
from servicekit.errors import ServiceError
from services.metrics import models
from services.metrics.ingestion.collecting import EventCollector
from services.metrics.ingestion.rules import RejectedError, time_of


def source_from(request: metrics_service_pb2.IngestMetricsRequest, principal: str) -> models.Source:
    return models.Source(principal, request.service, request.version, request.instance_id)


def events_from(request: metrics_service_pb2.IngestMetricsRequest, collector: EventCollector) -> models.Events:
    """The events that are accepted; the collector has what is wrong with the others."""
    for position, metric in enumerate(request.metrics):
        try:
            at_us = _time_of(metric)
            metadata = _metadata_of(metric.metadata) if metric.HasField("metadata") else None
        except RejectedError as error:
            collector.reject(position, error)
            continue
        collector.add(
            position,
            metric.type,
            at_us,
            metric.value if metric.HasField("value") else None,
            metric.duration_ms if metric.HasField("duration_ms") else None,
            metric.dimensions,
            metadata,
        )
    return collector.collected(request.ByteSize())


def ingested_to(events: models.Events, rejections: Sequence[models.Rejection]) -> metrics_service_pb2.IngestedMetrics:
    return metrics_service_pb2.IngestedMetrics(
        status="success" if not rejections else "partial" if len(events) else "rejected",
        accepted=len(events),
        rejected=len(rejections),
        errors=map(str, rejections),
        request_id=models.request_id(events.request),
        rejections=[
            metrics_service_pb2.RejectedMetric(index=each.index, field=each.field, reason=each.reason)
            for each in rejections
        ],
    )


def flushed_to(written: int) -> metrics_service_pb2.FlushedMetrics:
    return metrics_service_pb2.FlushedMetrics(status="success", message=f"{written} buffered events written.")


def rate_limit_to(service: str, allowance: models.Allowance | None) -> rate_limit_pb2.RateLimit:
    if allowance is None:
        return rate_limit_pb2.RateLimit(service=service)
    return rate_limit_pb2.RateLimit(
        service=service,
        rate_limit=allowance.rate,
        available_tokens=allowance.remaining,
        reset_time_seconds=math.ceil(allowance.reset_seconds),
    )


def _time_of(metric: Any) -> int | None:
    """Microseconds since 1970; None where nothing is said."""
    if metric.HasField("at"):
        if metric.timestamp:
            raise RejectedError("timestamp", "cannot stand beside at")
        return int(metric.at.seconds * 1_000_000 + metric.at.nanos // 1000)
    return time_of(metric.timestamp) if metric.timestamp else None


def _metadata_of(struct: Struct) -> Mapping[str, Any]:
    try:
        return json_values.document(struct, "metadata")
    except ServiceError as error:
        raise RejectedError("metadata", error.message.removeprefix("metadata ").removesuffix(".")) from None
