"""A renderer that the tests of a file share, with the process from which their runs are forked."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.documents.rendering.renderer import Renderer
from services.documents.skills import catalogue


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    async with Renderer(catalogue.load(), required=("limits", "identity", "files", "calls")) as renderer:
        yield renderer
