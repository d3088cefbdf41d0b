"""What is asked of the audit beside millions of rows, and with none: lists by each filter and pair, summaries."""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import grpc
from qmcp.tools.v1 import tools_service_pb2 as pb
from qmcp.tools.v1 import tools_service_pb2_grpc

from benchmarks import systems
from benchmarks.growth_rows import CHAINS, DAYS, INVOCATIONS, OPEN, UNCOUNTED
from benchmarks.lists import GOAL_MS, SAMPLES, Filter, Found, combined, filling, measured, slowest, worst
from benchmarks.measuring import Plan
from benchmarks.report import Row, Section

ROWS = int(os.environ.get("QMCP_BENCH_ROWS", "10000000"))
AT_ONCE = 500_000

PRESENT = {"awaiting_approval", "pending", "running"}
SUMMARIES = "summaries: of a day, of a week, of a tool"
SUMMARY_OF_ALL = "summary of all that is on record"


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    section = Section(f"Lists and summaries beside {ROWS:,} invocations of {DAYS} days")
    with systems.tools(folder) as system:
        empty = asyncio.run(_measure(system.target, "empty"))
        started = time.perf_counter()
        correlation_id, counted = asyncio.run(_fill(system.database_url))
        filled = time.perf_counter() - started - counted
        full = asyncio.run(_measure(system.target, correlation_id))
    section.table = [("asked for", "none on record: p50, p95, ms", f"{ROWS:,}: p50, p95, ms")]
    for group in dict.fromkeys(kind for kind, _, _ in full.values()):
        section.table.append((group, worst(empty, group), worst(full, group)))
    lists = {name: one for name, one in full.items() if "summar" not in one[0]}
    bare = {name: one for name, one in empty.items() if "summar" not in one[0]}
    section.rows = [
        Row(
            f"slowest list {which}, {ROWS:,} invocations, p50, p95",
            f"p95 < {GOAL_MS} ms",
            f"{worst(lists, kind)} ms (none on record: {worst(bare, kind)})",
        )
        for which, kind in (("of the present", "of the present"), ("of all filters and pairs", ""))
    ]
    section.notes += [
        f"{len(lists)} lists of 50, {SAMPLES} times each; the worst of each kind. The slowest: {slowest(lists)}.",
        f"The rows were written by the database itself in {filled:.0f} s, counted by the service in {counted:.0f} s.",
        "1,000 invocations are open.",
    ]
    return section


async def _fill(url: str) -> tuple[str, float]:
    """Writes the rows; returns a correlation id that some have, and how long the service took to count them all."""
    async with filling(url, "invocations", "outcomes") as connection:
        for first in range(1, ROWS + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, ROWS)
            await connection.execute(INVOCATIONS.format(days=DAYS, count=ROWS, first=first, last=last))
        await connection.execute(OPEN)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(CHAINS)
        started = time.perf_counter()
        while await connection.fetchval(UNCOUNTED):  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(1)
        counted = time.perf_counter() - started
        found: str = await connection.fetchval(
            "SELECT correlation_id FROM invocations WHERE id < uuidv7(interval '-40 days') ORDER BY id DESC LIMIT 1"
        )
        return found, counted
    finally:
        await connection.close()


def _filters(correlation_id: str) -> list[Filter]:
    """Each filter and each pair of them, with values that there are and that there are not."""
    now = datetime.now(UTC)
    values: dict[str, tuple[Any, ...]] = {
        "tool_name": ("tool-1", "absent"),
        "principal": ("agent-1", "absent"),
        "correlation_id": (correlation_id, "absent"),
        "status": (*sorted(PRESENT), "success", "failed", "cancelled", "rejected"),
        "created_after": (now - timedelta(days=DAYS / 2), now - timedelta(days=2 * DAYS)),
        "created_before": (now - timedelta(days=DAYS / 2), now - timedelta(days=2 * DAYS)),
    }
    return combined(values)


def _kind(wanted: Filter) -> str:
    if wanted.get("status") in PRESENT:
        return "of the present, with any other filter" if len(wanted) > 1 else "of the present"
    return {0: "all", 1: "by one filter", 2: "by two filters"}[len(wanted)]


async def _measure(target: str, correlation_id: str) -> Found:
    now = datetime.now(UTC)
    week = now - timedelta(days=7)
    async with grpc.aio.insecure_channel(target) as channel:
        stub = tools_service_pb2_grpc.ToolsServiceStub(channel)
        lists = await measured(
            lambda fields: stub.ListInvocations(pb.ListInvocationsRequest(**fields)), _filters(correlation_id), _kind
        )
        some, of_all = [
            await measured(
                lambda fields: stub.SummarizeInvocations(pb.SummarizeInvocationsRequest(**fields)), wanted, of_kind
            )
            for wanted, of_kind in (
                ([{}, {"created_after": week}, {"tool_name": "tool-1"}], lambda _: SUMMARIES),
                ([{"created_after": now - timedelta(days=2 * DAYS)}], lambda _: SUMMARY_OF_ALL),
            )
        ]
        found = {f"summary of {name}": one for name, one in {**some, **of_all}.items()}
        return {**lists, **found}
