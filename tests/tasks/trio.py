"""The three services of a task that knows of the others: tasks, hitl and tools, composed in this process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hitl import service as hitl
from tests.stack import Server
from tests.tasks.service import Replica, replica
from tests.tools import service as tools
from tests.wire import query


@dataclass
class Trio:
    """The three services, which know of each other."""

    tasks: Replica
    tools: tools.Replica
    hitl: hitl.Replica

    async def leased(self, project: str, required: Sequence[str] = (), **fields: Any) -> tuple[str, int]:
        """A task and the token of its lease."""
        task = await self.tasks.task(project, "one", required_evidence=list(required))
        acquired = await self.tasks.call("AcquireTask", id=task, agent_id="ada", **fields)
        return task, acquired["lease"]["fencing_token"]

    async def keeps(self, task: str) -> float:
        """For how many seconds from its last act a lease lasts."""
        [row] = await query(
            self.tasks.settings.database_url,
            "SELECT extract(epoch FROM lease_expires_at - clock_timestamp())::float8 FROM tasks WHERE id = $1",
            task,
        )
        seconds: float = row[0]
        return seconds

    async def attempt(self, task: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.tasks.call("ListAttempts", task_id=task))["attempts"][0]
        return found

    async def works(self, task: str) -> list[tuple[str, str]]:
        rows = await query(
            self.tasks.settings.database_url,
            "SELECT kind, outcome FROM task_work WHERE task_id = $1 ORDER BY began_at",
            task,
        )
        return [(row["kind"], row["outcome"]) for row in rows]


@asynccontextmanager
async def trio(postgres: Server, folder: Path) -> AsyncIterator[Trio]:
    """They run while the block lasts, each on a database of its own; the plug-ins of the tests are to be found already."""
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(postgres.database(name)) for name in ("tasks", "hitl", "tools")]
        tasks = await stack.enter_async_context(replica(urls[0]))
        known = {"tasks_address": f"127.0.0.1:{tasks.port}"}
        people = await stack.enter_async_context(hitl.replica(hitl.settings_for(urls[1], folder, **known)))
        known["hitl_address"] = f"127.0.0.1:{people.port}"
        runner = await stack.enter_async_context(tools.replica(tools.settings_for(urls[2], folder, **known)))
        yield Trio(tasks, runner, people)
