"""From the messages of OTLP to points, and back what the protocol says of those that are not taken."""

import base64
import binascii
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import orjson
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2

from servicekit.errors import invalid_field
from servicekit.http_json.counting import holds_more
from servicekit.large import beside
from services.metrics.otlp.models import (
    Attributes,
    Explicit,
    Exponential,
    Export,
    Kind,
    Origin,
    Point,
    Rejected,
    Series,
    Source,
    Temporality,
    Value,
)
from services.metrics.otlp.sizes import MAX_JSON_VALUES, MAX_MESSAGES, MAX_POINTS, holds_too_many_messages

JSON, PROTOBUF = "application/json", "application/x-protobuf"
UNKNOWN_SERVICE = "unknown_service"
# Attributes of a resource that each of its points has as well: for whom a process works is said where it is started.
OF_RESOURCE = frozenset({"gen_ai.agent.id", "gen_ai.conversation.id", "session.id", "task.path"})
# An attribute of an exemplar that names an invocation, of which there is a receipt.
INVOCATION_ID = "qmcp.invocation_id"
MAX_EXEMPLARS = 8
# Of one histogram; the SDKs' default is 160, and a scale that fits is found with any number.
MAX_BUCKETS = 4096
MAX_SCALE, MIN_SCALE = 20, -10
# Deeper than any attribute has need to be.
MAX_DEPTH = 64
# These are bytes, which OTLP writes in JSON as hexadecimal digits and protobuf as base64.
HEXADECIMAL = {"traceId", "spanId", "trace_id", "span_id"}
# Reasons in an answer; the rest is told by its number.
MAX_REASONS = 10

TEMPORALITIES = {
    metrics_pb2.AGGREGATION_TEMPORALITY_DELTA: Temporality.DELTA,
    metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE: Temporality.CUMULATIVE,
}


class MalformedError(ValueError):
    """A request is no export; the sentence says why."""


class _UnfitError(ValueError):
    """A point is not taken; the sentence says why."""


def from_protobuf(body: bytes) -> Export:
    """What an export in protobuf's bytes holds.

    Raises:
        MalformedError: where it is none.
    """
    try:
        return _export(ExportMetricsServiceRequest.FromString(body))
    except DecodeError:
        raise MalformedError("is no ExportMetricsServiceRequest.") from None


def from_json(body: bytes) -> Export:
    """What an export in OTLP's JSON holds; unknown fields are passed over, as that protocol demands.

    Raises:
        MalformedError: where it is none.
    """
    try:
        if holds_more(body.decode("utf-8", "replace"), MAX_JSON_VALUES):
            raise MalformedError(f"holds more than {MAX_JSON_VALUES:,} values.")
        document = orjson.loads(body)
        if not isinstance(document, dict):
            raise MalformedError("is no JSON object.")
        request = ExportMetricsServiceRequest()
        json_format.ParseDict(_with_bytes(document, 0), request, ignore_unknown_fields=True)
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"is no JSON: {error}.") from None
    except (json_format.ParseError, binascii.Error) as error:
        raise MalformedError(f"is no ExportMetricsServiceRequest: {error}.") from None
    return _export(request)


async def export_from(content_type: str, body: bytes) -> Export:
    """What a body of this type holds.

    Raises:
        ServiceError: INVALID_REQUEST, where it is no export.
    """
    read = from_json if _is_json(content_type) else from_protobuf
    try:
        return await beside(len(body), read, body)
    except MalformedError as error:
        raise invalid_field("export", str(error).removesuffix(".")) from None


def answer_to(content_type: str, rejected: Sequence[Rejected]) -> HttpBody:
    """The answer, in the form in which the request came."""
    response = answer(rejected)
    if _is_json(content_type):
        return HttpBody(content_type=JSON, data=as_json(response))
    return HttpBody(content_type=PROTOBUF, data=response.SerializeToString())


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == JSON


def answer(rejected: Sequence[Rejected]) -> ExportMetricsServiceResponse:
    """What the protocol answers: nothing where all is taken, else how many points are not, and why."""
    response = ExportMetricsServiceResponse()
    if rejected:
        reasons = list(dict.fromkeys(f"{each.metric}: {each.reason}" for each in rejected))
        more = [f"and {len(reasons) - MAX_REASONS} more"] if len(reasons) > MAX_REASONS else []
        response.partial_success.rejected_data_points = sum(each.points for each in rejected)
        response.partial_success.error_message = "; ".join([*reasons[:MAX_REASONS], *more])
    return response


