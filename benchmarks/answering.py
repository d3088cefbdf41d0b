"""Answers of people, many at once: how many there are in a commit, and what that gains over one a transaction."""

import asyncio
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks import load, systems
from benchmarks.measuring import Plan
from benchmarks.people import at, metric, people
from benchmarks.report import Row, Section
from benchmarks.systems import System

ANSWERS = 4_000
IN_FLIGHT = 64
COMMITS = "qmcp_commit_batch_size_count"
GROUP, SINGLE = "group commit", "one answer a transaction, pool of 10"


def bench(folder: Path, plan: Plan) -> Section:
    section = Section(f"Answers of people: group commit against one a transaction, {IN_FLIGHT} in flight")
    heading = ("", "answers/s", "p50 ms", "p99 ms", "answers a commit", "answers a NOTIFY")
    section.table = [(*heading, "server CPU µs an answer", "load, cores")]
    with (
        systems.hitl(folder / "group") as group,
        systems.hitl(folder / "single", "benchmarks.peers.one_by_one") as single,
    ):
        contenders = {GROUP: group, SINGLE: single}
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
        for number in range(plan.rounds + 1):
            for name, system in contenders.items():
                found = asyncio.run(_answer(system, f"load-{number}"))
                # Connections, plans of statements and caches come to be in the first round.
                rounds[name] += [found] if number else []
    figures = {name: {key: median(one[key] for one in each) for key in each[0]} for name, each in rounds.items()}
    for name, found in figures.items():
        cells = (f"{found['rate']:,.0f}", f"{found['p50']:.2f}", f"{found['p99']:.2f}", f"{found['commit']:.1f}")
        section.table.append((name, *cells, f"{found['notify']:.1f}", f"{found['cpu']:.0f}", f"{found['cores']:.2f}"))
        if found["cores"] > load.SATURATED:
            section.notes.append(f"With {name} the load itself was the limit ({found['cores']:.2f} cores).")
    ours, theirs = figures[GROUP], figures[SINGLE]
    gain = f"{ours['rate'] / theirs['rate']:.2f}x (by CPU an answer {theirs['cpu'] / ours['cpu']:.2f}x)"
    section.rows = [
        Row(f"answers: {GROUP} against {SINGLE}, {IN_FLIGHT} in flight", "> 1x", gain),
        Row("NOTIFYs a flush of answers", "1", f"{ours['commit'] / ours['notify']:.2f}"),
    ]
    section.notes.append("Both run the same rules and statements, and every answer was found on record.")
    return section


async def _answer(system: System, prefix: str) -> dict[str, float]:
    await asyncio.to_thread(people, "ask", system, prefix, ANSWERS)
    notified = 0

    def hear(*_: object) -> None:
        nonlocal notified
        notified += 1

    connection = await asyncpg.connect(system.database_url)
    try:
        commits, used = metric(system, COMMITS), system.cpu()
        await connection.add_listener("human_requests", hear)
        found = await asyncio.to_thread(people, "answer", system, prefix, ANSWERS, IN_FLIGHT)
        used = system.cpu() - used
        # Whatever was sent before this answer has been heard.
        await connection.fetchval("SELECT 1")
        decided = await connection.fetchval(
            "SELECT count(*) FROM human_requests WHERE id LIKE $1 AND status = 'responded'", f"{prefix}-%"
        )
    finally:
        await connection.close()
    if decided != ANSWERS:
        raise RuntimeError(f"{ANSWERS} answers were acknowledged, {decided} are on record")
    took = [1000 * seconds for seconds in found["took"]]
    return {
        "rate": ANSWERS / found["seconds"],
        "p50": at(took, 50),
        "p99": at(took, 99),
        # The peer has no committer; each of its answers is a commit.
        "commit": ANSWERS / ((metric(system, COMMITS) - commits) or ANSWERS),
        "notify": ANSWERS / notified,
        "cpu": 1e6 * used / ANSWERS,
        "cores": found["cores"],
    }
