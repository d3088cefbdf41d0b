"""What is asked of human requests and of deliveries beside a past of many, and with none: by each filter and pair."""

import asyncio
import os
import time
from pathlib import Path

import grpc
from qmcp.hitl.v1 import hitl_service_pb2 as pb
from qmcp.hitl.v1 import hitl_service_pb2_grpc

from benchmarks import systems
from benchmarks.growth_rows import DAYS, REQUESTS, WEBHOOK
from benchmarks.lists import GOAL_MS, SAMPLES, Filter, Found, combined, filling, measured, slowest, worst
from benchmarks.measuring import Plan
from benchmarks.report import Row, Section

ROWS = int(os.environ.get("QMCP_BENCH_REQUESTS", "1000000"))
AT_ONCE = 100_000

REQUEST_VALUES = {
    "status": ("pending", "responded", "expired", "cancelled"),
    "request_type": ("type-1", "absent"),
    "correlation_id": ("absent",),
    "requester": ("agent-1", "absent"),
    "assignee": ("human-1", "rare", "absent"),
    "group": ("group-1", "rare", "absent"),
    "tag": ("tag-1", "rare", "absent"),
}
DELIVERY_VALUES = {
    "webhook_id": ("0193f0a0-0000-7000-8000-000000000001", "0193f0a0-0000-7000-8000-000000000002"),
    "human_request_id": ("asked-7", "absent"),
    "status": ("pending", "delivered", "failed"),
}


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    section = Section(f"Lists beside {ROWS:,} human requests, answers and deliveries of {DAYS} days")
    with systems.hitl(folder) as system:
        empty = asyncio.run(_measure(system.target))
        started = time.perf_counter()
        asyncio.run(_fill(system.database_url))
        filled = time.perf_counter() - started
        full = asyncio.run(_measure(system.target))
    section.table = [("asked for", "none on record: p50, p95, ms", f"{ROWS:,}: p50, p95, ms")]
    for group in dict.fromkeys(kind for kind, _, _ in full.values()):
        section.table.append((group, worst(empty, group), worst(full, group)))
    section.rows = [
        Row(
            f"slowest list of human requests and deliveries, {ROWS:,} of each, p50, p95",
            f"p95 < {GOAL_MS} ms",
            f"{worst(full, '')} ms (none on record: {worst(empty, '')})",
        )
    ]
    late = sorted((name for name, one in full.items() if one[2] >= GOAL_MS), key=lambda name: -full[name][2])
    section.notes += [
        f"{len(full)} lists of 50, {SAMPLES} times each; the worst of each kind. The slowest: {slowest(full)}.",
        f"Past the goal: {', '.join(late) or 'none'}.",
        f"The rows were written by the database itself, in {filled:.0f} s; one request of 2,000 is pending.",
    ]
    return section


async def _fill(url: str) -> None:
    async with filling(url, "human_requests", "deliveries") as connection:
        await connection.execute(WEBHOOK)
        for first in range(1, ROWS + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, ROWS)
            await connection.execute(REQUESTS.format(days=DAYS, count=ROWS, first=first, last=last))


def _kind(wanted: Filter) -> str:
    if wanted.get("status") == "pending":
        return "requests that are pending, with any other filter"
    return {0: "all requests", 1: "requests by one filter", 2: "requests by two filters"}[len(wanted)]


async def _measure(target: str) -> Found:
    async with grpc.aio.insecure_channel(target) as channel:
        stub = hitl_service_pb2_grpc.HitlServiceStub(channel)
        requests = await measured(
            lambda fields: stub.ListHumanRequests(pb.ListHumanRequestsRequest(**fields)),
            combined(REQUEST_VALUES),
            _kind,
        )
        deliveries = await measured(
            lambda fields: stub.ListDeliveries(pb.ListDeliveriesRequest(**fields)),
            combined(DELIVERY_VALUES),
            lambda _: "deliveries by any filter or two",
        )
        return {**requests, **{f"deliveries: {name}": one for name, one in deliveries.items()}}
