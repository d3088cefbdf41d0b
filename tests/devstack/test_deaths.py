"""The death of one process ends all, whichever it is: each row of the table, with a command that only waits."""

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from devstack import listeners, ports, processes, services, settings
from devstack.errors import CannotRunError
from devstack.supervisor import Supervisor
from devstack.terminal import Terminal

ALL = services.found()


async def at_once(pid: int) -> bool:
    return pid > 0


def rows() -> list[processes.Process]:
    chosen = settings.read({"QMCP_PORT": str(ports.free())})
    table = processes.table(chosen, ALL, listeners.choose(chosen, ALL, {}), "postgresql://h")
    return [replace(row, command=lambda: ["sleep", "600"], ready=at_once) for row in table]


@pytest.mark.parametrize("name", [*(service.name for service in ALL), "web", "mcp", "envoy"])
async def test_the_death_of_one_ends_all_with_a_word_on_which_and_why(name: str) -> None:
    supervisor = Supervisor(rows(), dict(os.environ), Terminal([]))
    await supervisor.start()
    pids = supervisor.pids
    assert len(pids) == len(rows())
    try:
        os.kill(pids[name], signal.SIGKILL)
        async with asyncio.timeout(60):
            with pytest.raises(CannotRunError, match=f"{name} was ended by SIGKILL"):
                await supervisor.watch()
    finally:
        await supervisor.stop()
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
