"""The system as `make run` starts it, under load through its door, while its Postgres is killed again and again."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.faults.ledger import compare
from tests.faults.load import EchoCallers
from tests.stack import running_stack

KILLS = 3
IN_FLIGHT = 16
BETWEEN = 300
# Longer than the lease after which an interrupted invocation is ended by the sweep.
ENDS_WITHIN = 60.0


@pytest.mark.fault
async def test_what_was_acknowledged_through_the_door_is_there_once_however_often_postgres_is_killed(
    tmp_path: Path,
) -> None:
    with running_stack(tmp_path / "home") as stack:
        callers = EchoCallers(stack.grpc_target, IN_FLIGHT)
        async with callers.calling():
            for kill in range(KILLS):
                await callers.until_acknowledged(BETWEEN * (kill + 1))
                killed = stack.processes["postgres"]
                os.kill(killed, signal.SIGKILL)
                async with asyncio.timeout(30):
                    while stack.processes["postgres"] == killed:
                        await asyncio.sleep(0.05)
            await callers.until_acknowledged(BETWEEN * (KILLS + 1))
        async with EchoCallers(stack.target("tools"), 0).calling() as stub:
            found = await compare(callers.ledger, stack.database_url("tools"), stub, ENDS_WITHIN)
        assert stack.output().count("postgres is back") == KILLS
    assert found.acknowledged > BETWEEN * KILLS
    assert (found.lost, found.doubled, found.open, found.faults, found.violations) == (0, 0, 0, [], [])
