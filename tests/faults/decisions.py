"""Questions and answers under kill -9, under the loss of the listener, and under many who race."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.faults.answers import Findings, compare, last_event
from tests.faults.crashes import strike
from tests.faults.processes import Engine, Replica, replicas
from tests.faults.questions import Rounds

ROUNDS_AT_ONCE = 16
RESPONDERS = 3
# The watcher may be told of a last event only after the replica has found its database again.
SEEN_WITHIN = 30.0
LISTENERS = """
    SELECT count(pg_terminate_backend(pid))
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE 'LISTEN%'
"""


@dataclass(frozen=True, slots=True)
class Report:
    """A run."""

    seed: int
    rounds: int
    findings: Findings
    kills: dict[str, int] = field(default_factory=dict)
    # How long each kind was away, longest, seconds.
    away: dict[str, float] = field(default_factory=dict)

    def text(self) -> str:
        away = {what: round(seconds, 2) for what, seconds in self.away.items()}
        return f"seed {self.seed}, rounds {self.rounds:,}, kills {self.kills}, longest away {away} s\n{self.findings.text()}"


async def crash(
    folder: Path, kills: Sequence[str], *, synchronous_commit: str = "on", seed: int | None = None
) -> Report:
    """Kills what is named, `service` or `postgres`, in this order while people ask, wait and answer.

    Args:
        folder: where the data goes.
        kills: what to kill, in order.
        synchronous_commit: a setting of the database. `off` acknowledges before the commit is on disk, and loses.
        seed: of the random points; None for a new one.
    """
    seed = random.randrange(2**32) if seed is None else seed
    chance = random.Random(seed)
    safe = synchronous_commit == "on"
    async with replicas(folder, "hitl", 1) as (engine, (replica,)):
        if not safe:
            await engine.execute(f"ALTER DATABASE qmcp_hitl SET synchronous_commit = {synchronous_commit}")
            replica.stop()
            await replica.start()
        # What the database has forgotten, nobody will be told; there is no use in waiting for it.
        patience = 60 if safe else 5
        rounds = Rounds(
            [replica.target], at_once=ROUNDS_AT_ONCE, responders=RESPONDERS, chance=chance, patience=patience
        )
        async with rounds.playing():
            victims: dict[str, Engine | Replica] = {"postgres": engine, "service": replica}
            away = await strike([(what, victims[what]) for what in kills], rounds, chance)
            await rounds.until_acknowledged(rounds.acknowledged + ROUNDS_AT_ONCE)
            await rounds.finish()
            await rounds.until_watched(await last_event(engine.url), SEEN_WITHIN if safe else 0)
        findings = await compare(rounds.told, engine.url, watched=True)
    return Report(seed, len(rounds.told.rounds), findings, {what: list(kills).count(what) for what in set(kills)}, away)


async def race(folder: Path, number: int, responders: int, seed: int | None = None) -> Report:
    """That many questions over two replicas, each answered by so many at once."""
    seed = random.randrange(2**32) if seed is None else seed
    async with replicas(folder, "hitl", 2) as (engine, started):
        targets = [replica.target for replica in started]
        rounds = Rounds(targets, at_once=ROUNDS_AT_ONCE, responders=responders, chance=random.Random(seed), pause=0.005)
        await rounds.play(number)
        return Report(seed, len(rounds.told.rounds), await compare(rounds.told, engine.url, watched=False))


async def interleave(folder: Path, number: int, seed: int | None = None) -> Report:
    """That many questions over two replicas with random pauses, while those who LISTEN are killed every second."""
    seed = random.randrange(2**32) if seed is None else seed
    async with replicas(folder, "hitl", 2) as (engine, started):
        targets = [replica.target for replica in started]
        rounds = Rounds(targets, at_once=4 * ROUNDS_AT_ONCE, responders=RESPONDERS, chance=random.Random(seed))
        async with _listeners_killed(engine.url) as killed:
            await rounds.play(number)
        findings = await compare(rounds.told, engine.url, watched=False)
        return Report(seed, len(rounds.told.rounds), findings, {"listeners": sum(killed)})


@asynccontextmanager
async def _listeners_killed(url: str) -> AsyncIterator[list[int]]:
    """Kills the connections that LISTEN every second while the block lasts; how many each time."""
    killed: list[int] = []

    async def kill_on() -> None:
        connection = await asyncpg.connect(url)
        try:
            while True:
                killed.append(await connection.fetchval(LISTENERS))
                await asyncio.sleep(1)
        finally:
            await connection.close()

    killing = asyncio.create_task(kill_on())
    try:
        yield killed
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
