"""Group commit against one INSERT a call, and against the C client that does nothing else.

All three write to one table, so the check of its rows against what was acknowledged is of all three together.
"""

import asyncio
import json
import re
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from benchmarks import load, systems
from benchmarks.commit_rows import INPUT, RESULT, TABLE
from benchmarks.measuring import Contender, Plan, measure
from benchmarks.processes import cpu_seconds, python
from benchmarks.report import Row, Section, figures_table, ratio
from devstack import postgres

GROUP, SINGLE, PGBENCH = "group commit", "one INSERT a call, pool of 10", "pgbench, one INSERT a transaction"


def bench(folder: Path, plan: Plan) -> Section:
    section = Section("Durable rows: group commit against one INSERT a call")
    with systems.engine(folder / "postgres") as (engine, pid):
        url = engine.url()

        def rows() -> int:
            return asyncio.run(_count(url))

        def contender(name: str, how: str) -> Contender:
            def call(in_flight: int, seconds: float) -> load.Load:
                command = python("-m", "benchmarks.commit_rows", how, url, str(in_flight), str(seconds))
                # The client is the load here, and has the load's core; Postgres has the other.
                found = json.loads(load.run(command)[0])
                return load.Load(
                    *(in_flight, found["seconds"], found["rows"], 0),
                    *(found[f"p{each}_ms"] for each in (50, 95, 99)),
                    generator=found["cpu"] / found["seconds"],
                )

            return Contender(name, call, lambda: {"postgres": cpu_seconds([pid])}, rows)

        def pgbench(in_flight: int, seconds: float) -> load.Load:
            return _pgbench(engine, in_flight, seconds)

        contenders = [
            contender(GROUP, "group"),
            contender(SINGLE, "single"),
            Contender(PGBENCH, pgbench, lambda: {"postgres": cpu_seconds([pid])}, rows),
        ]
        figures = measure(contenders, plan)
    section.table = figures_table(figures.values())
    section.notes.append("`load, cores` is the client itself here; it and Postgres have a core each.")
    most = max(plan.in_flight)
    section.rows = [
        Row(f"{GROUP} against {SINGLE}, {most} in flight", "≥ 5x", ratio(figures, GROUP, SINGLE, most)),
        Row(f"{GROUP} against {PGBENCH}, {most} in flight", "≥ 2.5x", ratio(figures, GROUP, PGBENCH, most)),
    ]
    return section


def _pgbench(engine: postgres.Postgres, in_flight: int, seconds: float) -> load.Load:
    program = postgres.program("pgbench")
    command = str(program) if program.exists() else load.tool("pgbench")
    parts = urlsplit(engine.url())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "insert.sql"
        script.write_text(
            f"INSERT INTO bench_rows (id, input, result, name) VALUES (uuidv7(), '{INPUT}', '{RESULT}', 'echo');\n"
        )
        output, cpu = load.run(
            [
                *(command, "--protocol", "prepared", "--no-vacuum", "--file", str(script)),
                *("--client", str(in_flight), "--jobs", "1", "--time", str(max(1, round(seconds)))),
                *("--log", "--log-prefix", str(folder / "log")),
                *("--host", str(parts.hostname), "--port", str(parts.port), "--username", str(parts.username)),
                str(parts.path.strip("/")),
            ],
            {"PGPASSWORD": engine.password},
        )
        # client, transaction, microseconds, …
        times = sorted(int(line.split()[2]) for log in folder.glob("log.*") for line in log.read_text().splitlines())
    found = re.search(r"tps = ([\d.]+)", output)
    if found is None or not times:
        raise RuntimeError(f"pgbench reported nothing: {output}")
    elapsed = len(times) / float(found[1])
    percentiles = (times[len(times) * each // 100] / 1000 for each in (50, 95, 99))
    return load.Load(in_flight, elapsed, len(times), 0, *percentiles, cpu / elapsed)


async def _count(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(TABLE)
        return int(await connection.fetchval("SELECT count(*) FROM bench_rows"))
    finally:
        await connection.close()
