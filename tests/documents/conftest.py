"""What the tests of a file share: a renderer with the process from which its runs are forked, or a whole replica."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.documents.rendering.renderer import Renderer
from services.documents.skills import catalogue
from tests.documents.service import Replica, replica
from tests.stack import Server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    async with Renderer(catalogue.load(), required=("limits", "identity", "files", "calls")) as renderer:
        yield renderer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(postgres: Server) -> AsyncIterator[Replica]:
    """One replica for all tests of a module, which must not mind each other's runs."""
    async with (
        postgres.database("documents") as url,
        replica(url, documents_queue_timeout_seconds=60) as shared_replica,
    ):
        yield shared_replica
