"""People who wait: how soon they hear of a decision, and what it costs to wait."""

import time
from pathlib import Path

import grpc
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc

from benchmarks import systems
from benchmarks.measuring import Plan
from benchmarks.people import at, metric, people, waiting
from benchmarks.processes import LOAD_CORES, memory_mb
from benchmarks.report import Row, Section
from benchmarks.systems import System

DECISIONS_A_SECOND = 200
WAITERS, MANY = 1_000, 10_000
WARMING = 200
ANSWERERS = 64
# After a burst: what is still to be freed or written.
SETTLING_SECONDS = 1.0


def bench(folder: Path, plan: Plan) -> Section:
    del plan
    section = Section(f"People who wait: {WAITERS:,} told of decisions, {MANY:,} held open")
    section.table = [("", "p50 ms", "p99 ms", "KB a waiter", "how the calls ended")]
    _wake(section, folder / "wake")
    _hold(section, folder / "hold")
    return section


def _wake(section: Section, folder: Path) -> None:
    """Decisions one after the other, and each waiter's wake-up."""
    with systems.hitl(folder) as system:
        # Connections, plans of statements, caches.
        people("ask", system, "warm", WARMING)
        people("answer", system, "warm", WARMING, ANSWERERS)
        people("ask", system, "wake", WAITERS)
        with waiting(system, "wake", WAITERS, lambda: metric(system, "qmcp_hitl_waiters")) as waiters:
            decided = people("decide", system, "wake", WAITERS, DECISIONS_A_SECOND)
            waited = waiters()
        seen_ms = _wakeup_mean_ms(system)
    told, moments = waited["told"], decided["decided"]
    if waited["ended"] != {"told": WAITERS}:
        raise RuntimeError(f"of {WAITERS} waiters: {waited['ended']}")
    after_sent = sorted(1000 * (told[name] - sent) for name, (sent, _) in moments.items())
    after_known = sorted(1000 * max(0.0, told[name] - known) for name, (_, known) in moments.items())
    for what, times in (
        ("told, after the answer was acknowledged", after_known),
        ("told, after the answer was sent: its commit and all", after_sent),
    ):
        section.table.append((what, f"{at(times, 50):.2f}", f"{at(times, 99):.2f}", "", f"told {WAITERS:,}"))
    section.rows += [
        Row(f"decision → waiter, {WAITERS:,} waiters, p50", "≤ 5 ms", f"{at(after_known, 50):.2f} ms"),
        Row(f"decision → waiter, {WAITERS:,} waiters, p99", "≤ 15 ms", f"{at(after_known, 99):.2f} ms"),
    ]
    section.notes.append(
        f"{DECISIONS_A_SECOND} decisions a second. The processes of the waiters and of the deciders, on core "
        f"{LOAD_CORES[0]}, used {waited['cores']:.2f} and {decided['cores']:.2f} cores: they were not the limit. "
        f"From the decision to the wake-up inside the service: {seen_ms:.2f} ms on average."
    )


def _hold(section: Section, folder: Path) -> None:
    """As many waiters as one replica is for, opened at once; bare servers show what of it is gRPC's own."""
    with systems.hitl(folder) as system:
        people("ask", system, "many", MANY)
        time.sleep(SETTLING_SECONDS)
        before = memory_mb(system.pids["hitl"])
        begun = time.monotonic()
        with waiting(system, "many", MANY, lambda: metric(system, "qmcp_hitl_waiters")) as waiters:
            opened = time.monotonic() - begun
            time.sleep(SETTLING_SECONDS)
            held = _kilobytes_each(before, system.pids["hitl"])
            people("answer", system, "many", MANY, ANSWERERS)
            ended = waiters()["ended"]
    bare, serving = (_bare(kind, folder) for kind in ("bare", "serving"))
    how = ", ".join(f"{how} {number:,}" for how, number in ended.items())
    section.table += [
        (f"{MANY:,} waiters on as many requests", "", "", f"{held:.1f}", how),
        ("servicekit's server, waiting for nothing", "", "", f"{serving:.1f}", ""),
        ("grpc.aio alone, waiting for nothing", "", "", f"{bare:.1f}", ""),
    ]
    section.rows += [
        Row(f"memory a waiter, {MANY:,} waiters", "≤ 25 KB", f"{held:.1f} KB (grpc.aio's own share {bare:.1f})"),
        Row(f"of {MANY:,} waiters opened at once, CANCELLED or anything but told", "0", str(MANY - ended["told"])),
    ]
    section.notes.append(f"{MANY:,} waiters were open {opened:.1f} s after their process was started.")


def _bare(kind: str, folder: Path) -> float:
    with systems.bare_waits(kind, folder) as system:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(system.target, options=options) as channel:
            stub = hitl_service_pb2_grpc.HitlServiceStub(channel)
            request = hitl_service_pb2.ListHumanRequestsRequest()
            for _ in range(200):
                stub.ListHumanRequests(request)
            before = memory_mb(system.pids["server"])
            with waiting(system, "bare", MANY, lambda: stub.ListHumanRequests(request).count):
                time.sleep(SETTLING_SECONDS)
                return _kilobytes_each(before, system.pids["server"])


def _wakeup_mean_ms(system: System) -> float:
    seconds, number = (metric(system, f"qmcp_hitl_wakeup_seconds_{part}") for part in ("sum", "count"))
    return 1000 * seconds / number


def _kilobytes_each(before_mb: float, pid: int) -> float:
    return (memory_mb(pid) - before_mb) * 1024 / MANY
