"""From what OTLP exports to what each interval added: totals, restarts, duplicates, histograms, what is not taken."""

import base64
import json
import math
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2

from services.metrics.otlp import messages
from services.metrics.otlp.deltas import State, deltas, key, packed, unpacked
from services.metrics.otlp.models import Explicit, Exponential, Export, Kind, Point, Value

DELTA = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
WHO = "agent-1"
CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE


class Memory:
    """What is remembered from export to export, through the form in which it is kept."""

    def __init__(self) -> None:
        self._kept: dict[bytes, bytes] = {}

    def take(self, export: Export) -> list[Value]:
        places = {key(point, WHO) for point in export.points}
        known: dict[bytes, State] = {place: unpacked(self._kept[place]) for place in places if place in self._kept}
        found = deltas(export.points, WHO, known)
        assert not found.rejected
        self._kept |= {place: packed(state) for place, state in found.states.items()}
        return [point.value for point in found.points]


def export(**data: Any) -> Export:
    return messages.from_protobuf(request(metrics_pb2.Metric(name="calls", **data)).SerializeToString())


def request(*metrics: metrics_pb2.Metric) -> ExportMetricsServiceRequest:
    scope = metrics_pb2.ScopeMetrics(metrics=metrics)
    return ExportMetricsServiceRequest(resource_metrics=[metrics_pb2.ResourceMetrics(scope_metrics=[scope])])


def counter(value: float, time: int, start: int = 1, temporality: Any = CUMULATIVE, **attributes: str) -> Export:
    return export(
        sum=metrics_pb2.Sum(
            data_points=[
                metrics_pb2.NumberDataPoint(
                    as_double=value, time_unix_nano=time, start_time_unix_nano=start, attributes=pairs(attributes)
                )
            ],
            aggregation_temporality=temporality,
            is_monotonic=True,
        )
    )


def pairs(attributes: dict[str, str]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in attributes.items()]


def histogram(buckets: list[int], time: int, start: int = 1, total: float = 1, **more: Any) -> Export:
    point = metrics_pb2.HistogramDataPoint(
        count=sum(buckets),
        sum=total,
        bucket_counts=buckets,
        explicit_bounds=range(1, len(buckets)),
        time_unix_nano=time,
        start_time_unix_nano=start,
        **more,
    )
    return export(histogram=metrics_pb2.Histogram(data_points=[point], aggregation_temporality=CUMULATIVE))


def exponential(time: int, scale: int, offset: int, counts: list[int], **more: Any) -> Export:
    zeros = more.get("zero_count", 0)
    point = metrics_pb2.ExponentialHistogramDataPoint(
        count=sum(counts) + zeros,
        scale=scale,
        positive=metrics_pb2.ExponentialHistogramDataPoint.Buckets(offset=offset, bucket_counts=counts),
        time_unix_nano=time,
        start_time_unix_nano=1,
        **more,
    )
    data = metrics_pb2.ExponentialHistogram(data_points=[point], aggregation_temporality=CUMULATIVE)
    return export(exponential_histogram=data)


def test_totals_become_what_each_interval_added() -> None:
    memory = Memory()
    totals = [memory.take(counter(value, time)) for time, value in enumerate((5, 5, 12, 12.5), start=10)]
    assert totals == [[5], [], [7], [0.5]]


def test_what_comes_twice_or_late_counts_once() -> None:
    memory = Memory()
    first, second = counter(5, 10), counter(9, 20)
    assert [memory.take(each) for each in (first, second, second, first)] == [[5], [4], [], []]
    added = [counter(5, 10, temporality=DELTA), counter(7, 20, 10, DELTA)]
    assert [memory.take(each) for each in (*added, *added, *reversed(added))] == [[5], [7], [], [], [], []]
    gauge = export(gauge=metrics_pb2.Gauge(data_points=[metrics_pb2.NumberDataPoint(as_int=3, time_unix_nano=5)]))
    assert [memory.take(each) for each in (gauge, gauge)] == [[3], []]


def test_a_restart_is_known_by_its_start_even_when_the_old_process_speaks_last() -> None:
    memory = Memory()
    assert memory.take(counter(100, 10, start=1)) == [100]
    assert memory.take(counter(3, 30, start=20)) == [3], "a new process began at zero"
    assert memory.take(counter(110, 25, start=1)) == [10], "its predecessor's last export came late"
    assert memory.take(counter(120, 40, start=20)) == [117], "more than before, and yet the same process"


