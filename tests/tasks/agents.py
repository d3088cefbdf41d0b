"""Agents that pause, die, wait for humans and come back late share out tasks; what holds is counted, not timed."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import grpc

from servicekit import leased_work
from services.tasks.board import resources
from services.tasks.board import tasks as tasks_domain
from tests.tasks.service import RefusedError, Replica
from tests.tasks.trio import Trio
from tests.tasks.watchers import Watcher

# As if the time of a lease had gone by.
EXPIRED = "UPDATE tasks SET lease_expires_at = clock_timestamp() WHERE id = $1"
RESOURCES = ("path:src/*.py", "path:src/a.py", "port:80", "quota:gpu=1/2", "quota:gpu=2/2")
# Where an agent writes in the name of its task.
WRITES = ("tasks", "tools", "hitl")
GUARD_SECONDS = 60
SEQUENCE = "SELECT sequence FROM board_events WHERE task_id = $1 AND log_sequence = $2"
# Who was at what at one time: one attempt begins while another lasts.
TOGETHER = """
    SELECT one.name, one.resources, other.name AS other_name, other.resources AS other_resources
    FROM task_attempts AS a
    JOIN tasks AS one ON one.id = a.task_id AND one.project_id = $1 AND one.resources <> '{}'
    JOIN task_attempts AS b ON b.started_at > a.started_at AND b.started_at < a.ended_at
    JOIN tasks AS other ON other.id = b.task_id AND other.project_id = $1 AND other.resources <> '{}'
