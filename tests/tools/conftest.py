"""Replicas on a database of the test's own, and an installed plug-in package."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from tests.stack import Server
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import Replica, Start, replica, settings_for


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the service runs on in production."""
    return {"uvloop": uvloop.new_event_loop}


INSTALLED = Path(__file__).parent / "installed"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the package in `installed/` where Python finds installed packages."""
    monkeypatch.syspath_prepend(str(INSTALLED))


@pytest.fixture
async def start(database: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts replicas on one database: `await start(tools_queue_per_slot=1)`."""
    async with AsyncExitStack() as stack:

        async def one_more(**changes: Any) -> Replica:
            return await stack.enter_async_context(replica(settings_for(database, tmp_path, **changes)))

        yield one_more


@pytest.fixture
async def service(plugins: None, start: Start) -> Replica:
    """One replica with the plug-in package."""
    return await start()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replica]:
    """One replica with the plug-in package for all tests of a module, which must not mind each other's rows."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "token").write_text("s3cret\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(INSTALLED))
        async with (
            postgres.database("tools") as url,
            replica(
                settings_for(url, folder, tools_secrets_dir=folder / "secrets", tools_max_response_bytes=100_000)
            ) as shared_replica,
        ):
            yield shared_replica


@pytest.fixture
async def hitl() -> AsyncIterator[FakeHitl]:
    found = FakeHitl()
    async with found.open():
        yield found


@pytest.fixture
async def asking(plugins: None, start: Start, hitl: FakeHitl) -> Replica:
    """A replica that asks the stand-in of hitl."""
    return await start(hitl_address=hitl.address)
