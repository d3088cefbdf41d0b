"""Every test of this folder runs once for each service, against a server of its own in this process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.running import Running, connected
from tests.contract.subject import Subject
from tests.contract.subjects import SUBJECTS
from tests.stack import Server


@pytest.fixture(params=SUBJECTS, ids=lambda subject: subject.name)
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.param
    return found


@pytest.fixture
async def database(postgres: Server, subject: Subject) -> AsyncIterator[str]:
    async with postgres.database(subject.name) as url:
        yield url


@asynccontextmanager
async def served(subject: Subject, database: str, folder: Path) -> AsyncIterator[Running]:
    settings = subject.settings(
        database_url=database,
        grpc_port=0,
        metrics_port=0,
        shutdown_grace_seconds=1,
        **subject.variables(folder),
    )
    async with subject.compose(settings) as server, connected(subject.service, server.port) as service:
        service.database = database
        yield service


@pytest.fixture
async def running(subject: Subject, database: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with served(subject, database, tmp_path) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def start_once(
    postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callable[[Subject], Awaitable[Running]]]:
    """Starts each service once, on a database of its own, for as long as the module's tests last."""
    started: dict[str, Running] = {}
    async with AsyncExitStack() as stack:

        async def start(subject: Subject) -> Running:
            if subject.name not in started:
                database = await stack.enter_async_context(postgres.database(subject.name))
                folder = tmp_path_factory.mktemp(subject.name)
                started[subject.name] = await stack.enter_async_context(served(subject, database, folder))
            return started[subject.name]

        yield start


@pytest_asyncio.fixture(loop_scope="module")
async def shared(subject: Subject, start_once: Callable[[Subject], Awaitable[Running]]) -> Running:
    """One service for all tests of a module, which must not mind each other's rows (as tests that ask for `running` do).

    The module marks its tests `asyncio(loop_scope="module")`.
    """
    return await start_once(subject)
