"""What is asked about metrics: percentiles of a day of events, by roll-ups and by Postgres; and 30 days of roll-ups."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import grpc
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.metrics.v1 import metrics_service_pb2_grpc, query_pb2

from benchmarks import systems
from benchmarks.measuring import Plan
from benchmarks.report import Row, Section

ROWS = int(os.environ.get("QMCP_BENCH_EVENTS", "10000000"))
# Events of the 29 days before.
BEFORE = ROWS // 5
SERIES = 400
AT_ONCE = 250_000
SAMPLES = 40
SHARES = [0.5, 0.95, 0.99]
GOAL_RATIO, GOAL_ERROR, GOAL_MS = 20, 0.01, 20
INSERT_SERIES = """
    INSERT INTO series (id, principal, service, version, instance_id, type, dimensions)
    SELECT n, 'bench', 'service-' || n % 8, '', '',
           (ARRAY['auth_request', 'tool_discovery', 'tool_execution', 'custom'])[n % 4 + 1],
           jsonb_build_object('tool_name', 'tool-' || n % 50, 'client_name', 'client-' || n % 7)
    FROM generate_series(1, $1) AS n
"""
INSERT_EVENTS = """
    INSERT INTO metric_events (at, series_id, value, duration_ms, request, position)
    SELECT $1::timestamptz - n * ($2::interval / $3::bigint), 1 + (random() * ($4::integer - 1))::integer, 1,
           exp(random_normal(3, 1.2)), n, 0
    FROM generate_series($5::bigint, $6::bigint) AS n
"""
PERCENTILES = """
    SELECT {by}, percentile_cont($3::float8[]) WITHIN GROUP (ORDER BY duration_ms) AS found
    FROM metric_events
    JOIN series s ON s.id = series_id
    WHERE at >= $1
      AND at < $2
    GROUP BY 1
"""
DAY = 86_400


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    with systems.metrics(folder) as system:
        return asyncio.run(_measured(system))


async def _measured(system: systems.System) -> Section:
    section = Section(f"Asking about {ROWS:,} events of a day, and {BEFORE:,} of the 29 days before")
    connection = await asyncpg.connect(system.database_url)
    async with grpc.aio.insecure_channel(system.target) as channel:
        stub = metrics_service_pb2_grpc.MetricsServiceStub(channel)
        end = int(time.time()) - 37
        filled, rolled = await _fill(connection, end)
        section.table = [("24 hours, p50, p95, p99", "percentile_cont, ms", "roll-ups, ms", "ratio", "largest error")]
        worst_ratio, worst_error = float("inf"), 0.0
        for by, column in (("type", "s.type"), ("tool_name", "s.dimensions ->> 'tool_name'")):
            request = _question([by], end - DAY, end, 0)
            ours, answer = await _timed(lambda request=request: stub.QueryMetrics(request), SAMPLES)
            theirs, rows = await _timed(
                lambda column=column: connection.fetch(PERCENTILES.format(by=column), _at(end - DAY), _at(end), SHARES),
                3,
            )
            true = {row[0]: row["found"] for row in rows}
            error = max(
                float(
                    np.max(
                        np.abs(np.array([each.value for each in line.points[0].quantiles]) / true[line.group[by]] - 1)
                    )
                )
                for line in answer.series
            )
            ratio = median(theirs) / median(ours)
            worst_ratio, worst_error = min(worst_ratio, ratio), max(worst_error, error)
            cells = f"{median(theirs):,.0f}", f"{median(ours):.1f}", f"{ratio:.0f}x", f"{100 * error:.2f} %"
            section.table.append((f"by {by}", *cells))
        slowest = 0.0
        for name, by, step in (
            ("all, a point a day", [], DAY),
            ("by service, a point a day", ["service"], DAY),
            ("by tool, one point", ["tool_name"], 0),
            ("by tool, a point a day", ["tool_name"], DAY),
            ("all, a point an hour", [], 3_600),
        ):
            # Ends at a different second each time.
            took = []
            for sample in range(SAMPLES):
                request = _question(by, end - 30 * DAY - sample, end - sample, step)
                took += (await _timed(lambda request=request: stub.QueryMetrics(request), 1))[0]
            p95 = float(np.quantile(took, 0.95))
            slowest = max(slowest, p95)
            section.table.append((f"30 days, {name}", "", f"p50 {median(took):.1f}, p95 {p95:.1f}", "", ""))
    await connection.close()
    section.rows = [
        Row(
            f"24 h percentiles over {ROWS:,} events, roll-ups against percentile_cont",
            f"≥ {GOAL_RATIO}x, error ≤ {100 * GOAL_ERROR:.0f} %",
            f"{worst_ratio:.0f}x, error {100 * worst_error:.2f} %",
        ),
        Row("a question over 30 days, the slowest kind, p95", f"< {GOAL_MS} ms", f"{slowest:.1f} ms"),
    ]
    section.notes = [
        f"{SERIES} series; no time ends on a minute. Written in {filled:.0f} s, rolled up {rolled:.0f} s later.",
        "Ours through gRPC with one caller, medians; theirs in Postgres alone, with the index that events have (BRIN).",
    ]
    return section


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", end: int) -> tuple[float, float]:
    """Writes events; how long that took, and how long it took from then on until all are rolled up, seconds."""
    started = time.perf_counter()
    await connection.execute(INSERT_SERIES, SERIES)
    for count, last, span in ((BEFORE, end - DAY, timedelta(days=29)), (ROWS, end, timedelta(days=1))):
        for first in range(1, count + 1, AT_ONCE):
            upto = min(first + AT_ONCE - 1, count)
            await connection.execute(INSERT_EVENTS, _at(last), span, count, SERIES, first, upto)
    written = time.perf_counter()
    while await connection.fetchval("SELECT EXISTS (SELECT FROM pending_rollups)"):  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.2)
    rolled = time.perf_counter()
    await connection.execute("VACUUM ANALYZE")
    return written - started, rolled - written


def _question(by: list[str], start: int, end: int, step: int) -> query_pb2.QueryMetricsRequest:
    request = query_pb2.QueryMetricsRequest(
        group_by=by,
        start_at=Timestamp(seconds=start),
        end_at=Timestamp(seconds=end),
        step_seconds=step,
        quantiles=SHARES,
    )
    request.selection.measure = "duration_ms"
    return request


async def _timed(ask: Callable[[], Awaitable[Any]], times: int) -> tuple[list[float], Any]:
    """Milliseconds of each of so many calls, and the last answer; one more before them is not counted."""
    took = []
    if times > 1:
        await ask()
    answer = None
    for _ in range(times):
        started = time.perf_counter()
        answer = await ask()
        took.append((time.perf_counter() - started) * 1e3)
    return took, answer


def _at(seconds: int) -> Any:
    return Timestamp(seconds=seconds).ToDatetime(tzinfo=UTC)
