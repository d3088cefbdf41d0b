"""Tasks claimed and completed: the domain of the tasks service against queues of PyPI and one written by hand."""

import asyncio
import json
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks import load, systems
from benchmarks.measuring import Plan
from benchmarks.peers.environments import PeerMissingError, python_of, version_of
from benchmarks.processes import ROOT, python
from benchmarks.report import Row, Section

TASKS, SKIP_LOCKED = "tasks", "SKIP LOCKED, one by one"
# Queues of PyPI, in environments of their own, and what is wanted of us beside each.
PEERS = {"procrastinate": "≥ 20x", "awa": "≥ 3x"}


def bench(folder: Path, plan: Plan) -> Section:
    section = Section(
        "Tasks claimed and completed, without transport",
        table=[("", "in flight", "tasks/s", "p50 ms", "p99 ms", "CPU µs a task")],
    )
    in_flight = max(plan.in_flight)
    commands = {
        TASKS: python("-m", "benchmarks.claim_rows", "tasks"),
        SKIP_LOCKED: python("-m", "benchmarks.claim_rows", "skip-locked"),
    }
    for name in PEERS:
        try:
            commands[name] = [str(python_of(name)), str(ROOT / "benchmarks" / "peers" / f"{name}_jobs.py")]
            section.notes.append(f"{name} is {version_of(name)}; its p50 and p99 are its time a job and worker.")
        except PeerMissingError as error:
            section.notes.append(f"{name} was not measured: {error}")
    rates: dict[str, list[tuple[float, ...]]] = {name: [] for name in commands}
    with systems.engine(folder / "postgres") as (engine, _):
        for number in range(plan.rounds):
            for name, command in commands.items():
                database = f"bench_{list(commands).index(name)}_{number}"
                asyncio.run(create_database(engine.url(), database))
                said, _ = load.run([*command, engine.url(database), str(in_flight), str(plan.seconds)])
                found = json.loads(said.splitlines()[-1])
                # Of the peers it is not known: theirs is that of their set-up, too.
                cpu = [1e6 * found.get(each, 0) / found["rows"] for each in ("cpu", "database_cpu")]
                rates[name].append((found["rows"] / found["seconds"], found["p50_ms"], found["p99_ms"], *cpu))
    middle = {name: [median(each) for each in zip(*several, strict=True)] for name, several in rates.items()}
    for name, (rate, p50, p99, own, database) in middle.items():
        used = "" if name in PEERS else f"{own:.0f} + postgres {database:.0f}"
        section.table.append((name, str(in_flight), f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}", used))
    ours = middle[TASKS][0]
    for name, goal in {**PEERS, SKIP_LOCKED: "≥ 6x"}.items():
        if name in middle:
            section.rows.append(
                Row(f"{TASKS} against {name}, {in_flight} workers", goal, f"{ours / middle[name][0]:.2f}x")
            )
    section.notes.append(
        "A task of ours is 35 columns wide; claimed and completed it is answered whole twice, and an attempt, two "
        "entries of its log and two numbered events of the board are written besides. The queue by hand updates a row "
        "of five columns twice; the peers run a job that does nothing."
    )
    return section


async def create_database(url: str, database: str) -> None:
    """Makes a database beside the one that the URL names."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {database}")
    finally:
        await connection.close()
