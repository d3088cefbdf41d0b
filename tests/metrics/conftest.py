"""Replicas of the metrics service on a database of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from tests.metrics.service import Replica, Start, replica, settings_for
from tests.stack import Server


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the service runs on in production."""
    del item
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def start(database: str) -> AsyncIterator[Start]:
    """Starts replicas on one database: `await start(metrics_batch_size=1)`."""
    async with AsyncExitStack() as stack:

        async def one_more(**changes: Any) -> Replica:
            return await stack.enter_async_context(replica(settings_for(database, **changes)))

        yield one_more


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(postgres: Server) -> AsyncIterator[Replica]:
    """One replica for all tests of a module, which must not mind each other's rows."""
    async with postgres.database("metrics") as url, replica(settings_for(url)) as shared_replica:
        yield shared_replica
