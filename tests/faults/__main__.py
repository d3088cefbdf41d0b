"""`python -m tests.faults`: the long form. kill -9 by the dozen, a million acknowledged calls, 100,000 of everything else."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.faults import decisions
from tests.faults.crashes import IN_FLIGHT, crash
from tests.faults.disconnects import storm
from tests.faults.measurements import crash_measuring
from tests.faults.sharing import share_out
from tests.tasks.agents import WRITES

# Events of a request to metrics.
REQUEST = 250


async def run(arguments: argparse.Namespace) -> bool:
    good = True
    seed = arguments.seed
    if arguments.kills:
        with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
            kills = ["service", "postgres"] * arguments.kills
            report = await crash(Path(folder), kills, acknowledged=arguments.acknowledged, seed=seed)
        found = report.findings
        holds = (
            (found.lost, found.doubled, found.open, found.faults, found.violations) == (0, 0, 0, [], [])
            and found.receipts == found.recorded
            and found.unacknowledged <= len(kills) * IN_FLIGHT
        )
        good &= _say("kill -9", report.text(), holds)
        with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
            report = await crash(Path(folder), ["postgres"] * 4, synchronous_commit="off", seed=seed)
        good &= _say("negative control: synchronous_commit=off must lose", report.text(), report.findings.lost > 0)
    if arguments.disconnects:
        with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
            after = await storm(Path(folder), arguments.disconnects, seed)
        holds = (
            (after.open, after.in_flight, after.queued) == (0, 0, 0)
            and len(after.tasks_after) <= len(after.tasks_before) + 2
            and after.memory_after_mb < after.memory_before_mb + 50
        )
        good &= _say("disconnects", after.text(), holds)
    good &= await _decide(arguments)
    good &= await _measure(arguments)
    return await _share_out(arguments) and good


async def _decide(arguments: argparse.Namespace) -> bool:
    """The hitl service."""
    good = True
    seed = arguments.seed
    if arguments.kills:
        with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
            report = await decisions.crash(Path(folder), ["service", "postgres"] * arguments.kills, seed=seed)
        good &= _say("kill -9 while people ask, wait and answer", report.text(), report.findings.sound)
        with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
            report = await decisions.crash(Path(folder), ["postgres"] * 2, synchronous_commit="off", seed=seed)
        lost = bool(report.findings.lost)
        good &= _say("negative control: synchronous_commit=off must lose answers", report.text(), lost)
    if arguments.races:
        with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
            report = await decisions.race(Path(folder), arguments.races, 8, seed)
        holds = report.findings.sound and report.findings.questions == arguments.races
        good &= _say("eight who race for each question", report.text(), holds)
    if arguments.interleavings:
        with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
            report = await decisions.interleave(Path(folder), arguments.interleavings, seed)
        holds = report.findings.sound and report.findings.slowest_wakeup < 10
        good &= _say("random interleavings, the listeners killed every second", report.text(), holds)
    return good


async def _measure(arguments: argparse.Namespace) -> bool:
    """The metrics service: so many events in requests of 250."""
    if not arguments.measured:
        return True
    with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
        kills = ["service", "postgres"] * 5
        requests = -(-arguments.measured // REQUEST)
        found = await crash_measuring(Path(folder), kills, events=REQUEST, acknowledged=requests, seed=arguments.seed)
    text = f"{found.acknowledged * REQUEST:,} events acknowledged, {len(kills)} kills: {found}"
    good = _say("kill -9 while events come in", text, found.sound)
    with tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder:
        found = await crash_measuring(
            Path(folder), ["postgres"] * 2, synchronous_commit="off", forgetful=True, seed=arguments.seed
        )
    caught = found.lost > 0 and bool(found.rolled_up_wrong)
    return _say("negative control: synchronous_commit=off must lose events", str(found), caught) and good


async def _share_out(arguments: argparse.Namespace) -> bool:
    """The tasks service, with tools and hitl."""
    if not arguments.tasks:
        return True
    board = await share_out(arguments.agents, arguments.tasks, arguments.seed, fenced=True)
    good = _say("agents that die, stall past their leases and wait for humans", board.text(), board.sound)
    board = await share_out(arguments.agents, arguments.tasks // 10, arguments.seed, fenced=False)
    late = all(board.late_writes[each] for each in WRITES)
    return _say("negative control: without the check of tokens they must be caught", board.text(), late) and good


def _say(what: str, text: str, holds: bool) -> bool:
    print(f"== {what}: {'holds' if holds else 'DOES NOT HOLD'}\n{text}\n", flush=True)
    return holds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="of the service, and as many of Postgres; 0: none")
    parser.add_argument("--acknowledged", type=int, default=1_000_000, help="calls answered at the end, at least")
    parser.add_argument("--disconnects", type=int, default=100_000, help="calls that are left; 0: none")
    parser.add_argument("--races", type=int, default=100_000, help="questions with eight racing answers; 0: none")
    parser.add_argument("--interleavings", type=int, default=10_000, help="with listeners killed; 0: none")
    parser.add_argument("--measured", type=int, default=1_000_000, help="events that are acknowledged; 0: none")
    parser.add_argument("--tasks", type=int, default=1_000, help="that agents share out; 0: none")
    parser.add_argument("--agents", type=int, default=50, help="that share them out")
    parser.add_argument("--seed", type=int, help="repeats the random points of a run")
    return 0 if asyncio.run(run(parser.parse_args())) else 1


if __name__ == "__main__":
    sys.exit(main())
