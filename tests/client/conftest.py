"""The sync and the async client in front of services whose answers a test writes down beforehand."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from qmcp.client import AsyncClient, Client

from tests.client.scripted import Scripted, serving


class Blocking:
    """The async client with the face of the sync one, so that one test holds for both."""

    def __init__(self, url: str, **options: Any) -> None:
        self._url, self._options = url, options

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            async with AsyncClient(self._url, **self._options) as client:
                answer = getattr(client, name)(*args, **kwargs)
                return [item async for item in answer] if hasattr(answer, "__aiter__") else await answer

        return lambda *args, **kwargs: asyncio.run(call(*args, **kwargs))


@pytest.fixture
def service() -> Iterator[Scripted]:
    return Scripted()


@pytest.fixture
def address(service: Scripted) -> Iterator[str]:
    with serving(service) as url:
        yield url


@pytest.fixture(params=[Client, Blocking])
def client(request: pytest.FixtureRequest, address: str) -> Any:
    made = request.param(address, api_key="k3y", correlation_id="c0ffee00")
    yield made
    if isinstance(made, Client):
        made.close()
