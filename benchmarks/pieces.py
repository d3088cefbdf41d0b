"""What each cross-cutting piece costs: server CPU microseconds a call, one interceptor added at a time."""

from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks import systems
from benchmarks.invoking import over_grpc
from benchmarks.measuring import Contender, Plan
from benchmarks.processes import accepts, python, running, wait_until
from benchmarks.report import Section
from devstack import ports

INNER = ("context", "errors", "identity", "deadline", "validation")
QUIET = {"QMCP_LOG_LEVEL": "ERROR"}


def bench(folder: Path, plan: Plan) -> Section:
    in_flight = max(plan.in_flight)
    section = Section(f"What each piece costs, {in_flight} in flight: server CPU µs a call")
    everything = ",".join(("telemetry", *INNER))
    with ExitStack() as started:
        collector = ports.free()
        log = folder / "collector.log"
        pid = started.enter_context(running(python("-m", "benchmarks.collector", str(collector)), log))
        wait_until(lambda: accepts(collector), pid, log)
        kinds: list[tuple[str, str, dict[str, str]]] = [
            ("grpc.aio, tuned, as protoc's code registers it", "tuned", {}),
            ("the same as servicekit registers it", "with:", {}),
            *((f"+ {name}", f"with:{','.join(INNER[: i + 1])}", {}) for i, name in enumerate(INNER)),
            ("+ telemetry: metrics", f"with:{everything}", QUIET),
            ("+ telemetry: the log line", f"with:{everything}", {}),
            ("servicekit's server whole", "serving", {}),
            ("+ opentelemetry to a collector", "serving", {"QMCP_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}"}),
        ]
        contenders = [
            over_grpc(name, started.enter_context(systems.echo_server(kind, folder, environment)), "server")
            for name, kind, environment in kinds
        ]
        used = _cpu(contenders, in_flight, plan)
    section.table = [("", "µs a call", "difference")]
    before = 0.0
    for name, _, _ in kinds:
        difference = f"{used[name] - before:+.0f}" if before else ""
        section.table.append((name, f"{used[name]:.0f}", difference))
        before = used[name]
    return section


def _cpu(contenders: list[Contender], in_flight: int, plan: Plan) -> dict[str, float]:
    found: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.call(16, 1)
    for _ in range(plan.rounds):
        for contender in contenders:
            before = sum(contender.cpu().values())
            load = contender.call(in_flight, plan.seconds)
            found[contender.name].append(1e6 * (sum(contender.cpu().values()) - before) / max(1, load.acknowledged))
    return {name: median(rounds) for name, rounds in found.items()}
