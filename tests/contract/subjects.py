"""The services that the suite runs against: one row each, made of what no descriptor says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import web
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from qmcp.access.v1 import access_service_pb2, key_pb2, role_pb2
from qmcp.tools.v1 import tool_pb2, tools_service_pb2

from services.access import server as access_server
from services.tools import server as tools_server
from tests.contract.running import Running


@dataclass(frozen=True)
class Listing:
    """A List RPC: how to make rows, and how to tell them apart. Rows that exist anyway are left out by the filter."""

    make: Callable[[Running, int], Awaitable[list[str]]]
    key: str
    filter: Mapping[str, Any] = field(default_factory=dict)
    other_filter: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect:
    """An RPC with a request_id: a body for each number, and what of the answer says that it is the same effect."""

    request: Callable[[int], Message]
    identity: Callable[[Any], object]
    # False where doing it twice on purpose changes nothing that can be seen, or is refused.
    repeats: bool = True


@dataclass
class Slow:
    """A call that goes on until it is released or stopped."""

    method: str
    request: Message
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Subject:
    """A service under the contract."""

    name: str
    service: ServiceDescriptor
    settings: Callable[..., Any]
    compose: Callable[[Any], AbstractAsyncContextManager[Any]]
    # Its own variables, besides those that every service has; the folder is the test's.
    variables: Callable[[Path], Mapping[str, str]]
    listings: Mapping[str, Listing]
    effects: Mapping[str, Effect]
    slow: Callable[[Running], AbstractAsyncContextManager[Slow]]
    # Words by which generated requests get past the first look.
    words: tuple[str, ...]


def _echo(number: int) -> Message:
    arguments = Struct()
    arguments.update({"message": f"hello {number}"})
    return tools_service_pb2.InvokeToolRequest(name="echo", input=arguments)


def _tool(number: int, name: str = "") -> tool_pb2.Tool:
    source = tool_pb2.HttpSource(method="GET", url=f"https://example.com/{number}")
    return tool_pb2.Tool(name=name or f"made/{number}", title=f"Tool {number}", http=source)


async def _make_tools(running: Running, number: int) -> list[str]:
    names = [f"made/{next(_numbers):06}" for _ in range(number)]
    for name in names:
        tool = _tool(0, name)
        await running.must("CreateTool", running.request("CreateTool", tool=tool))
    return names


async def _invoke_echo(running: Running, number: int) -> list[str]:
    return [(await running.must("InvokeTool", _echo(each))).id for each in range(number)]


_numbers = count(1)


@asynccontextmanager
async def _slow_tool(running: Running) -> AsyncIterator[Slow]:
    """A tool whose server answers when it is told to, and notices when nobody waits for it any more."""
    slow = Slow("InvokeTool", running.request("InvokeTool", name="slow"))

    async def answer(_: web.Request) -> web.Response:
        slow.started.set()
        try:
            await slow.release.wait()
        except asyncio.CancelledError:
            slow.stopped.set()
            raise
        return web.json_response({"slept": True})

    application = web.Application()
    application.router.add_route("*", "/slow", answer)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        source = tool_pb2.HttpSource(method="POST", url=f"http://{host}:{port}/slow")
        await running.must("CreateTool", running.request("CreateTool", tool=tool_pb2.Tool(name="slow", http=source)))
        yield slow
    finally:
        slow.release.set()
        await runner.cleanup()


TOOLS = Subject(
    name="tools",
    service=tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"],
    settings=tools_server.Settings,
    compose=tools_server.compose,
    variables=lambda folder: {
        "tools_receipt_key_file": str(folder / "receipt-key.pem"),
        "tools_allowed_networks": "127.0.0.0/8",
    },
    listings={
        "ListTools": Listing(_make_tools, "name", {"kind": "http"}, {"kind": "grpc"}),
        "ListInvocations": Listing(_invoke_echo, "id", {"tool_name": "echo"}, {"status": "failed"}),
    },
    effects={
        "CreateTool": Effect(
            lambda number: tools_service_pb2.CreateToolRequest(tool=_tool(number)),
            lambda tool: (tool.name, tool.etag),
            repeats=False,
        ),
        "UpdateTool": Effect(
            lambda number: tools_service_pb2.UpdateToolRequest(tool=_tool(number)),
            lambda tool: (tool.name, tool.etag),
            repeats=False,
        ),
        "InvokeTool": Effect(_echo, lambda invocation: invocation.id),
        "CallTool": Effect(_echo, lambda answer: answer.invocation_id),
        "StartInvocation": Effect(_echo, lambda invocation: invocation.id),
    },
    slow=_slow_tool,
    words=(
        "echo",
        "planner",
        "message",
        "goal",
        "made/1",
        "https://example.com/{city}",
        "GET",
        "object",
        "type",
        "result",
    ),
)

STANDING_KEY = f"qmcp_{'5' * 16}_{'s' * 43}"
_times = count(1)


def _access_variables(folder: Path) -> Mapping[str, str]:
    """A key that is there, for what needs one."""
    file = folder / "preshared-keys"
    file.write_text(f"{STANDING_KEY} standing agent\n")
    return {"access_preshared_keys_file": str(file)}


async def _make_keys(running: Running, number: int) -> list[str]:
    made = [
        await running.must("CreateKey", running.request("CreateKey", owner="maker", roles=["agent"]))
        for _ in range(number)
    ]
    return [issued.key.id for issued in made]


async def _make_roles(running: Running, number: int) -> list[str]:
    # No filter leaves the built-in ones out.
    connection = await asyncpg.connect(running.database)
    try:
        await connection.execute("DELETE FROM roles WHERE built_in")
    finally:
        await connection.close()
    names = [f"made{next(_numbers):06}" for _ in range(number)]
    for name in names:
        await running.must("CreateRole", running.request("CreateRole", role=_role(0, name)))
    return names


async def _make_denials(running: Running, number: int) -> list[str]:
    ids = [f"denied-{next(_times):06}" for _ in range(number)]
    for each in ids:
        denial = key_pb2.Denial(
            service="x", method="/m", reason="UNAUTHENTICATED", principal="maker", request_id=each, count=1
        )
        denial.at.GetCurrentTime()
        await running.must("ReportUse", running.request("ReportUse", denials=[denial]))
    return ids


def _role(number: int, name: str = "") -> role_pb2.Role:
    return role_pb2.Role(name=name or f"made{number}", permissions=["tools.read"], description=f"Role {number}")


@asynccontextmanager
async def _slow_list(running: Running) -> AsyncIterator[Slow]:
    """A list whose table somebody holds: the database knows when it waits, and when nobody waits any more."""
    slow = Slow("ListDenials", running.request("ListDenials"))
    holder, watcher = [await asyncpg.connect(running.database) for _ in range(2)]

    async def watch() -> None:
        while not slow.release.is_set():
            waiting = await watcher.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM denials%'"
                " AND datname = current_database()"
            )
            if waiting:
                slow.started.set()
            elif slow.started.is_set():
                slow.stopped.set()
            await asyncio.sleep(0.02)
        await holding.rollback()

    # What forgets old rows at the start has been by then.
    holding = holder.transaction()
    await holding.start()
    await holder.execute("LOCK TABLE denials IN ACCESS EXCLUSIVE MODE")
    watching = asyncio.create_task(watch())
    try:
        yield slow
    finally:
        slow.release.set()
        await watching
        await asyncio.gather(holder.close(), watcher.close())


ACCESS = Subject(
    name="access",
    service=access_service_pb2.DESCRIPTOR.services_by_name["AccessService"],
    settings=access_server.Settings,
    compose=access_server.compose,
    variables=_access_variables,
    listings={
        "ListKeys": Listing(_make_keys, "id", {"owner": "maker"}, {"owner": "other"}),
        "ListRoles": Listing(_make_roles, "name"),
        "ListDenials": Listing(_make_denials, "request_id", {"principal": "maker"}, {"principal": "other"}),
    },
    effects={
        "CreateKey": Effect(
            lambda number: access_service_pb2.CreateKeyRequest(owner=f"maker{number}", roles=["agent"]),
            lambda issued: issued.key.id,
        ),
        "RotateKey": Effect(
            lambda number: access_service_pb2.RotateKeyRequest(id="5" * 16, grace_seconds=number),
            lambda issued: (issued.key.id, issued.key.status),
            repeats=False,
        ),
        "CreateRole": Effect(
            lambda number: access_service_pb2.CreateRoleRequest(role=_role(number)),
            lambda role: (role.name, role.etag),
            repeats=False,
        ),
    },
    slow=_slow_list,
    words=("5" * 16, "agent", "admin", "made1", "tools.read", "*", "maker", "active"),
)

SUBJECTS = (TOOLS, ACCESS)
