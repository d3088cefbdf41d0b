"""One agent's watches and waits leave the others theirs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from qmcp.hitl.v1 import hitl_service_pb2 as pb

from tests.hitl.fake_access import FakeAccess
from tests.hitl.service import Replica, Start, answer, question
from tests.wire import refusal

SHARE = 3
AGENT = ("hitl.read", "hitl.ask")
GUARD_SECONDS = 60.0


@pytest.fixture
async def access() -> AsyncIterator[FakeAccess]:
    access = FakeAccess()
    async with access.open():
        yield access


@pytest.fixture
async def replica(start: Start, access: FakeAccess, tmp_path: Path) -> Replica:
    (tmp_path / "key").write_text("qmcp_0123456789abcdef_secret")
    return await start(
        auth="on",
        access_address=access.address,
        access_key_file=tmp_path / "key",
        principal_max_streams=SHARE,
        principal_max_waits=SHARE,
    )


async def watched(replica: Replica, key: str) -> "grpc.aio.UnaryStreamCall":
    """A watch that stands: the service has told it where it begins."""
    stream = replica.stub.WatchHumanRequests(pb.WatchHumanRequestsRequest(), metadata=(("x-api-key", key),))
    await asyncio.wait_for(stream.read(), GUARD_SECONDS)
    return stream


async def test_an_agent_that_watches_as_much_as_it_may_leaves_the_others_theirs(
    replica: Replica, access: FakeAccess
) -> None:
    one, two = (access.key(name, "agent", permissions=AGENT) for name in ("one", "two"))
    streams = [await watched(replica, one) for _ in range(SHARE)]
    refused = await refusal(watched(replica, one))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CONCURRENCY_LIMITED")
    assert (refused.metadata["kind"], refused.metadata["limit"], refused.retry_after) == ("streams", str(SHARE), 1)
    streams.append(await watched(replica, two))
    # Watching takes nothing of what else the agent may do.
    listed = pb.ListHumanRequestsRequest()
    await replica.stub.ListHumanRequests(listed, metadata=(("x-api-key", one),))
    streams.pop(0).cancel()
    async with asyncio.timeout(GUARD_SECONDS):
        while True:
            try:
                streams.append(await watched(replica, one))
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
    for stream in streams:
        stream.cancel()


async def test_an_agent_that_waits_as_much_as_it_may_leaves_the_others_theirs(
    replica: Replica, access: FakeAccess
) -> None:
    one, two = (access.key(name, "agent", permissions=(*AGENT, "hitl.respond")) for name in ("one", "two"))
    await replica.stub.CreateHumanRequest(question("r"), metadata=(("x-api-key", one),))

    def wait(key: str) -> "asyncio.Task[pb.WaitForResponseResponse]":
        call = replica.stub.WaitForResponse(
            pb.WaitForResponseRequest(ids=["r"], timeout_seconds=60), metadata=(("x-api-key", key),)
        )
        return asyncio.ensure_future(call)

    waiting = [wait(one) for _ in range(SHARE + 1)]
    async with asyncio.timeout(GUARD_SECONDS):
        (refused,), held = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert (await refusal(refused)).reason == "CONCURRENCY_LIMITED"
    other = wait(two)
    await replica.stub.CreateHumanResponse(answer("r"), metadata=(("x-api-key", two),))
    assert len(await asyncio.gather(*held, other)) == SHARE + 1
