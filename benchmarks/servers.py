"""grpc.aio as servicekit sets it up against grpc.aio as it comes, with the same bare servicer."""

from contextlib import ExitStack
from pathlib import Path

from benchmarks import systems
from benchmarks.invoking import over_grpc
from benchmarks.measuring import Plan, measure
from benchmarks.report import Row, Section, figures_table, ratio

TUNED, DEFAULTS = "grpc.aio, tuned", "grpc.aio, its defaults"


def bench(folder: Path, plan: Plan) -> Section:
    section = Section("The server: grpc.aio tuned (uvloop, no event engine) against its defaults, the same servicer")
    with ExitStack() as started:
        contenders = [
            over_grpc(name, started.enter_context(systems.echo_server(kind, folder)))
            for name, kind in ((TUNED, "tuned"), (DEFAULTS, "defaults"))
        ]
        figures = measure(contenders, plan)
    section.table = figures_table(figures.values())
    most = max(plan.in_flight)
    section.rows = [
        Row(f"{TUNED} against {DEFAULTS}, {most} in flight", "≥ 1.4x", ratio(figures, TUNED, DEFAULTS, most))
    ]
    return section
