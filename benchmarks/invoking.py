"""InvokeTool with its audit, over gRPC and through Envoy, against its peers and against a bare RPC."""

import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from benchmarks import load, systems
from benchmarks.measuring import Contender, Plan, measure
from benchmarks.peers import serving
from benchmarks.peers.environments import PeerMissingError, version_of
from benchmarks.processes import cpu_seconds
from benchmarks.report import Row, Section, figures_table, ratio, ratio_to_best
from benchmarks.systems import INVOKE, MESSAGE, System

GRPC, HTTP, BARE = "qmcp gRPC", "qmcp HTTP/JSON through Envoy", "bare echo on the same server"
ORIGINAL, FASTMCP, CONTEXTFORGE = "original's shape", "FastMCP tools/call", "ContextForge tools/call"
PEERS: dict[str, tuple[str, Callable[[Path], AbstractContextManager[serving.Peer]]]] = {
    ORIGINAL: ("original", serving.original),
    FASTMCP: ("fastmcp", serving.fastmcp),
    CONTEXTFORGE: ("contextforge", serving.contextforge),
}


def bench(folder: Path, plan: Plan) -> Section:
    section = Section("InvokeTool `echo`, intent and outcome durable, against its peers")
    with ExitStack() as started:
        system = started.enter_context(systems.tools(folder, edge=True))
        bare = started.enter_context(systems.echo_server("serving", folder))
        contenders = [over_grpc(GRPC, system, "tools", "postgres"), over_http(HTTP, system), over_grpc(BARE, bare)]
        for name, (environment, start) in PEERS.items():
            try:
                peer = started.enter_context(start(folder))
                _probe(name, peer.url, peer.body, peer.headers)
            except (PeerMissingError, RuntimeError, OSError, subprocess.CalledProcessError) as error:
                section.notes.append(f"{name} is left out: {error}")
                continue
            contenders.append(_peer(name, peer))
            section.notes.append(f"{name}: {version_of(environment)}")
        figures = measure(contenders, plan)
    section.table = figures_table(figures.values())
    most = max(plan.in_flight)
    goals = (
        (GRPC, ORIGINAL, "≥ 6x, p99 ≤ 1/10"),
        (HTTP, ORIGINAL, "≥ 4x"),
        (GRPC, FASTMCP, "≥ 3x"),
        (HTTP, FASTMCP, "≥ 3x"),
        (HTTP, CONTEXTFORGE, "≥ 100x"),
        (GRPC, BARE, "≥ 0.6x"),
    )
    measured = {contender.name for contender in contenders}
    section.rows = [
        Row(f"{ours} against {theirs}, {most} in flight", goal, ratio(figures, ours, theirs, most))
        if theirs != CONTEXTFORGE
        # It fails most calls when many are in flight; what it does best is what we compare with.
        else Row(
            f"{ours}, {most} in flight, against {theirs} at its best", goal, ratio_to_best(figures, ours, theirs, most)
        )
        for ours, theirs, goal in goals
        if theirs in measured
    ]
    return section


def over_grpc(name: str, system: System, *processes: str) -> Contender:
    """A system's InvokeTool over gRPC; the CPU time is that of these processes, or of all."""
    body = systems.echo_body()

    def call(in_flight: int, seconds: float) -> load.Load:
        metadata = {"idempotency-key": "{{.UUID}}"}
        return load.grpc(system.target, INVOKE, body, systems.DESCRIPTORS, in_flight, seconds, metadata)

    names = processes or tuple(system.pids)
    rows = system.rows if system.database_url else None
    return Contender(name, call, lambda: {process: system.cpu(process) for process in names}, rows)


def over_http(name: str, system: System) -> Contender:
    """The same over HTTP/JSON through its Envoy."""
    url = f"http://127.0.0.1:{system.http_port}/v1/tools/echo"
    body = json.dumps({"input": {"message": MESSAGE}})
    _probe(name, url, body, {})
    names = ("tools", "envoy", "postgres")
    return Contender(
        name,
        lambda in_flight, seconds: load.http(url, body, in_flight, seconds),
        lambda: {process: system.cpu(process) for process in names},
        system.rows,
    )


def _peer(name: str, peer: serving.Peer) -> Contender:
    return Contender(
        name,
        lambda in_flight, seconds: load.http(peer.url, peer.body, in_flight, seconds, peer.headers),
        lambda: {"server": cpu_seconds(peer.pids)},
        peer.rows if peer.database else None,
        slow=name == CONTEXTFORGE,
    )


def _probe(name: str, url: str, body: str, headers: Mapping[str, str]) -> None:
    """A server that answers quickly that it cannot do it is not to win."""
    answer = serving.post(url, body, headers)
    if MESSAGE not in answer:
        raise RuntimeError(f"{name} does not echo: {answer[:300]}")
