"""Sixteen agents that pause, die and come back late share out two hundred tasks; what holds is counted, not timed."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import asyncpg
import pytest

from services.tasks.board import tasks as tasks_domain
from tests.tasks.service import RefusedError, Replica
from tests.tasks.test_leases import owner_of, project_of

in_one_loop = pytest.mark.asyncio(loop_scope="module")

AGENTS = 16
# As if the time of a lease had gone by.
EXPIRED = "UPDATE tasks SET lease_expires_at = clock_timestamp() WHERE id = $1"
RESOURCES = ("path:src/*.py", "path:src/a.py", "port:80", "quota:gpu=1/2", "quota:gpu=2/2")


@dataclass
class Board:
    """What the agents were told."""

    replica: Replica
    clock: "asyncpg.Connection[asyncpg.Record]"
    project: str
    number: int
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    # The last token that was given of each task, and how many were told that they have completed it.
    tokens: dict[str, int] = field(default_factory=dict)
    completions: Counter[str] = field(default_factory=Counter)
    stalled: int = 0
    # Writes that were tried after somebody else had taken the task over, and those of them that were taken.
    late_tries: int = 0
    late_writes: int = 0

    async def work(self, number: int) -> None:
        """One agent, until all is done."""
        stalled: list[tuple[str, int]] = []
        while len(self.completions) < self.number:
            answer = await self.replica.call(
                "ClaimTask", project_id=self.project, agent_id=f"agent{number}", count=3, wait_seconds=1
            )
            for task in answer["tasks"]:
                self.tokens[task["id"]] = token = task["lease"]["fencing_token"]
                if (what := self.chance.random()) < 0.3:
                    # It dies and nothing more is heard of it; or it stalls past its lease, and goes on later.
                    async with self.turn:
                        await self.clock.execute(EXPIRED, task["id"])
                    self.stalled += what < 0.2
                    stalled += [(task["id"], token)] if what < 0.2 else []
                else:
                    await self.complete(task["id"], token)
            for task, token in [each for each in stalled if self.tokens[each[0]] > each[1]]:
                stalled.remove((task, token))
                self.late_tries += 1
                self.late_writes += await self.complete(task, token)

    async def complete(self, task: str, token: int) -> bool:
        try:
            await self.replica.call("TransitionTask", id=task, status="completed", fencing_token=token)
        except RefusedError:
            return False
        self.completions[task] += 1
        return True


async def shared_out(replica: Replica, name: str, number: int) -> Board:
    """A board of so many tasks, some of which depend on others or need what others need, worked off."""
    first = await replica.task(name, "first")
    project = await project_of(replica, first)
    async with owner_of(replica) as connection:
        await connection.execute(
            """
            INSERT INTO tasks (project_id, epic_id, name, created_by, max_attempts, resources)
            SELECT project_id, epic_id, 'task ' || number, 'local', 100,
                   CASE WHEN number % 4 = 0 THEN ARRAY[($3::text[])[1 + number / 4 % 5]] ELSE '{}' END
            FROM tasks, generate_series(2, $2) AS number
            WHERE id = $1
            """,
            first,
            number,
            list(RESOURCES),
        )
        await connection.execute(
            """
            INSERT INTO task_dependencies (task_id, depends_on)
            SELECT later.id, earlier.id
            FROM tasks AS later
            JOIN tasks AS earlier ON earlier.project_id = later.project_id AND earlier.id < later.id
            WHERE later.project_id = $1
              AND later.name LIKE '%3'
              AND earlier.name LIKE '%1'
            """,
            project,
        )
        board = Board(replica, connection, project, number)
        await asyncio.gather(*(board.work(each) for each in range(AGENTS)))
    return board


@in_one_loop
async def test_agents_that_die_and_stall_complete_each_task_once_and_write_nothing_too_late(shared: Replica) -> None:
    board = await shared_out(shared, "agents", 200)
    assert min(board.stalled, board.late_tries) > 10
    assert (board.late_writes, len(board.completions), set(board.completions.values())) == (0, 200, {1})


@in_one_loop
async def test_without_the_check_of_tokens_the_same_agents_would_be_caught(
    shared: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_domain, "require_fenced", lambda *_: None)
    board = await shared_out(shared, "unfenced", 60)
    assert board.late_writes > 0
    assert max(board.completions.values()) > 1
