"""Many agents with leases of a second share out many tasks over tasks, tools and hitl; and the same without the check of tokens."""

import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import structlog

from tests.stack import running_postgres
from tests.tasks.agents import Board, shared_out, without_the_check
from tests.tasks.trio import trio
from tests.tools.conftest import INSTALLED

LEASE_SECONDS = 1


async def share_out(agents: int, tasks: int, seed: int | None, *, fenced: bool) -> Board:
    """Has so many agents work off a board of so many tasks, in this process, on a Postgres of its own."""
    sys.path.insert(0, str(INSTALLED))
    # A line for each of some ten thousand calls would be most of the work.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with (
        tempfile.TemporaryDirectory(prefix="qmcp-faults-") as folder,
        running_postgres(Path(folder) / "pg") as postgres,
    ):
        async with trio(postgres, Path(folder)) as three:
            if fenced:
                return await shared_out(
                    three, "shared", agents=agents, number=tasks, lease_seconds=LEASE_SECONDS, seed=seed
                )
            patches = []
            without_the_check(lambda *what: patches.append(patch.object(*what)))
            for each in patches:
                each.start()
            try:
                return await shared_out(
                    three, "unfenced", agents=agents, number=tasks, lease_seconds=LEASE_SECONDS, seed=seed
                )
            finally:
                for each in patches:
                    each.stop()
