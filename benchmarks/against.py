"""`python -m benchmarks.against COMMIT`: this checkout beside an earlier commit, in turn, in one run.

Calls a second say little on a machine that does other things as well; the CPU time of a call, of two that are measured
in turn, says whether it became dearer.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import load, systems
from benchmarks.invoking import over_grpc, over_http
from benchmarks.measuring import Contender, Figure, Plan, measure
from benchmarks.people import people
from benchmarks.processes import HERE, ROOT, SERVER_CORES, Tree
from benchmarks.report import Row, Section, figures_table, machine, text

OURS, THEIRS = "now", "then"
WARMING, ASKED = 200, 2_000
ANSWERERS = 64


@contextmanager
def checkout(commit: str) -> Iterator[Tree]:
    """An earlier commit with what it needs; or the folder of a checkout that is set up already."""
    if (interpreter := Path(commit).resolve() / ".venv" / "bin" / "python").exists():
        yield Tree(Path(commit).resolve(), interpreter)
        return
    with tempfile.TemporaryDirectory(prefix="qmcp-against-") as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], cwd=ROOT, check=True)
        try:
            yield _set_up(tree)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def _set_up(tree: Path) -> Tree:
    interpreter = tree / ".venv" / "bin" / "python"
    if (tree / "devstack" / "environment.py").exists():
        subprocess.run([sys.executable, "devstack/environment.py", "run"], cwd=tree, check=True)
        return Tree(tree, interpreter)
    # As it was before there was that: pip alone, and no resolving.
    subprocess.run([sys.executable, "-m", "venv", str(tree / ".venv")], check=True)
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--requirement", "requirements.lock"], cwd=tree, check=True)
    subprocess.run([*pip, "--no-build-isolation", "--editable", "."], cwd=tree, check=True)
    return Tree(tree, interpreter)


def bench(folder: Path, plan: Plan, then: Tree) -> Section:
    """InvokeTool over gRPC and over HTTP/JSON, and people who are asked and answer."""
    section = Section("This checkout beside an earlier commit: CPU a call, now against then")
    with ExitStack() as started:
        contenders: list[Contender] = []
        for name, tree in ((OURS, HERE), (THEIRS, then)):
            place = folder / name
            place.mkdir(mode=0o711)
            system = started.enter_context(systems.tools(place, edge=True, tree=tree))
            contenders += [over_grpc(f"{name}, gRPC", system, "tools", "postgres"), over_http(f"{name}, HTTP", system)]
        figures = measure(contenders, plan)
    section.table = figures_table(figures.values())
    for in_flight in plan.in_flight:
        for door in ("gRPC", "HTTP"):
            ours, theirs = figures[f"{OURS}, {door}", in_flight], figures[f"{THEIRS}, {door}", in_flight]
            section.rows.append(Row(f"InvokeTool over {door}, {in_flight} in flight", "≤ 1.0x", _dearer(ours, theirs)))
    section.rows.append(Row("asked and answered, a person, CPU", "≤ 1.0x", _people(folder, plan, then)))
    return section


def _dearer(ours: Figure, theirs: Figure) -> str:
    parts = ", ".join(f"{part} {ours.cpu_us[part] / theirs.cpu_us[part]:.2f}x" for part in ours.cpu_us)
    return f"{ours.all_cpu_us / theirs.all_cpu_us:.2f}x ({parts})"


def _people(folder: Path, plan: Plan, then: Tree) -> str:
    """CreateRequest and its answer with somebody who waits, by the load of `waiting`."""
    spent: dict[str, dict[str, float]] = {OURS: {}, THEIRS: {}}
    with ExitStack() as started:
        running = {
            name: started.enter_context(systems.hitl(folder / f"{name}-hitl", tree=tree))
            for name, tree in ((OURS, HERE), (THEIRS, then))
        }
        for number in range(plan.rounds + 1):
            for name, system in running.items():
                before = {process: system.cpu(process) for process in system.pids}
                people("ask", system, f"round-{number}", ASKED if number else WARMING)
                people("answer", system, f"round-{number}", ASKED if number else WARMING, ANSWERERS)
                if number:
                    for process, used in before.items():
                        spent[name][process] = spent[name].get(process, 0.0) + system.cpu(process) - used
    parts = ", ".join(f"{process} {used / spent[THEIRS][process]:.2f}x" for process, used in spent[OURS].items())
    return f"{sum(spent[OURS].values()) / sum(spent[THEIRS].values()):.2f}x ({parts})"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against", description=__doc__)
    parser.add_argument("commit", help="what to compare with; or the folder of a checkout that is set up")
    parser.add_argument("--in-flight", default="16,64", help="calls in flight, comma-separated (16,64)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is taken (5)")
    parser.add_argument("--seconds", type=float, default=3, help="of a round (3)")
    arguments = parser.parse_args()
    plan = Plan(tuple(map(int, arguments.in_flight.split(","))), arguments.rounds, arguments.seconds)
    print(f"{machine()}; cores of the servers: {SERVER_CORES}\n", flush=True)
    try:
        with checkout(arguments.commit) as then, tempfile.TemporaryDirectory(prefix="qmcp-bench-") as folder:
            Path(folder).chmod(0o711)
            print(text(bench(Path(folder), plan, then)), flush=True)
    except load.MissingToolError as error:
        print(f"not measured: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
