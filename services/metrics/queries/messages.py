"""Questions about values over time and their answers, in both directions."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.metrics.v1 import query_pb2

from servicekit.errors import invalid_field
from servicekit.json_values import fill_struct
from servicekit.timestamps import EPOCH, to_datetime, to_timestamp
from services.metrics.models import request_id
from services.metrics.queries.comparisons import Change, Explanation, Span
from services.metrics.queries.contributions import Contribution, Statistic
from services.metrics.queries.models import Answer, Line, Query, Selection, SingleEvent
from services.metrics.rollups.models import SECOND

DEFAULT_TIME = timedelta(hours=24)
DEFAULT_QUANTILE = 0.95
DEFAULT_LIMIT = 10


def selection_from(selection: query_pb2.MetricSelection) -> Selection:
    """Which values a question is about.

    Raises:
        ServiceError: INVALID_ARGUMENT where a dimension is named twice.
    """
    dimensions = {each.key: tuple(each.values) for each in selection.dimensions}
    if len(dimensions) < len(selection.dimensions):
        raise invalid_field("selection.dimensions", "must name each dimension once; give it several values")
    return Selection(
        selection.service,
        selection.type,
        selection.principal,
        dimensions,
        "duration" if selection.measure == "duration_ms" else "value",
    )


def query_from(request: query_pb2.QueryMetricsRequest, now: datetime) -> Query:
    span = _span_from(request, "", None, now)
    return Query(
        selection_from(request.selection),
        tuple(request.group_by),
        span.start,
        span.end,
        request.step_seconds * SECOND,
        tuple(request.quantiles),
        request.invocations,
    )


def ranking_from(request: query_pb2.TopMetricsRequest, now: datetime) -> Query:
    span = _span_from(request, "", None, now)
    share = request.quantile if request.HasField("quantile") else DEFAULT_QUANTILE
    return Query(selection_from(request.selection), tuple(request.group_by), span.start, span.end, 0, (share,))


def statistic_from(request: query_pb2.ExplainChangeRequest) -> Statistic:
    match request.statistic:
        case "sum" | "rate" | "avg":
            return request.statistic
        case _:
            return "count"


def times_from(request: query_pb2.ExplainChangeRequest, now: datetime) -> tuple[Span, Span]:
    """The time compared with, and the time that is explained."""
    explained = _span_from(request, "", None, now)
    return _span_from(request, "baseline_", explained, now), explained


def _span_from(request: Any, prefix: str, explained: Span | None, now: datetime) -> Span:
    """A time; where an end of it is absent, as the contract has it."""
    end = _microseconds(request, f"{prefix}end_at")
    start = _microseconds(request, f"{prefix}start_at")
    if end is None:
        end = (now - EPOCH) // timedelta(microseconds=1) if explained is None else explained.start
    if start is None:
        length = DEFAULT_TIME // timedelta(microseconds=1) if explained is None else explained.end - explained.start
        start = end - length
    if start >= end:
        raise invalid_field(f"{prefix}start_at", f"must be before {prefix}end_at")
    return Span(start, end)


def _microseconds(request: Any, field: str) -> int | None:
    at = to_datetime(request, field)
    return None if at is None else (at - EPOCH) // timedelta(microseconds=1)


def answer_to(answer: Answer, quantiles: tuple[float, ...]) -> query_pb2.QueryMetricsResponse:
    # Points of all lines have the same few times.
    stamp = cache(_timestamp)
    return query_pb2.QueryMetricsResponse(
        series=[line_to(line, quantiles, stamp) for line in answer.lines],
        start_at=_timestamp(answer.start),
        end_at=_timestamp(answer.end),
        sources=answer.sources,
    )


def ranking_to(lines: list[Line], total: int, answer: Answer, quantile: float) -> query_pb2.TopMetricsResponse:
    return query_pb2.TopMetricsResponse(
        series=[line_to(line, (quantile,), _timestamp) for line in lines],
        total_count=total,
        start_at=_timestamp(answer.start),
        end_at=_timestamp(answer.end),
    )


def line_to(line: Line, quantiles: tuple[float, ...], stamp: Callable[[int], Timestamp]) -> query_pb2.MetricSeries:
    message = query_pb2.MetricSeries(group=line.group)
    for point in line.points:
        # Built in its place: what is built by itself is copied there.
        added = message.points.add(
            start_at=stamp(point.start),
            end_at=stamp(point.end),
            count=point.count,
            sum=point.sum,
            rate=point.rate,
            avg=point.avg,
            min=point.min,
            max=point.max,
            invocation_ids=point.exemplars,
        )
        for share, value in zip(quantiles, point.quantiles, strict=True):
            added.quantiles.add(share=share, value=value, approximate=point.approximate)
    return message


def listed_from(request: query_pb2.ListMetricEventsRequest) -> Selection:
    return Selection(request.service, request.type, request.principal)


def event_to(event: SingleEvent) -> query_pb2.MetricEvent:
    message = query_pb2.MetricEvent(
        request_id=request_id(event.request),
        position=event.position,
        at=to_timestamp(event.at),
        principal=event.principal,
        service=event.service,
        version=event.version,
        instance_id=event.instance_id,
        type=event.type,
        value=event.value,
        duration_ms=event.duration_ms,
        weight=event.weight,
        dimensions=orjson.loads(event.dimensions),
    )
    if event.metadata is not None:
        fill_struct(message.metadata, orjson.loads(event.metadata))
    return message


def change_to(change: Change) -> query_pb2.ExplainChangeResponse:
    known = change.baseline is not None and change.current is not None
    return query_pb2.ExplainChangeResponse(
        baseline=change.baseline,
        current=change.current,
        change=(change.current or 0.0) - (change.baseline or 0.0) if known else None,
        explanations=[_explanation_to(each) for each in change.explanations],
    )


def _explanation_to(explanation: Explanation) -> query_pb2.ChangeExplanation:
    return query_pb2.ChangeExplanation(
        dimension=explanation.label,
        contributions=[_contribution_to(value, each) for value, each in explanation.named],
        other_count=len(explanation.others),
        other_contribution=sum(each.total for each in explanation.others),
    )


def _contribution_to(value: str, contribution: Contribution) -> query_pb2.ChangeContribution:
    return query_pb2.ChangeContribution(
        value=value,
        baseline=contribution.before,
        current=contribution.after,
        contribution=contribution.total,
        mix=contribution.mix,
    )


def _timestamp(microseconds: int) -> Timestamp:
    seconds, rest = divmod(microseconds, SECOND)
    return Timestamp(seconds=seconds, nanos=rest * 1000)
