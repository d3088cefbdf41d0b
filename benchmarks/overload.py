"""Goodput when more is offered than the system can do: answers within 100 ms, through Envoy, over JSON and gRPC."""

import json
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from benchmarks import load, systems
from benchmarks.measuring import Plan
from benchmarks.processes import LOAD_CORES, SERVER_CORES
from benchmarks.report import Row, Section
from benchmarks.systems import INVOKE, MESSAGE, System

DEADLINE_MS = 100
OFFERED = (1.0, 2.0, 4.0)
GOALS = {2.0: "≥ 75 %", 4.0: "≥ 60 % with Envoy on a core of its own"}
SETTLING_SECONDS = 1.0
BUSY = ("tools", "envoy", "postgres")
# Of the closed loop that finds the capacity: enough to keep the system busy, and below every limit that sheds load.
IN_FLIGHT = 32
GRPC_TIMEOUT = {"grpc-timeout": f"{DEADLINE_MS}m"}
AS_GRPC = {"content-type": "application/grpc", "te": "trailers"}
ANSWERED = re.compile(r'^qmcp_grpc_requests_total\{code="OK",method="/[^"]*/InvokeTool"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Form:
    """How the calls come."""

    name: str
    path: str
    body: bytes
    headers: dict[str, str]
    staggered: bool


def bench(folder: Path, plan: Plan) -> Section:
    section = Section(f"Goodput within {DEADLINE_MS} ms under overload, through Envoy, open loop")
    section.table = [("", "offered, of capacity", "in time, of capacity", "p99 ms of what was let in", "cores")]
    for where, cores in (("Envoy shares a core", SERVER_CORES), ("Envoy with the load on the other core", LOAD_CORES)):
        place = folder / str(len(section.table))
        place.mkdir(mode=0o711)
        with systems.tools(place, edge=True, edge_cores=cores) as system:
            _measure(section, where, system, plan)
    section.notes.append(
        f"The capacity is the mean of closed loops of {IN_FLIGHT} just before and after; medians of {plan.rounds} "
        "rounds. Even: a call at a time; bursts: 50 at once."
    )
    return section


def _measure(section: Section, where: str, system: System, plan: Plan) -> None:
    as_json = json.dumps({"input": {"message": MESSAGE}}).encode()
    url = f"http://127.0.0.1:{system.http_port}"
    invoke = "/v1/tools/echo:invoke"
    message = systems.echo_body()
    framed = struct.pack(">BI", 0, len(message)) + message
    forms = (
        Form("JSON, even", invoke, as_json, {"content-type": "application/json"}, staggered=True),
        Form("JSON, bursts", invoke, as_json, {"content-type": "application/json"}, staggered=False),
        Form("gRPC, even", f"/{INVOKE}", framed, AS_GRPC, staggered=True),
    )

    def capacity() -> float:
        time.sleep(SETTLING_SECONDS)
        return load.http(url + invoke, as_json.decode(), IN_FLIGHT, 1).rate

    # Until the edge has found the service; on a busy machine that takes seconds.
    while not load.http(url + invoke, as_json.decode(), IN_FLIGHT, 2).rate:
        pass
    for form in forms:
        for factor in OFFERED:
            rounds = sorted(_round(system, url, form, factor, capacity, plan) for _ in range(plan.rounds))
            share, p99_ms, cores = rounds[len(rounds) // 2]
            section.table.append((f"{where}: {form.name}", f"{factor:g}x", f"{share:.0%}", f"{p99_ms:.0f}", cores))
            if factor in GOALS:
                name = f"goodput at {factor:g}x of the capacity offered, {form.name}; {where}"
                section.rows.append(Row(name, GOALS[factor], f"{share:.0%}"))


def _round(
    system: System, url: str, form: Form, factor: float, capacity: Callable[[], float], plan: Plan
) -> tuple[float, float, str]:
    before = capacity()
    time.sleep(SETTLING_SECONDS)
    used, answered = {name: system.cpu(name) for name in BUSY}, _answered(system)
    found = load.open_loop(
        url + form.path,
        form.body,
        factor * before,
        max(4.0, plan.seconds),
        DEADLINE_MS,
        form.headers | GRPC_TIMEOUT,
        staggered=form.staggered,
    )
    cores = ", ".join(f"{name} {(system.cpu(name) - used[name]) / found.seconds:.2f}" for name in BUSY)
    in_time = found.in_time
    if form.headers is AS_GRPC:
        # Over gRPC every answer is a 200 of HTTP, refusals too; the service counts what it answered in time.
        in_time = _answered(system) - answered
    around = (before + capacity()) / 2
    return in_time / found.seconds / around, found.p99_ms, cores


def _answered(system: System) -> int:
    """How many calls the service has answered well."""
    with urlopen(f"http://127.0.0.1:{system.metrics_port}/metrics") as page:
        return sum(round(float(count)) for count in ANSWERED.findall(page.read().decode()))
