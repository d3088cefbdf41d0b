"""What becomes of a call that its credential has left: what it was doing, and what is on record of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from qmcp.access.v1 import role_pb2
from qmcp.tools.v1 import tool_pb2

from tests.access import environment
from tests.access.environment import Access, Files, free_port, with_key
from tests.access.test_denials import reported
from tests.contract.running import Refusal, Running, refusal
from tests.stack import Server
from tests.wire import scraped, series

GUARD_SECONDS = 30


async def until_read(call: Any) -> "asyncio.Task[Refusal | None]":
    """The end of a stream, once it has begun."""
    assert await asyncio.wait_for(call.read(), GUARD_SECONDS) is not grpc.aio.EOF

    async def end() -> Refusal | None:
        try:
            while await call.read() is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return refusal(error)
        return None

    return asyncio.create_task(end())


async def asked(port: int) -> float:
    """How often a service has asked access about a key."""
    return (await scraped(port)).get(series("qmcp_access_checks_total", {"answer": "asked"}), 0)


async def test_access_is_asked_once_about_a_credential_however_many_streams_it_has(
    access: Access, postgres: Server, files: Files
) -> None:
    port = free_port()
    of_hitl = {"metrics_port": port, "access_remember_seconds": 600}
    async with postgres.database("hitl") as url, environment.hitl(url, files, access.port, **of_hitl) as hitl:
        await access.role("watcher", "hitl.read")
        key = (await access.key("watcher")).api_key
        watch = hitl.channel.unary_stream(f"/{hitl.service.full_name}/WatchHumanRequests")
        ends = [await until_read(watch(b"", metadata=(("x-api-key", key),))) for _ in range(50)]
        before = await asked(port)
        await access.must("UpdateRole", role=role_pb2.Role(name="watcher", permissions=["hitl.read", "hitl.ask"]))
        async with asyncio.timeout(GUARD_SECONDS):
            while await asked(port) == before:
                await asyncio.sleep(0.05)
        assert not any(end.done() for end in ends)
        await access.must("UpdateRole", role=role_pb2.Role(name="watcher", permissions=["hitl.ask"]))
        outcomes = await asyncio.wait_for(asyncio.gather(*ends), GUARD_SECONDS)
        assert {end.metadata["permission"] for end in outcomes if end} == {"hitl.read"}
        assert {end.code.name for end in outcomes if end} == {"PERMISSION_DENIED"}
        assert await asked(port) == before + 2
        assert (await reported(access, 50, principal="somebody"))[0].permission == "hitl.read"


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[int, asyncio.Event, asyncio.Event]]:
    """A server that takes a request and never answers: its port, when one has come, and when nobody waits any more."""
    come, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            come.set()
        gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], come, gone
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("method", ["InvokeTool", "CallTool"])
async def test_a_tool_that_runs_when_the_credential_of_who_waits_ends_is_stopped_and_on_record(
    access: Access, tools_database: str, files: Files, method: str
) -> None:
    settings: dict[str, Any] = {"tools_allowed_networks": "127.0.0.0/8", "access_remember_seconds": 600}
    async with (
        silent_server() as (port, come, gone),
        environment.tools(tools_database, files, access.port, **settings) as tools,
    ):
        tool = tool_pb2.Tool(name="slow", http=tool_pb2.HttpSource(method="POST", url=f"http://127.0.0.1:{port}/"))
        await tools.must("CreateTool", tools.request("CreateTool", tool=tool), access.admin)
        issued = await access.key("agent")
        request = tools.request(method, name="slow")
        running = asyncio.create_task(tools.call(method, request, with_key(issued.api_key), GUARD_SECONDS))
        await asyncio.wait_for(come.wait(), GUARD_SECONDS)
        await access.must("RevokeKey", id=issued.key.id)
        answer = await running
        assert isinstance(answer, Refusal)
        assert (answer.code.name, answer.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
        await asyncio.wait_for(gone.wait(), GUARD_SECONDS)
        [recorded] = await ended(tools, access)
        assert (recorded.status, recorded.error_reason) == ("cancelled", "ACCESS_ENDED")
        assert recorded.principal == "somebody"


async def ended(tools: Running, access: Access) -> list[Any]:
    """What is on record, once all of it has ended."""
    async with asyncio.timeout(GUARD_SECONDS):
        while True:
            listed = await tools.must("ListInvocations", None, access.admin)
            if all(each.HasField("completed_at") for each in listed.invocations):
                return list(listed.invocations)
            await asyncio.sleep(0.05)


async def test_services_are_told_what_callers_of_before_may_do_now(access: Access) -> None:
    await access.role("runner", "tools.invoke")
    await access.role("viewer", "hitl.read")
    standing, revoked, disabled = [await access.key("runner", "viewer") for _ in range(3)]
    await access.must("RevokeKey", id=revoked.key.id)
    await access.must("DisableKey", id=disabled.key.id)
    keys = [f"key:{key.key.id}" for key in (standing, revoked, disabled)]
    asked = [*keys, "key:0123456789abcdef", "roles:runner,nobody", "roles:nobody"]
    answer = await access.must("ResolveCallers", references=asked)
    assert [caller.reference for caller in answer.callers] == asked
    granted = [list(caller.permissions) for caller in answer.callers]
    both = ["hitl.read", "tools.invoke"]
    assert granted == [both, [], [], [], ["tools.invoke"], []]
    await access.must("EnableKey", id=disabled.key.id)
    await access.must("UpdateRole", role=role_pb2.Role(name="runner", permissions=["tools.read"]))
    again = await access.must("ResolveCallers", references=keys)
    less = ["hitl.read", "tools.read"]
    assert [list(caller.permissions) for caller in again.callers] == [less, [], less]