def test_a_total_without_a_start_counts_from_the_first_that_was_seen_and_a_fall_is_a_reset() -> None:
    memory = Memory()
    assert [memory.take(counter(value, time, start=0)) for time, value in ((1, 50), (2, 53), (3, 2))] == [[], [3], [2]]


def test_series_are_told_apart_by_attributes_whatever_their_order() -> None:
    memory = Memory()
    assert memory.take(counter(5, 10, a="1", b="2")) == [5]
    assert memory.take(counter(6, 20, b="2", a="1")) == [1]
    assert memory.take(counter(6, 20, a="12", b="")) == [6]


def test_a_total_that_may_fall_is_a_level_and_what_is_added_to_one_a_count() -> None:
    point = metrics_pb2.NumberDataPoint(as_int=-3, time_unix_nano=5, start_time_unix_nano=1)
    of_total, of_delta = (
        export(sum=metrics_pb2.Sum(data_points=[point], aggregation_temporality=each)) for each in (CUMULATIVE, DELTA)
    )
    assert [each.points[0].series.kind for each in (of_total, of_delta)] == [Kind.GAUGE, Kind.COUNTER]
    assert Memory().take(of_total) == [-3]


def test_histograms_become_what_each_interval_observed() -> None:
    memory = Memory()
    assert memory.take(histogram([1, 0, 2], 10, total=6, min=0.5, max=4)) == [Explicit(3, 6, 0.5, 4, (1, 2), (1, 0, 2))]
    assert memory.take(histogram([1, 3, 2], 20, total=11, min=0.5, max=5)) == [
        Explicit(3, 5, None, 5, (1, 2), (0, 3, 0))
    ], "the least of all time is none of this interval"
    assert memory.take(histogram([0, 1, 0], 30, total=2)) == [Explicit(1, 2, None, None, (1, 2), (0, 1, 0))], "a reset"


def test_a_histogram_whose_bounds_change_while_it_goes_on_is_told_as_not_taken() -> None:
    memory = Memory()
    memory.take(histogram([1, 1], 10))
    changed = histogram([1, 1, 1], 20)
    kept = deltas(histogram([1, 1], 10).points, WHO, {}).states
    assert [each.reason for each in deltas(changed.points, WHO, kept).rejected] == [
        "its bounds changed although its start time did not"
    ]


def test_exponential_histograms_are_compared_at_the_coarser_scale() -> None:
    memory = Memory()
    assert memory.take(exponential(10, 1, 0, [1, 2, 3, 4])) == [
        Exponential(10, 0, scale=1, positive={0: 1, 1: 2, 2: 3, 3: 4})
    ]
    # A wider range came: the sender halved its scale, and counted two more.
    assert memory.take(exponential(20, 0, 0, [3, 7, 2])) == [Exponential(2, 0, scale=0, positive={2: 2})]
    # Of a wider zero: what was in [1, 2) is zero now.
    assert memory.take(exponential(30, 0, 1, [7, 3], zero_count=4, zero_threshold=2.0)) == [
        Exponential(2, 0, scale=0, zeros=1, zero_threshold=2.0, positive={2: 1})
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"sum": metrics_pb2.Sum(data_points=[metrics_pb2.NumberDataPoint(as_int=1)])}, "neither delta nor cumulative"),
        ({"gauge": metrics_pb2.Gauge(data_points=[metrics_pb2.NumberDataPoint(as_int=1)])}, "time_unix_nano"),
        ({"gauge": metrics_pb2.Gauge(data_points=[metrics_pb2.NumberDataPoint(time_unix_nano=1)])}, "no value"),
        (
            {
                "gauge": metrics_pb2.Gauge(
                    data_points=[metrics_pb2.NumberDataPoint(as_double=math.nan, time_unix_nano=1)]
                )
            },
            "not finite",
        ),
        (
            {
                "histogram": metrics_pb2.Histogram(
                    data_points=[
                        metrics_pb2.HistogramDataPoint(
                            count=3, bucket_counts=[1, 1], explicit_bounds=[1], time_unix_nano=1
                        )
                    ],
                    aggregation_temporality=DELTA,
                )
            },
            "count is not the sum",
        ),
        (
            {
                "exponential_histogram": metrics_pb2.ExponentialHistogram(
                    data_points=[metrics_pb2.ExponentialHistogramDataPoint(scale=99, time_unix_nano=1)],
                    aggregation_temporality=DELTA,
                )
            },
            "scale must be",
        ),
    ],
)
def test_a_point_that_says_nothing_sound_is_not_taken_and_the_answer_says_why(
    data: dict[str, Any], reason: str
) -> None:
    good = metrics_pb2.Metric(
        name="good", gauge=metrics_pb2.Gauge(data_points=[metrics_pb2.NumberDataPoint(as_int=1, time_unix_nano=1)])
    )
    found = messages.from_protobuf(request(good, metrics_pb2.Metric(name="bad", **data)).SerializeToString())
    assert [point.series.name for point in found.points] == ["good"]
    partial = messages.answer(found.rejected).partial_success
    assert partial.rejected_data_points == 1
    assert partial.error_message.startswith("bad: ")
    assert reason in partial.error_message


