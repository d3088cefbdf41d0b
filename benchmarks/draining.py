"""Whether claims become slower with how many were before them: what is completed leaves dead entries in the indexes."""

import asyncio
import json
import os
from pathlib import Path

from benchmarks import load, systems
from benchmarks.claiming import create_database
from benchmarks.measuring import Plan
from benchmarks.processes import python
from benchmarks.report import Row, Section

TASKS = int(os.environ.get("QMCP_BENCH_TASKS", "500000"))


def bench(folder: Path, plan: Plan) -> Section:
    in_flight = max(plan.in_flight)
    section = Section(f"{TASKS:,} tasks claimed and completed, one after the other, {in_flight} workers")
    section.table = [("tasks", "tasks/s", "CPU µs a task", "of postgres")]
    with systems.engine(folder / "postgres") as (engine, _):
        asyncio.run(create_database(engine.url(), "drained"))
        command = python("-m", "benchmarks.claim_rows", "drain", engine.url("drained"), str(in_flight), str(TASKS))
        said, _ = load.run(command)
    parts = json.loads(said.splitlines()[-1])
    number = TASKS // len(parts)
    for at, part in enumerate(parts):
        own, database = (f"{1e6 * part[name] / number:.0f}" for name in ("cpu", "database_cpu"))
        section.table.append((f"to {(at + 1) * number:,}", f"{number / part['seconds']:,.0f}", own, database))
    first, last = (sum(each["seconds"] for each in some) for some in (parts[:2], parts[-2:]))
    less, more = (sum(each["database_cpu"] for each in some) for some in (parts[:2], parts[-2:]))
    section.rows = [
        Row(f"rate of the last fifth of {TASKS:,} against the first", "≥ 85 %", f"{100 * first / last:.0f} %"),
        Row("CPU time of Postgres for a task, the same", "", f"{100 * more / less:.0f} %"),
    ]
    section.notes.append("Rates say something on an idle machine only, CPU times on a busy one, too.")
    return section
