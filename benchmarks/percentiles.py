"""Percentiles of events that came in by the real path, over several times and groupings, beside numpy's of the same."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.metrics.v1 import metric_pb2, metrics_service_pb2, metrics_service_pb2_grpc, query_pb2

from benchmarks import systems
from benchmarks.measuring import Plan
from benchmarks.report import Row, Section

EVENTS = int(os.environ.get("QMCP_BENCH_EVENTS", "1000000"))
A_REQUEST = 25_000
SHARES = (0.5, 0.95, 0.99)
GOAL = 0.01
SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
SERVICE = "percentiles"
TOOLS, CLIENTS, USERS = 6, 2, 20
SPAN = 8 * HOUR
# From how long before the end until how long before it, and the width of a step, microseconds.
TIMES: Mapping[str, tuple[int, int, int]] = {
    "all 8 hours": (SPAN, 0, 0),
    "6 hours, a point an hour": (6 * HOUR, 0, HOUR),
    "an hour from the middle of a minute": (5 * HOUR + 17 * SECOND, 4 * HOUR - 5 * SECOND, 0),
    "2 hours, a point in five minutes": (5 * HOUR, 3 * HOUR, 5 * MINUTE),
}
# The last is not rolled up: events answer.
GROUPINGS: Sequence[Sequence[str]] = ((), ("tool_name",), ("tool_name", "client_name"), ("user",))


@dataclass(frozen=True, slots=True)
class Sent:
    """Columns of the events that were sent."""

    at: Any
    duration: Any
    labels: Mapping[str, Any]


def generated(count: int, end: int, seed: int = 11) -> Sent:
    """Events of the 8 hours before the end: of each tool spread in another way, from microseconds to hours."""
    random = np.random.default_rng(seed)
    tool = random.integers(0, TOOLS, count)
    shapes = [
        random.lognormal(3, 1.5, count),
        random.exponential(40, count),
        np.minimum(random.pareto(1.1, count), 1e5) + 0.001,
        # Two peaks, ten thousand apart.
        np.where(random.random(count) < 0.97, random.normal(5, 0.5, count).clip(0.1), random.normal(5e4, 900, count)),
        random.choice([0.0, 1.0, 250.0], count, p=[0.02, 0.9, 0.08]),
        random.uniform(900, 1_100, count),
    ]
    duration = np.choose(tool % len(shapes), shapes).clip(0, 8e7)
    labels = {
        "tool_name": tool,
        "client_name": random.integers(0, CLIENTS, count),
        "user": random.integers(0, USERS, count),
    }
    return Sent(end - random.integers(1, SPAN, count), duration, labels)


async def send(stub: Any, sent: Sent) -> None:
    """By columns, as whoever has many events sends them."""
    tool, client, user = (sent.labels[name] for name in ("tool_name", "client_name", "user"))
    series = [
        metric_pb2.ColumnSeries(
            type="tool_execution", dimensions={"tool_name": str(each), "client_name": str(other), "user": str(third)}
        )
        for each in range(TOOLS)
        for other in range(CLIENTS)
        for third in range(USERS)
    ]
    index = (tool * CLIENTS + client) * USERS + user
    for begin in range(0, len(sent.at), A_REQUEST):
        some = slice(begin, begin + A_REQUEST)
        answer = await stub.IngestMetricColumns(
            metrics_service_pb2.IngestMetricColumnsRequest(
                service=SERVICE,
                series=series,
                series_index=index[some].astype("<u4").tobytes(),
                measured_us=sent.at[some].astype("<i8").tobytes(),
                value=np.ones(len(index[some])).astype("<f8").tobytes(),
                durations_ms=sent.duration[some].astype("<f8").tobytes(),
            )
        )
        assert answer.rejected == 0, answer.errors[:3]


async def largest_error(stub: Any, sent: Sent, end: int, times: tuple[int, int, int], by: Sequence[str]) -> float:
    """Of all percentiles of one question the largest relative error; raises where a count is not that of the events."""
    begin, until, step = times
    request = query_pb2.QueryMetricsRequest(
        group_by=by,
        start_at=_stamp(end - begin),
        end_at=_stamp(end - until),
        step_seconds=step // SECOND,
        quantiles=SHARES,
    )
    request.selection.service, request.selection.measure = SERVICE, "duration_ms"
    answer = await stub.QueryMetrics(request, timeout=300)
    worst, seen = 0.0, 0
    for line in answer.series:
        group = np.ones(len(sent.at), np.bool_)
        for name in by:
            group &= sent.labels[name] == int(line.group[name])
        at, durations = sent.at[group], sent.duration[group]
        for point in line.points:
            start, stop = _microseconds(point.start_at), _microseconds(point.end_at)
            values = durations[(at >= start) & (at < stop)]
            assert point.count == len(values), f"{point.count} values where {len(values)} were sent"
            true = np.quantile(values, SHARES, method="inverted_cdf")
            found = np.array([each.value for each in point.quantiles])
            worst = max(worst, float(np.max(np.abs(found - true) / np.where(true == 0, 1, true))))
            seen += len(values)
    whole = int(((sent.at >= end - begin) & (sent.at < end - until)).sum())
    assert seen == whole, f"{seen} values where {whole} were sent"
    return worst


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    with systems.metrics(folder) as system:
        return asyncio.run(_measured(system))


async def _measured(system: systems.System) -> Section:
    section = Section(f"Percentiles of {EVENTS:,} events beside numpy's: the largest relative error")
    section.table = [("", *(" and ".join(by) or "all together" for by in GROUPINGS))]
    end = time.time_ns() // 1_000
    sent = generated(EVENTS, end)
    worst = 0.0
    async with grpc.aio.insecure_channel(system.target, options=[("grpc.max_receive_message_length", -1)]) as channel:
        stub = metrics_service_pb2_grpc.MetricsServiceStub(channel)
        await send(stub, sent)
        for name, times in TIMES.items():
            errors = [await largest_error(stub, sent, end, times, by) for by in GROUPINGS]
            worst = max(worst, *errors)
            section.table.append((name, *(f"{100 * error:.3f} %" for error in errors)))
    section.rows = [
        Row(f"percentiles of {EVENTS:,} events against numpy's", f"≤ {100 * GOAL:.0f} %", f"{100 * worst:.3f} %")
    ]
    section.notes = ["p50, p95, p99, each held against numpy's `inverted_cdf`; every count is that of what was sent."]
    return section


def _stamp(at: int) -> Timestamp:
    return Timestamp(seconds=at // SECOND, nanos=at % SECOND * 1_000)


def _microseconds(at: Timestamp) -> int:
    return at.seconds * SECOND + at.nanos // 1_000
