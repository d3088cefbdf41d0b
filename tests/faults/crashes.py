"""kill -9 of the service and of Postgres at random points under load, and what is left afterwards."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.faults.ledger import Findings, compare
from tests.faults.load import EchoCallers
from tests.faults.processes import LEASE_SECONDS, Engine, Replica, running

IN_FLIGHT = 64
# Between being whole again and the next kill.
MIN_SECONDS, MAX_SECONDS = 0.3, 1.2
# Of anybody's next answer; nothing that comes back takes as long.
BACK_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """A run."""

    seed: int
    findings: Findings
    kills: dict[str, int]
    # How long each kind was away, longest, seconds.
    away: dict[str, float] = field(default_factory=dict)

    def text(self) -> str:
        found = self.findings
        lines = [
            f"seed {self.seed}, kills {self.kills}, longest away { ({k: round(v, 2) for k, v in self.away.items()}) } s",
            f"acknowledged {found.acknowledged:,}, recorded {found.recorded:,}, receipts verified {found.receipts:,}",
            f"lost {found.lost}, doubled {found.doubled}, without ending {found.open}",
            f"on record but unanswered {found.unacknowledged}, interrupted {found.interrupted}",
            *found.faults[:10],
            *found.violations[:10],
        ]
        return "\n".join(lines)


class Callers(Protocol):
    """Whoever makes the load."""

    @property
    def acknowledged(self) -> int:
        """How often they have been answered."""

    async def until_acknowledged(self, number: int) -> None:
        """Waits until they have been answered that often."""


async def strike(
    victims: Sequence[tuple[str, Engine | Replica]], callers: Callers, chance: random.Random, acknowledged: int = 0
) -> dict[str, float]:
    """Kills one after the other at random points, spread over as many answers, and starts it again.

    Returns:
        How long each kind was away, longest, seconds: until callers were answered again.
    """
    away: dict[str, float] = {}
    for number, (what, victim) in enumerate(victims):
        await callers.until_acknowledged(acknowledged * number // len(victims))
        async with asyncio.timeout(BACK_WITHIN):
            await callers.until_acknowledged(callers.acknowledged + 1)
        await asyncio.sleep(chance.uniform(MIN_SECONDS, MAX_SECONDS))
        victim.kill()
        killed_at = time.monotonic()
        await victim.start()
        async with asyncio.timeout(BACK_WITHIN):
            await callers.until_acknowledged(callers.acknowledged + 1)
        away[what] = max(away.get(what, 0), time.monotonic() - killed_at)
    return away


async def crash(
    folder: Path,
    kills: Sequence[str],
    *,
    acknowledged: int = 0,
    synchronous_commit: str = "on",
    seed: int | None = None,
) -> Report:
    """Runs load and kills; afterwards goes on until enough calls were acknowledged.

    Args:
        folder: where the data goes.
        kills: what to kill, in order: `service`, `postgres`.
        acknowledged: how many calls must have been answered at the end; kills are spread over them.
        synchronous_commit: a setting of the database. `off` acknowledges before the commit is on disk, and loses.
        seed: of the random points; None for a new one.
    """
    seed = random.randrange(2**32) if seed is None else seed
    chance = random.Random(seed)
    async with running(folder) as (engine, replica):
        if synchronous_commit != "on":
            await engine.execute(f"ALTER DATABASE qmcp_tools SET synchronous_commit = {synchronous_commit}")
            replica.stop()
            await replica.start()
        callers = EchoCallers(replica.target, IN_FLIGHT)
        async with callers.calling():
            victims: dict[str, Engine | Replica] = {"postgres": engine, "service": replica}
            away = await strike([(what, victims[what]) for what in kills], callers, chance, acknowledged)
            await callers.until_acknowledged(max(acknowledged, callers.acknowledged + IN_FLIGHT))
        async with EchoCallers(replica.target, 0).calling() as stub:
            # What the database has forgotten, nobody can end; there is no use in waiting for it.
            ends_within = 6 * LEASE_SECONDS if synchronous_commit == "on" else 0
            findings = await compare(callers.ledger, engine.url, stub, ends_within)
    return Report(seed, findings, {what: list(kills).count(what) for what in set(kills)}, away)
