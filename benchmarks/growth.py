"""What is asked of the audit beside a past of millions of rows, and with none: lists by each filter and pair."""

import asyncio
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import asyncpg
import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.tools.v1 import tools_service_pb2 as pb
from qmcp.tools.v1 import tools_service_pb2_grpc

from benchmarks import systems
from benchmarks.growth_rows import DAYS, INVOCATIONS, OPEN
from benchmarks.measuring import Plan
from benchmarks.report import Row, Section

ROWS = int(os.environ.get("QMCP_BENCH_ROWS", "10000000"))
AT_ONCE = 250_000
SAMPLES = 20
GOAL_MS = 20

Filter = Mapping[str, Any]


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    section = Section(f"Lists beside {ROWS:,} invocations of {DAYS} days")
    with systems.tools(folder) as system:
        empty = asyncio.run(_measure(system.target, "empty"))
        started = time.perf_counter()
        correlation_id = asyncio.run(_fill(system.database_url))
        filled = time.perf_counter() - started
        full = asyncio.run(_measure(system.target, correlation_id))
    section.table = [("asked for", "none on record: p50, p95, ms", f"{ROWS:,}: p50, p95, ms")]
    for group in dict.fromkeys(kind for kind, _, _ in full.values()):
        section.table.append((group, _worst(empty, group), _worst(full, group)))
    slowest = max(full, key=lambda name: full[name][1])
    section.rows = [
        Row(
            f"slowest list {which}, {ROWS:,} invocations, p50, p95",
            f"p95 < {GOAL_MS} ms",
            f"{_worst(full, kind)} ms (none on record: {_worst(empty, kind)})",
        )
        for which, kind in (("of the present", "of the present"), ("of all filters and pairs", ""))
    ]
    section.notes += [
        f"{len(full)} lists of 50, {SAMPLES} times each; the worst of each kind. The slowest: {slowest}.",
        f"The rows were written by the database itself, in {filled:.0f} s; 1,000 invocations are open.",
    ]
    return section


def _worst(found: Mapping[str, tuple[str, float, float]], kind: str) -> str:
    """The worst median and the worst p95 of a kind of list; of all for ""."""
    of_kind = [(p50, p95) for group, p50, p95 in found.values() if group.startswith(kind)]
    return f"{max(p50 for p50, _ in of_kind):.1f}, {max(p95 for _, p95 in of_kind):.1f}"


async def _fill(url: str) -> str:
    """Writes the rows; returns a correlation id that some have."""
    connection = await asyncpg.connect(url)
    try:
        for first in range(1, ROWS + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, ROWS)
            await connection.execute(INVOCATIONS.format(days=DAYS, count=ROWS, first=first, last=last))
        await connection.execute(OPEN)
        await connection.execute("VACUUM ANALYZE")
        found: str = await connection.fetchval(
            "SELECT correlation_id FROM invocations WHERE id < uuidv7(interval '-40 days') ORDER BY id DESC LIMIT 1"
        )
        return found
    finally:
        await connection.close()


def _filters(correlation_id: str) -> dict[str, tuple[str, Filter]]:
    """Each filter and each pair of them, with values that there are and that there are not, by name and kind."""
    now = datetime.now(UTC)
    values: dict[str, tuple[Any, ...]] = {
        "tool_name": ("tool-1", "absent"),
        "principal": ("agent-1", "absent"),
        "correlation_id": (correlation_id, "absent"),
        "status": ("awaiting_approval", "pending", "running", "success", "failed", "cancelled", "rejected"),
        "created_after": (now - timedelta(days=DAYS / 2), now - timedelta(days=2 * DAYS)),
        "created_before": (now - timedelta(days=DAYS / 2), now - timedelta(days=2 * DAYS)),
    }
    wanted: list[dict[str, Any]] = [{}, *({name: value} for name, found in values.items() for value in found)]
    wanted += [
        {one: first, other: second}
        for one, other in combinations(values, 2)
        for first in values[one]
        for second in values[other]
    ]
    return {_name(one): (_kind(one), one) for one in wanted}


def _name(wanted: Filter) -> str:
    shown = {name: f"{value:%Y-%m-%d}" if "created" in name else value for name, value in wanted.items()}
    return " and ".join(f"{name}={value}" for name, value in shown.items())


def _kind(wanted: Filter) -> str:
    if wanted.get("status") in {"awaiting_approval", "pending", "running"}:
        return "of the present, with any other filter" if len(wanted) > 1 else "of the present"
    return {0: "all", 1: "by one filter", 2: "by two filters"}[len(wanted)]


async def _measure(target: str, correlation_id: str) -> dict[str, tuple[str, float, float]]:
    """Of each list its kind, and in what time half and nineteen of twenty were answered, milliseconds."""
    found = {}
    async with grpc.aio.insecure_channel(target) as channel:
        stub = tools_service_pb2_grpc.ToolsServiceStub(channel)
        for name, (kind, wanted) in _filters(correlation_id).items():
            request = pb.ListInvocationsRequest(
                **{key: _timestamp(value) if isinstance(value, datetime) else value for key, value in wanted.items()}
            )
            times = []
            for _ in range(SAMPLES):
                started = time.perf_counter()
                await stub.ListInvocations(request)
                times.append((time.perf_counter() - started) * 1000)
            times.sort()
            found[name] = kind, times[SAMPLES // 2], times[SAMPLES * 95 // 100 - 1]
    return found


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
