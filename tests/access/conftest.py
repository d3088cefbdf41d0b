"""The access service with authentication on, and services that ask it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access import environment
from tests.access.environment import Access, Files
from tests.contract.running import Running
from tests.stack import Server


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.made(tmp_path / "keys")


@pytest.fixture
async def access(database: str, files: Files) -> AsyncIterator[Access]:
    async with environment.access(database, files) as access:
        yield access


@pytest.fixture
async def tools_database(postgres: Server) -> AsyncIterator[str]:
    async with postgres.database("tools") as url:
        yield url


@pytest.fixture
async def tools(access: Access, tools_database: str, files: Files) -> AsyncIterator[Running]:
    # What it knows it remembers for long: only what is announced, or an end that was known before, explains a change.
    settings = {"access_remember_seconds": 600, "tools_allowed_networks": "127.0.0.0/8"}
    async with environment.tools(tools_database, files, access.port, **settings) as tools:
        yield tools


@pytest.fixture
async def hitl(postgres: Server, access: Access, files: Files) -> AsyncIterator[Running]:
    async with postgres.database("hitl") as url, environment.hitl(url, files, access.port) as hitl:
        yield hitl