def test_the_json_of_otlp_says_the_same_as_its_protobuf() -> None:
    written = {
        "resourceMetrics": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "agent"}}]},
                "scopeMetrics": [
                    {
                        "metrics": [
                            {
                                "name": "calls",
                                "sum": {
                                    "aggregationTemporality": 2,
                                    "isMonotonic": True,
                                    "dataPoints": [
                                        {
                                            "asInt": "7",
                                            "timeUnixNano": "1700000000000000001",
                                            "startTimeUnixNano": 1,
                                            "exemplars": [
                                                {
                                                    "traceId": "00112233445566778899aabbccddeeff",
                                                    "filteredAttributes": [
                                                        {
                                                            "key": "qmcp.invocation_id",
                                                            "value": {"stringValue": "i-1"},
                                                        }
                                                    ],
                                                }
                                            ],
                                        }
                                    ],
                                },
                                "aFieldOfALaterVersion": {"x": 1},
                            }
                        ]
                    }
                ],
            }
        ]
    }
    (point,) = messages.from_json(json.dumps(written).encode()).points
    assert (point.series.source.service, point.time, point.value) == ("agent", 1700000000000000001, 7)
    assert point.exemplars == ("i-1",)
    for broken in (b"{", b'{"resourceMetrics": 3}', b"[]", b'{"a":' * 100 + b"1" + b"}" * 100):
        with pytest.raises(messages.MalformedError):
            messages.from_json(broken)


def test_attributes_of_every_type_have_one_text() -> None:
    values = {
        "string": AnyValue(string_value="x"),
        "bool": AnyValue(bool_value=True),
        "int": AnyValue(int_value=2**60),
        "double": AnyValue(double_value=0.5),
        "bytes": AnyValue(bytes_value=b"\xff"),
        "empty": AnyValue(),
    }
    point = metrics_pb2.NumberDataPoint(
        as_int=1, time_unix_nano=1, attributes=[KeyValue(key=name, value=value) for name, value in values.items()]
    )
    (found,) = export(gauge=metrics_pb2.Gauge(data_points=[point])).points
    expected = {"bool": "true", "double": "0.5", "empty": "", "int": str(2**60), "string": "x"}
    assert dict(found.series.attributes) == expected | {"bytes": base64.b64encode(b"\xff").decode()}


def test_a_point_without_a_value_on_purpose_is_no_fault() -> None:
    flags = metrics_pb2.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
    found = export(gauge=metrics_pb2.Gauge(data_points=[metrics_pb2.NumberDataPoint(time_unix_nano=1, flags=flags)]))
    assert found == Export((), ())


def test_points_of_one_export_are_taken_in_order_of_their_times() -> None:
    points: list[Point] = [*counter(9, 20).points, *counter(5, 10).points]
    assert [point.value for point in deltas(points, WHO, {}).points] == [5, 4]


def test_a_total_that_began_before_what_is_remembered_counts_from_now_on() -> None:
    points = counter(9, 20, start=5).points
    assert deltas(points, WHO, {}, since=5).points == ()
    assert [point.value for point in deltas(points, WHO, {}, since=4).points] == [9]
    assert key(points[0], WHO) != key(points[0], "agent-2"), "nobody's series hide another's"
