"""Replicas on a database of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from tests.hitl.service import Replica, Start, replica, settings_for
from tests.stack import Server


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the service runs on in production, unless a test plays the name service: uvloop asks its own."""
    if item.get_closest_marker("own_names"):
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def start(database: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts replicas on one database: `await start(hitl_sweep_seconds=0.1)`."""
    async with AsyncExitStack() as stack:

        async def one_more(**changes: Any) -> Replica:
            return await stack.enter_async_context(replica(settings_for(database, tmp_path, **changes)))

        yield one_more


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replica]:
    """One replica for all tests of a module, which must not mind each other's rows."""
    folder = tmp_path_factory.mktemp("shared")
    async with postgres.database("hitl") as url, replica(settings_for(url, folder)) as shared_replica:
        yield shared_replica
