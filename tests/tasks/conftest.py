"""A replica on a database of the test's own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.stack import Server
from tests.tasks.service import Replica, replica


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(postgres: Server) -> AsyncIterator[Replica]:
    """One replica for all tests of a module, which must not mind each other's rows."""
    async with postgres.database("tasks") as url, replica(url) as shared_replica:
        yield shared_replica
