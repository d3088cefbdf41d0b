"""Many agents with leases of a second share out many tasks over tasks, tools and hitl; and the same without the check of tokens."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import grpc
import structlog
from qmcp.tasks.v1 import tasks_service_pb2_grpc

from tests.faults.processes import Replica as Process
from tests.stack import running_postgres
from tests.tasks.agents import Board, shared_out, without_the_check
from tests.tasks.service import Replica
from tests.tasks.trio import trio
from tests.tools.conftest import INSTALLED

LEASE_SECONDS = 1
KILLED_EVERY_SECONDS = 5


async def share_out(agents: int, tasks: int, seed: int | None, *, fenced: bool) -> Board:
    """Has so many agents work off a board of so many tasks, on a Postgres of its own.

    The services run in this process; fenced, a replica of tasks beside them is killed and started again all the while.
    """
    sys.path.insert(0, str(INSTALLED))
    # A line for each of some ten thousand calls would be most of the work.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with (
        tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder,
        running_postgres(Path(folder) / "pg") as postgres,
    ):
        async with trio(postgres, Path(folder)) as three:
            if fenced:
                async with _doomed(three.tasks, Path(folder)) as other:
                    return await shared_out(
                        three, [other], "shared", agents=agents, number=tasks, lease_seconds=LEASE_SECONDS, seed=seed
                    )
            patches = []
            without_the_check(lambda *what: patches.append(patch.object(*what)))
            for each in patches:
                each.start()
            try:
                return await shared_out(
                    three, [], "unfenced", agents=agents, number=tasks, lease_seconds=LEASE_SECONDS, seed=seed
                )
            finally:
                for each in patches:
                    each.stop()


@asynccontextmanager
async def _doomed(beside: Replica, folder: Path) -> AsyncIterator[Replica]:
    """One more replica of tasks, a process of its own, which is killed every few seconds and comes back."""
    process = Process(folder, "tasks", beside.settings.database_url, {"allow_keyless": "true"})
    await process.start()

    async def kill() -> None:
        while True:
            await asyncio.sleep(KILLED_EVERY_SECONDS)
            process.kill()
            await process.start()

    killing = asyncio.create_task(kill())
    try:
        async with grpc.aio.insecure_channel(process.target) as channel:
            yield Replica(tasks_service_pb2_grpc.TasksServiceStub(channel), beside.settings, process.port)
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        process.kill()
