"""Events a second in bulk: as columns, by psql's COPY of the same rows into the same table, and by VictoriaMetrics."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import load, measurements, systems
from benchmarks.measuring import Contender, Figure, Plan, measure
from benchmarks.processes import accepts, cpu_seconds, running, wait_until
from benchmarks.report import Row, Section
from benchmarks.systems import System
from devstack import ports, postgres

BATCH, IN_FLIGHT = 10_000, 16
# So many batches are one file of \\copy: each file costs a process and a connection.
FILE_BATCHES = 20
COLUMNS, COPY, VICTORIA = "columns over gRPC", "psql \\copy csv", "VictoriaMetrics' import"
# What copies into the table of events, as their service does; its trigger gives them a number to be rolled up by.
STATEMENT = "\\copy metric_events (at, series_id, value, duration_ms, request, position) FROM '{file}' CSV"


def bench(folder: Path, plan: Plan) -> Section:
    section = Section(f"Metrics in bulk: batches of {BATCH:,}, {IN_FLIGHT} in flight, \\copy by one")
    with ExitStack() as started:
        system = started.enter_context(systems.metrics(folder))
        contenders = [
            measurements.over_grpc(folder, system, COLUMNS, measurements.columns(BATCH)),
            _copy(folder, system),
            started.enter_context(_victoria(folder)),
        ]
        figures = measure(contenders, Plan((IN_FLIGHT,), plan.rounds, plan.seconds))
    found = {name: figure for (name, _), figure in figures.items()}
    section.table = [
        ("", "events/s", "CPU us/event"),
        *((name, f"{each.rate * BATCH:,.0f}", _cpu(each)) for name, each in found.items()),
    ]
    section.rows = [
        Row(f"{COLUMNS} against {name}", goal, f"{found[COLUMNS].rate / found[name].rate:.2f}x")
        for name, goal in ((COPY, "≥ 1.0x"), (VICTORIA, "≥ 0.30x"))
    ]
    section.notes = [
        f"Of {COLUMNS} the CPU is that of the service, which builds roll-ups, and of Postgres; of {COPY} it is that of",
        f"Postgres. The service rolls up what {COPY} wrote as well, then or later. {VICTORIA} keeps one value an",
        "event, and answers before it is on disk.",
    ]
    return section


def _cpu(figure: Figure) -> str:
    return ", ".join(f"{process} {used / BATCH:.2f}" for process, used in figure.cpu_us.items())


def _copy(folder: Path, system: System) -> Contender:
    rows = folder / "events.csv"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    events = measurements.events(BATCH)
    with rows.open("w") as file:
        for batch in range(FILE_BATCHES):
            file.writelines(
                f"{at},1,{value!r},{duration!r},{batch},{position}\n"
                for position, (_, value, duration, _) in enumerate(events)
            )
    own = postgres.program("psql")
    command = [str(own) if own.exists() else load.tool("psql"), system.database_url, "-q", "-v", "ON_ERROR_STOP=1"]

    def call(in_flight: int, seconds: float) -> load.Load:
        started, times, cpu = time.perf_counter(), [], 0.0
        while (begun := time.perf_counter()) - started < seconds:
            cpu += load.run([*command, "-c", STATEMENT.format(file=rows)])[1]
            times.append((time.perf_counter() - begun) * 1e3)
        elapsed = time.perf_counter() - started
        middle = sorted(times)[len(times) // 2]
        return load.Load(in_flight, elapsed, len(times) * FILE_BATCHES, 0, middle, middle, middle, cpu / elapsed)

    return Contender(COPY, call, lambda: {"postgres": system.cpu("postgres")})


@contextmanager
def _victoria(folder: Path) -> Iterator[Contender]:
    port, log = ports.free(), folder / "victoria.log"
    command = [
        *(load.tool("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1"),
        f"-storageDataPath={folder / 'victoria'}",
    ]
    lines = "".join(
        f'{kind}{{tool_name="{dimensions["tool_name"]}",success="{dimensions["success"]}"}} {duration!r}\n'
        for kind, _, duration, dimensions in measurements.events(BATCH)
    )
    url = f"http://127.0.0.1:{port}/api/v1/import/prometheus"
    with running(command, log) as pid:
        wait_until(lambda: accepts(port), pid, log)
        yield Contender(
            VICTORIA,
            lambda in_flight, seconds: load.http(url, lines, in_flight, seconds),
            lambda: {"server": cpu_seconds([pid])},
        )