"""


@dataclass
class Board:
    """What the agents were told."""

    trio: Trio
    # Of tasks: whichever answers takes the next call.
    replicas: Sequence[Replica]
    clock: "asyncpg.Connection[asyncpg.Record]"
    project: str
    number: int
    # How long leases last and agents stall, in seconds; 0: they last long, and expire when an agent stalls.
    lease_seconds: int
    chance: random.Random
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    # The last token that was given of each task, and how many were told that they have completed it.
    tokens: dict[str, int] = field(default_factory=dict)
    completions: Counter[str] = field(default_factory=Counter)
    stalled: int = 0
    waited: int = 0
    # Tasks that were taken from an agent while it waited for a human.
    lost: list[str] = field(default_factory=list)
    # Writes that were tried after somebody else had taken the task over, and those of them that were taken.
    late_tries: Counter[str] = field(default_factory=Counter)
    late_writes: Counter[str] = field(default_factory=Counter)
    held_together: list[tuple[str, str]] = field(default_factory=list)
    # Those who watched, how often they were cut off, and what they were told of.
    watchers: Sequence[Watcher] = ()
    # Calls that were sent again because a replica was gone.
    retried: int = 0

    @property
    def sound(self) -> bool:
        """Whether each task was completed once, by who held it, and nothing was written too late or held together."""
        return (
            sum(self.late_writes.values()) == 0
            and set(self.completions.values()) == {1}
            and len(self.completions) == self.number
            and not self.lost
            and not self.held_together
            and all(each.is_whole for each in self.watchers)
            and len({len(each.sequences) for each in self.watchers}) == 1
        )

    def text(self) -> str:
        return (
            f"{len(self.completions)} of {self.number} tasks completed, at most {max(self.completions.values())} times; "
            f"{self.stalled} stalled, {self.waited} waited for a human, of which {len(self.lost)} lost their task; "
            f"tried too late {dict(self.late_tries)}, taken of that {dict(self.late_writes)}; "
            f"held together {self.held_together}; {self.retried} calls sent again; watched by {len(self.watchers)}, cut off "
            f"{[each.cuts for each in self.watchers]} times, told {[len(each.sequences) for each in self.watchers]} events, "
            f"whole {[each.is_whole for each in self.watchers]}"
        )

    async def call(self, method: str, **fields: Any) -> dict[str, Any]:
        """A call of tasks by one replica or another, which is had once, however often it is sent."""
        key = str(uuid4())
        while True:
            replica = self.chance.choice(self.replicas)
            try:
                return await replica.call(method, idempotency_key=key, **fields)
            except RefusedError as refused:
                if refused.refusal.code is not grpc.StatusCode.UNAVAILABLE:
                    raise
            self.retried += 1
            await asyncio.sleep(0.05)

    async def work(self, number: int) -> None:
        """One agent, until all is done."""
        stalled: list[tuple[str, int]] = []
        lease = {"lease_seconds": self.lease_seconds} if self.lease_seconds else {}
        while len(self.completions) < self.number:
            answer = await self.call(
                "ClaimTask", project_id=self.project, agent_id=f"agent{number}", count=3, wait_seconds=1, **lease
            )
            for task in answer["tasks"]:
                self.tokens[task["id"]] = token = task["lease"]["fencing_token"]
                if (what := self.chance.random()) < 0.3:
                    # It dies and nothing more is heard of it; or it stalls past its lease, and goes on later.
                    await self.let_go(task["id"])
                    self.stalled += what < 0.2
                    stalled += [(task["id"], token)] if what < 0.2 else []
                elif what < 0.5:
                    await self.ask_and_complete(task["id"], token)
                elif self.lease_seconds == 0 or len(answer["tasks"]) == 1 or what < 0.9:
                    await self.complete(task["id"], token)
            for task, token in [each for each in stalled if self.tokens[each[0]] > each[1]]:
                stalled.remove((task, token))
                await self.come_back(task, token)

    async def let_go(self, task: str) -> None:
        """Nothing is heard of its holder any more."""
        if self.lease_seconds == 0:
            async with self.turn:
                await self.clock.execute(EXPIRED, task)

    async def come_back(self, task: str, token: int) -> None:
        """An agent that stalled writes in the name of a task that somebody else has by now."""
        for where, write in zip(WRITES, (self.complete, self.run, self.ask), strict=True):
            self.late_tries[where] += 1
            self.late_writes[where] += await write(task, token)

    async def complete(self, task: str, token: int) -> bool:
        try:
            await self.call("TransitionTask", id=task, status="completed", fencing_token=token)
        except RefusedError:
            return False
        self.completions[task] += 1
        return True

    async def run(self, task: str, token: int) -> bool:
        held = {"task_id": task, "fencing_token": token}
        return await _taken(lambda: self.trio.tools.invoke("echo", {"message": "x"}, **held))

    async def ask(self, task: str, token: int) -> bool:
        return await _taken(lambda: self.trio.hitl.ask(f"{task} {token}", task_id=task, fencing_token=token))

    async def ask_and_complete(self, task: str, token: int) -> None:
        """It waits for a human, longer than its lease would last; then the task is still its own, and it runs a tool."""
        if not await self.ask(task, token):
            # It was too slow already.
            return
        await asyncio.sleep(1.5 * self.lease_seconds)
        self.waited += 1
        try:
            await self.trio.tasks.call("RenewTask", id=task, fencing_token=token)
        except RefusedError:
            self.lost.append(task)
        await self.trio.hitl.answer(f"{task} {token}")
        # Of a second that is left now a busy machine may need more.
        if not (await self.run(task, token) and await self.complete(task, token)) and self.lease_seconds == 0:
            self.lost.append(task)


async def _taken(call: Callable[[], Awaitable[Any]]) -> bool:
    while True:
        try:
            await call()
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                return False
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        else:
            return True


def without_the_check(patch: Callable[[Any, str, Any], None]) -> None:
    """The negative control: nobody looks at a token any more."""

    async def unasked(*_: object) -> None:
        return

    patch(tasks_domain, "require_fenced", lambda *_: None)
    patch(leased_work.Leases, "begin", unasked)


async def shared_out(
    trio: Trio,
    others: Sequence[Replica],
    name: str,
    *,
    agents: int,
    number: int,
    lease_seconds: int = 0,
    seed: int | None = 7,
) -> Board:
    """A board of so many tasks, some of which depend on others or need what others need, worked off and watched.

    Args:
        trio: the services.
        others: more replicas of tasks, which may be killed meanwhile.
        name: of the project.
        agents: how many work.
        number: of tasks.
        lease_seconds: see Board.
        seed: repeats what chance does.
    """
    first = await trio.tasks.task(name, "first")
    project = str((await trio.tasks.call("GetTask", id=first))["project_id"])
    connection = await asyncpg.connect(trio.tasks.settings.database_url)
    try:
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
        replicas = [trio.tasks, *others]
        stubs = [each.stub for each in replicas]
        board = Board(trio, replicas, connection, project, number, lease_seconds, chance=random.Random(seed))
        board.watchers = [
            Watcher(stubs[first:] + stubs[:first], project, cut) for first, cut in ((0, 7), (1, 31), (0, 97))
        ]
        upto: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        watching = [asyncio.create_task(each.run(upto)) for each in board.watchers]
        await asyncio.gather(*(board.work(each) for each in range(agents)))
        over = await trio.tasks.call("CreateTaskLogEntry", task_id=first, kind="over")
        upto.set_result(await connection.fetchval(SEQUENCE, first, over["sequence"]))
        async with asyncio.timeout(GUARD_SECONDS):
            await asyncio.gather(*watching)
        for one, needs, another, theirs in await connection.fetch(TOGETHER, project):
            if resources.conflict(needs, {another: theirs}) is not None:
                board.held_together.append((one, another))
    finally:
        await connection.close()
    return board