def as_json(response: ExportMetricsServiceResponse) -> bytes:
    """The same in OTLP's JSON."""
    return orjson.dumps(json_format.MessageToDict(response))


def _with_bytes(document: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise MalformedError(f"has more than {MAX_DEPTH} levels.")
    if isinstance(document, list):
        return [_with_bytes(each, depth + 1) for each in document]
    if not isinstance(document, dict):
        return document
    return {
        name: base64.b64encode(binascii.unhexlify(value)).decode()
        if name in HEXADECIMAL and isinstance(value, str)
        else _with_bytes(value, depth + 1)
        for name, value in document.items()
    }


def _export(request: ExportMetricsServiceRequest) -> Export:
    if holds_too_many_messages(request):
        raise MalformedError(f"holds more than {MAX_MESSAGES:,} messages; send it in parts.")
    points: list[Point] = []
    rejected: list[Rejected] = []
    for of_resource in request.resource_metrics:
        attributes = _attributes(of_resource.resource.attributes)
        origin = Origin(_source(dict(attributes)), {each: value for each, value in attributes if each in OF_RESOURCE})
        for of_scope in of_resource.scope_metrics:
            scope = of_scope.scope
            named = ("scope", scope.name, scope.version, *_flat(_attributes(scope.attributes)))
            within = (*_flat(attributes), *named)
            for metric in of_scope.metrics:
                _take(metric, origin, within, points, rejected)
                if len(points) + len(rejected) > MAX_POINTS:
                    raise MalformedError(f"holds more than {MAX_POINTS:,} points; send it in parts.")
    return Export(tuple(points), tuple(rejected))


def _source(attributes: dict[str, str]) -> Source:
    return Source(
        attributes.get("service.name") or UNKNOWN_SERVICE,
        attributes.get("service.version", ""),
        attributes.get("service.instance.id", ""),
    )


def _take(
    metric: metrics_pb2.Metric, origin: Origin, within: Sequence[str], points: list[Point], rejected: list[Rejected]
) -> None:
    data = metric.WhichOneof("data")
    if data is None:
        return
    content: Any = getattr(metric, data)
    if len(content.data_points) > MAX_POINTS:
        raise MalformedError(f"holds more than {MAX_POINTS:,} points; send it in parts.")
    try:
        kind, temporality, read = _meaning(metric, data, content)
    except _UnfitError as error:
        rejected.append(Rejected(metric.name, str(error), len(content.data_points)))
        return
    named = _digest((*within, metric.name, metric.unit, kind.value, temporality.value))
    for each in content.data_points:
        if each.flags & metrics_pb2.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK:
            # A series that is no longer told of.
            continue
        try:
            attributes = _attributes(each.attributes)
            identity = _digest(_flat(attributes), named.copy()).digest()
            if origin.attributes:
                attributes = tuple(sorted({**origin.attributes, **dict(attributes)}.items()))
            series = Series(origin.source, metric.name, metric.unit, kind, temporality, attributes, identity)
            start, time = _interval(each)
            points.append(Point(series, start, time, read(each), _exemplars(getattr(each, "exemplars", ()))))
        except _UnfitError as error:
            rejected.append(Rejected(metric.name, str(error)))


def _meaning(metric: metrics_pb2.Metric, data: str, content: Any) -> tuple[Kind, Temporality, Callable[[Any], Value]]:
    if not metric.name:
        raise _UnfitError("a metric needs a name")
    if data == "gauge":
        return Kind.GAUGE, Temporality.INSTANT, _number
    if data == "summary":
        # Of all times: a summary has no other form.
        return Kind.HISTOGRAM, Temporality.CUMULATIVE, _summary
    temporality = TEMPORALITIES.get(content.aggregation_temporality)
    if temporality is None:
        raise _UnfitError("its aggregation_temporality is neither delta nor cumulative")
    if data == "histogram":
        return Kind.HISTOGRAM, temporality, _explicit
    if data == "exponential_histogram":
        return Kind.HISTOGRAM, temporality, _exponential
    if content.is_monotonic:
        return Kind.COUNTER, temporality, _added
    # A total that may fall is a level; what was added to or taken from one is a count that may be negative.
    return (Kind.GAUGE if temporality is Temporality.CUMULATIVE else Kind.COUNTER), temporality, _number


def _interval(point: Any) -> tuple[int, int]:
    start, time = int(point.start_time_unix_nano), int(point.time_unix_nano)
    if not time:
        raise _UnfitError("time_unix_nano is missing")
    if start > time:
        raise _UnfitError("start_time_unix_nano is after time_unix_nano")
    return start, time


def _number(point: metrics_pb2.NumberDataPoint) -> float:
    kind = point.WhichOneof("value")
    if kind is None:
        raise _UnfitError("a point has no value")
    return _finite(float(getattr(point, kind)), "value")


def _added(point: metrics_pb2.NumberDataPoint) -> float:
    value = _number(point)
    if value < 0:
        raise _UnfitError("what only grows is negative")
    return value


def _finite(value: float, what: str) -> float:
    if not math.isfinite(value):
        raise _UnfitError(f"{what} is not finite")
    return value


def _extremes(point: Any) -> tuple[float | None, float | None]:
    return tuple(_finite(getattr(point, name), name) if point.HasField(name) else None for name in ("min", "max"))  # type: ignore[return-value]


def _explicit(point: metrics_pb2.HistogramDataPoint) -> Explicit:
    bounds, buckets = tuple(point.explicit_bounds), tuple(point.bucket_counts)
    if len(buckets) > MAX_BUCKETS:
        raise _UnfitError(f"it has more than {MAX_BUCKETS} buckets")
    if (buckets or bounds) and len(buckets) != len(bounds) + 1:
        raise _UnfitError("bucket_counts must have one more than explicit_bounds")
    if any(not low < high for low, high in pairwise(bounds)) or any(map(math.isnan, bounds)):
        raise _UnfitError("explicit_bounds must grow")
    if buckets and sum(buckets) != point.count:
        raise _UnfitError("count is not the sum of bucket_counts")
    low, high = _extremes(point)
    return Explicit(point.count, _finite(point.sum, "sum"), low, high, bounds, buckets)


def _exponential(point: metrics_pb2.ExponentialHistogramDataPoint) -> Exponential:
    if not MIN_SCALE <= point.scale <= MAX_SCALE:
        raise _UnfitError(f"scale must be from {MIN_SCALE} to {MAX_SCALE}")
    if len(point.positive.bucket_counts) + len(point.negative.bucket_counts) > MAX_BUCKETS:
        raise _UnfitError(f"it has more than {MAX_BUCKETS} buckets")
    if not (math.isfinite(point.zero_threshold) and point.zero_threshold >= 0):
        raise _UnfitError("zero_threshold must be 0 or more")
    positive, negative = (
        {buckets.offset + place: count for place, count in enumerate(buckets.bucket_counts) if count}
        for buckets in (point.positive, point.negative)
    )
    if point.zero_count + sum(positive.values()) + sum(negative.values()) != point.count:
        raise _UnfitError("count is not the sum of zero_count and of all buckets")
    low, high = _extremes(point)
    total = _finite(point.sum, "sum")
    return Exponential(
        point.count, total, low, high, point.scale, point.zero_count, point.zero_threshold, positive, negative
    )


def _summary(point: metrics_pb2.SummaryDataPoint) -> Explicit:
    """Count and sum; its quantiles are of no use to anybody who adds up."""
    return Explicit(point.count, _finite(point.sum, "sum"))


def _exemplars(exemplars: Iterable[metrics_pb2.Exemplar]) -> tuple[str, ...]:
    named = (dict(_attributes(each.filtered_attributes)).get(INVOCATION_ID) for each in exemplars)
    return tuple([each for each in named if each][:MAX_EXEMPLARS])


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    # Of one key that stands twice the protocol says nothing; the last counts, as in a map.
    return tuple(sorted({pair.key: _text(pair.value) for pair in pairs}.items()))


def _text(value: AnyValue) -> str:
    match value.WhichOneof("value"):
        case None:
            return ""
        case "string_value":
            return value.string_value
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "array_value" | "kvlist_value":
            return orjson.dumps(_plain(value)).decode()
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case kind:
            number = getattr(value, str(kind))
            return str(number)


def _plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return {each.key: _plain(each.value) for each in value.kvlist_value.values}
        case "int_value":
            return str(value.int_value)
        case "double_value" | "bool_value" as kind:
            return getattr(value, kind)
    return _text(value)


def _flat(attributes: Attributes) -> Iterator[str]:
    for pair in attributes:
        yield from pair


def _digest(parts: Iterable[str], begun: "hashlib.blake2b | None" = None) -> "hashlib.blake2b":
    """Of texts one after another, each with its length, so that no two lists of them are one."""
    digest = begun or hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(b"%d:%b" % (len(encoded), encoded))
    return digest
