"""Goodput when more is offered than the system can do: answers within 100 ms, through Envoy."""

import json
import time
from pathlib import Path

from benchmarks import load, systems
from benchmarks.measuring import Plan
from benchmarks.report import Row, Section
from benchmarks.systems import MESSAGE

DEADLINE_MS = 100
OFFERED = (0.5, 1.0, 2.0, 4.0)
GOALS = {2.0: "≥ 75 %", 4.0: "≥ 60 %"}
SETTLING_SECONDS = 1.5
BUSY = ("tools", "envoy", "postgres")
# Of the closed loop that finds the capacity: enough to keep the system busy, and below every limit that sheds load.
IN_FLIGHT = 32


def bench(folder: Path, plan: Plan) -> Section:
    section = Section(f"Goodput within {DEADLINE_MS} ms under overload, through Envoy, open loop")
    section.table = [
        (
            "offered, of capacity",
            "offered/s",
            "in time/s",
            "of capacity",
            "answered/s",
            "refused or late",
            "p99 ms",
            "cores",
        )
    ]
    body = json.dumps({"input": {"message": MESSAGE}})
    # The callers tell their deadline, as gRPC clients do of themselves.
    headers = {"grpc-timeout": f"{DEADLINE_MS}m"}
    with systems.tools(folder, edge=True) as system:
        url = f"http://127.0.0.1:{system.http_port}/v1/tools/echo"
        load.http(url, body, IN_FLIGHT, 2)
        capacity = max(load.http(url, body, IN_FLIGHT, plan.seconds).rate for _ in range(plan.rounds))
        before = system.rows()
        answered = 0
        for factor in OFFERED:
            time.sleep(SETTLING_SECONDS)
            used = {name: system.cpu(name) for name in BUSY}
            found = load.open_loop(url, body, factor * capacity, max(4.0, plan.seconds), DEADLINE_MS, headers)
            cores = ", ".join(f"{name} {(system.cpu(name) - used[name]) / found.seconds:.2f}" for name in BUSY)
            answered += found.answered
            share = found.goodput / capacity
            line = (
                f"{found.rate:,.0f}",
                f"{found.goodput:,.0f}",
                f"{share:.0%}",
                f"{found.answered / found.seconds:,.0f}",
            )
            late = found.calls - found.in_time
            section.table.append((f"{factor:g}x", *line, f"{late:,} of {found.calls:,}", f"{found.p99_ms:.0f}", cores))
            if factor in GOALS:
                section.rows.append(
                    Row(f"goodput at {factor:g}x of the capacity offered", GOALS[factor], f"{share:.0%}")
                )
            if found.generator > load.SATURATED:
                section.notes.append(f"At {factor:g}x the load itself was the limit ({found.generator:.2f} cores).")
        if system.rows() - before < answered:
            section.notes.append("FEWER ROWS THAN ACKNOWLEDGED")
    section.notes.append(f"Capacity: {capacity:,.0f} calls/s, {IN_FLIGHT} in flight, the best of {plan.rounds} rounds.")
    return section
