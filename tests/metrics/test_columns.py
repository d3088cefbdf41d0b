"""Events that come as columns are judged and kept as those that come one by one."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from qmcp.metrics.v1 import metric_pb2

from tests.metrics.service import Replica, event, pb
from tests.wire import refusal

in_one_loop = pytest.mark.asyncio(loop_scope="module")

NOW_US = int(datetime.now(UTC).timestamp() * 1_000_000)
SERIES = [
    metric_pb2.ColumnSeries(type="tool_execution", dimensions={"tool_name": "é"}),
    metric_pb2.ColumnSeries(type="custom"),
    metric_pb2.ColumnSeries(type="nonsense"),
    metric_pb2.ColumnSeries(type="custom", dimensions={"1st": "x"}),
]
# Series, time, value, duration of each event, and the field for which it is rejected.
EVENTS: list[tuple[int, int, float, float, str]] = [
    (0, NOW_US, 1.5, 0.25, ""),
    (1, NOW_US - 1, -1e12, np.nan, ""),
    (2, NOW_US, 1, np.nan, "type"),
    (3, NOW_US, 1, np.nan, "dimensions"),
    (4, NOW_US, 1, np.nan, "series_index"),
    (2**32 - 1, NOW_US, 1, np.nan, "series_index"),
    (0, NOW_US, np.nan, np.nan, "value"),
    (0, NOW_US, np.inf, np.nan, "value"),
    (0, NOW_US, 1.01e12, np.nan, "value"),
    (0, NOW_US, 1, -1, "duration_ms"),
    (0, NOW_US, 1, np.inf, "duration_ms"),
    (0, NOW_US + 3600 * 10**6, 1, np.nan, "at"),
    (0, -(2**63), 1, np.nan, "at"),
    (1, NOW_US - 86_400 * 10**6, 0, 86_400_000, ""),
]


def columns(**changes: Any) -> pb.IngestMetricColumnsRequest:
    index, at_us, value, duration, _ = zip(*EVENTS, strict=True)
    fields: dict[str, Any] = {
        "service": "columns",
        "series": SERIES,
        "series_index": np.array(index, "<u4").tobytes(),
        "measured_us": np.array(at_us, "<i8").tobytes(),
        "value": np.array(value, "<f8").tobytes(),
        "durations_ms": np.array(duration, "<f8").tobytes(),
    }
    return pb.IngestMetricColumnsRequest(**{**fields, **changes})


@in_one_loop
async def test_columns_are_judged_and_kept_as_single_events_are(shared: Replica) -> None:
    answer = await shared.stub.IngestMetricColumns(columns())
    wrong = [(number, field) for number, (*_, field) in enumerate(EVENTS) if field]
    assert [(each.index, each.field) for each in answer.rejections] == wrong
    assert (answer.status, answer.accepted, answer.rejected) == ("partial", len(EVENTS) - len(wrong), len(wrong))
    singly = []
    for index, at_us, value, duration, field in EVENTS:
        if not field:
            one = event(type=SERIES[index].type, dimensions=dict(SERIES[index].dimensions))
            one.value = value
            one.at.FromMicroseconds(at_us)
            if not np.isnan(duration):
                one.duration_ms = duration
            singly.append(one)
    await shared.ingest(*singly, service="singly")

    def kept(rows: list[dict[str, Any]]) -> list[Any]:
        return sorted(
            (row["at"], row["type"], row["dimensions"], row["value"], row["duration_ms"] or -1) for row in rows
        )

    rows = await shared.rows("columns")
    assert kept(rows) == kept(await shared.rows("singly"))
    assert [row["position"] for row in rows] == [number for number, (*_, field) in enumerate(EVENTS) if not field]


@in_one_loop
async def test_columns_that_are_empty_say_nothing(shared: Replica) -> None:
    request = columns(service="empty", measured_us=b"", durations_ms=b"", series=SERIES[:2])
    request.series_index, request.value = bytes(400), np.arange(100, dtype="<f8").tobytes()
    assert (await shared.stub.IngestMetricColumns(request)).accepted == 100
    rows = await shared.rows("empty")
    assert [row["value"] for row in rows] == [*range(100)]
    assert {row["duration_ms"] for row in rows} == {None}
    assert len({row["at"] for row in rows}) == 1


@in_one_loop
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"series_index": bytes(7)}, "series_index"),
        ({"series_index": b""}, "series_index"),
        ({"value": bytes(8)}, "value"),
        ({"value": bytes(9)}, "value"),
        ({"measured_us": bytes(16)}, "measured_us"),
        ({"durations_ms": bytes(12)}, "durations_ms"),
        ({"series": []}, "series"),
        ({"series_index": bytes(200_004)}, "series_index"),
    ],
)
async def test_columns_of_different_lengths_are_refused(shared: Replica, changes: dict[str, Any], field: str) -> None:
    refused = await refusal(shared.stub.IngestMetricColumns(columns(**changes)))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", [field])
