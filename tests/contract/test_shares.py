"""No caller takes the places of all: what one has in flight is bounded, told so, and left out of what others may."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from tests.access import environment
from tests.access.environment import Access, Files, with_key
from tests.contract.running import Answer, Refusal, Running, connected
from tests.contract.subject import Subject
from tests.stack import Server

SHARE = 2
SHARES = dict.fromkeys(
    (
        *("principal_max_quick_calls", "principal_max_long_calls", "principal_max_waits", "principal_max_streams"),
        "address_max_calls",
    ),
    SHARE,
)
# As the edge tells them.
NEAR, FAR = ({"x-qmcp-client-address": address} for address in ("198.51.100.7", "203.0.113.9"))
GUARD_SECONDS = 60.0


@dataclass(frozen=True)
class Guarded:
    """The service, which asks who its callers are, and two of them."""

    running: Running
    one: Mapping[str, str]
    two: Mapping[str, str]


@pytest.fixture
async def guarded(postgres: Server, subject: Subject, database: str, tmp_path: Path) -> AsyncIterator[Guarded]:
    files = Files.made(tmp_path / "keys")

    async def callers(access: Access) -> list[Mapping[str, str]]:
        return [with_key((await access.key("admin", owner=owner)).api_key) for owner in ("one", "two")]

    async with AsyncExitStack() as opened:
        if subject.name == "access":
            access = await opened.enter_async_context(environment.access(database, files, **SHARES))
            running = access.running
        else:
            url = await opened.enter_async_context(postgres.database("access"))
            access = await opened.enter_async_context(environment.access(url, files))
            settings = subject.settings(
                database_url=database, **files.of_service(access.port), **subject.variables(tmp_path), **SHARES
            )
            server = await opened.enter_async_context(subject.compose(settings))
            running = await opened.enter_async_context(connected(subject.service, server.port))
        running.database, running.key = database, access.files.admin
        yield Guarded(running, *await callers(access))


async def test_what_one_caller_has_in_flight_is_bounded_and_leaves_the_others_theirs(
    guarded: Guarded, subject: Subject
) -> None:
    running = guarded.running
    async with subject.slow(running) as slow:

        def call(who: Mapping[str, str]) -> asyncio.Task[Answer | Refusal]:
            return asyncio.create_task(running.call(slow.method, slow.request, who, GUARD_SECONDS))

        waiting = {call({**guarded.one, **NEAR}) for _ in range(3 * SHARE)}
        ended: set[asyncio.Task[Answer | Refusal]] = set()
        async with asyncio.timeout(GUARD_SECONDS):
            while len(ended) < 2 * SHARE:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                ended |= done
        for refused in [task.result() for task in ended]:
            assert isinstance(refused, Refusal)
            assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONCURRENCY_LIMITED")
            assert refused.metadata["limit"] == str(SHARE)
            assert refused.metadata["kind"] in {"quick", "long"}
            assert refused.retry_after == 1
        again = await running.refused(slow.method, slow.request, {**guarded.one, **FAR})
        assert (again.reason, "address" in again.metadata) == ("CONCURRENCY_LIMITED", False), "wherever it calls from"
        beside = await running.refused(slow.method, slow.request, {**guarded.two, **NEAR})
        assert (beside.code, beside.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONCURRENCY_LIMITED")
        assert beside.metadata["address"] == "198.51.100.7", "whoever calls from there"
        others = {call({**guarded.two, **FAR}) for _ in range(SHARE)}
        slow.release.set()
        answers = await asyncio.gather(*waiting, *others)
        assert [type(answer) for answer in answers] == [Answer] * 2 * SHARE, answers
        assert isinstance(await call({**guarded.one, **NEAR}), Answer), "the places are free again"
