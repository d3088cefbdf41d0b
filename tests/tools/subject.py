"""The tools service under the contract."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from uuid import UUID

import asyncpg
from aiohttp import web
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.tools.v1 import grant_pb2, mcp_server_pb2, tool_limit_pb2, tool_pb2, tools_service_pb2

from services.tools import server as tools_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Lasting, Listing, Sight, Slow, Subject

NOBODYS = "01890000-0000-7000-8000-000000000000"


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


def _server(number: int, name: str = "") -> mcp_server_pb2.McpServer:
    http = mcp_server_pb2.McpHttpTransport(url=f"http://servers.invalid/{number}")
    return mcp_server_pb2.McpServer(name=name or f"made-{number}", http=http)


async def _make_servers(running: Running, number: int) -> list[str]:
    names = [f"made-{next(_numbers):06}" for _ in range(number)]
    for name in names:
        await running.must("CreateMcpServer", running.request("CreateMcpServer", server=_server(0, name)))
    return names


async def _invoke_echo(running: Running, number: int) -> list[str]:
    return [(await running.must("InvokeTool", _echo(each))).id for each in range(number)]


_DOCUMENT = (
    '{"openapi": "3.1.0", "servers": [{"url": "https://example.com"}], "paths": {"/a": {"get": {"operationId": "a"}}}}'
)
_numbers = count(1)


def _grant(principal: str) -> grant_pb2.Grant:
    expires_at = Timestamp(seconds=int(time.time()) + 3_600)
    return grant_pb2.Grant(principal=principal, tools=["echo"], expires_at=expires_at)


async def _make_grants(running: Running, number: int) -> list[str]:
    made = [running.request("CreateGrant", grant=_grant("anna")) for _ in range(number)]
    return [(await running.must("CreateGrant", each)).id for each in made]


def _limit(number: int, name: str = "") -> tool_limit_pb2.ToolLimit:
    rate = tool_limit_pb2.InvocationRate(per_minute=1_000_000)
    return tool_limit_pb2.ToolLimit(name=name or f"made-{number}", tools=["made/*"], rate=rate)


async def _make_limits(running: Running, number: int) -> list[str]:
    names = [f"made-{next(_numbers):06}" for _ in range(number)]
    for name in names:
        await running.must("CreateToolLimit", running.request("CreateToolLimit", limit=_limit(0, name)))
    return names


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


@cache
def _granted_to(number: int) -> grant_pb2.Grant:
    """The same again for the same number, to the second."""
    return _grant(f"anna-{number}")


CATALOGUE = "the catalogue is one for all who may use it"


def _about(name: str, **fields: str) -> Message:
    request: Message = getattr(tools_service_pb2, name)(**fields)
    return request


async def _ended(owner: Running, _admin: Running) -> str:
    return str((await owner.must("InvokeTool", _echo(0))).id)


async def _granted(owner: Running, admin: Running) -> str:
    """A grant for the owner, which only an administrator can make."""
    principal = (await owner.must("InvokeTool", _echo(0))).principal
    return str((await admin.must("CreateGrant", admin.request("CreateGrant", grant=_grant(principal)))).id)


async def _tried(owner: Running, _admin: Running) -> str:
    """A tool of a name that stands in the record of whoever tried it."""
    name = f"tried/{next(_numbers):06}"
    await owner.refused("InvokeTool", owner.request("InvokeTool", name=name))
    return name


async def _forged(owner: Running, admin: Running) -> str:
    """An invocation whose record was changed, which a verification names."""
    invocation_id = await _ended(owner, admin)
    connection = await asyncpg.connect(owner.database)
    try:
        await connection.execute("UPDATE invocations SET tool_etag = 'x' WHERE id = $1", UUID(invocation_id))
    finally:
        await connection.close()
    return invocation_id


SUBJECT = Subject(
    name="tools",
    service=tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"],
    settings=tools_server.Settings,
    compose=tools_server.compose,
    variables=lambda folder: {
        "tools_receipt_key_file": str(folder / "receipt-key.pem"),
        "tools_secrets_key_file": str(folder / "tools-secrets-key"),
        "tools_allowed_networks": "127.0.0.0/8",
    },
    listings={
        "ListTools": Listing(_make_tools, "name", {"kind": "http"}, {"kind": "grpc"}),
        "ListMcpServers": Listing(_make_servers, "name", {}, {}),
        "ListGrants": Listing(_make_grants, "id", {"principal": "anna"}, {"principal": "ben"}),
        "ListToolLimits": Listing(_make_limits, "name", {}, {}),
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
        "ImportTools": Effect(
            lambda number: tools_service_pb2.ImportToolsRequest(name=f"made-{number}", document=_DOCUMENT),
            lambda made: (made.name, made.added_count, made.etag),
            repeats=False,
        ),
        "CreateMcpServer": Effect(
            lambda number: tools_service_pb2.CreateMcpServerRequest(server=_server(number)),
            lambda server: (server.name, server.etag),
            repeats=False,
        ),
        "UpdateMcpServer": Effect(
            lambda number: tools_service_pb2.UpdateMcpServerRequest(server=_server(number)),
            lambda server: (server.name, server.etag),
            repeats=False,
        ),
        "CreateGrant": Effect(
            lambda number: tools_service_pb2.CreateGrantRequest(grant=_granted_to(number)), lambda grant: grant.id
        ),
        "CreateToolLimit": Effect(
            lambda number: tools_service_pb2.CreateToolLimitRequest(limit=_limit(number)),
            lambda limit: (limit.name, limit.etag),
            repeats=False,
        ),
        "UpdateToolLimit": Effect(
            lambda number: tools_service_pb2.UpdateToolLimitRequest(limit=_limit(number)),
            lambda limit: (limit.name, limit.etag),
            repeats=False,
        ),
        "InvokeTool": Effect(_echo, lambda invocation: invocation.id),
        "CallTool": Effect(_echo, lambda answer: answer.invocation_id),
        "StartInvocation": Effect(_echo, lambda invocation: invocation.id),
    },
    slow=_slow_tool,
    lasting={
        "InvokeTool": Lasting(_echo(1), "invocations"),
        "CallTool": Lasting(_echo(2), "invocations"),
        "ImportTools": Lasting(
            tools_service_pb2.ImportToolsRequest(name="lasting", document=_DOCUMENT, dry_run=True), "tools"
        ),
        "WatchInvocation": Lasting(tools_service_pb2.WatchInvocationRequest(id=NOBODYS), "invocations"),
        "ExportInvocations": Lasting(tools_service_pb2.ExportInvocationsRequest(), "invocations"),
        "VerifyReceipts": Lasting(tools_service_pb2.VerifyReceiptsRequest(), "checkpoints"),
        "ExportReceipts": Lasting(tools_service_pb2.ExportReceiptsRequest(), "checkpoints"),
        "ArchiveReceipts": Lasting(
            tools_service_pb2.ArchiveReceiptsRequest(created_before=Timestamp(seconds=1)), "open_invocations"
        ),
    },
    sights={
        **{
            name: Sight(_ended, lambda made, name=name: _about(f"{name}Request", id=made))
            for name in ("GetInvocation", "WatchInvocation", "CancelInvocation")
        },
        "GetGrant": Sight(_granted, lambda made: _about("GetGrantRequest", id=made)),
        "ListGrants": Sight(_granted, lambda _: _about("ListGrantsRequest")),
        "GetReceipt": Sight(_ended, lambda made: _about("GetReceiptRequest", invocation_id=made)),
        "ListInvocations": Sight(_ended, lambda _: _about("ListInvocationsRequest")),
        "ExportInvocations": Sight(_ended, lambda _: _about("ExportInvocationsRequest")),
        "ExportReceipts": Sight(_ended, lambda _: _about("ExportReceiptsRequest")),
        "VerifyReceipts": Sight(_forged, lambda _: _about("VerifyReceiptsRequest")),
        "SummarizeInvocations": Sight(_tried, lambda _: _about("SummarizeInvocationsRequest")),
    },
    shared={
        **dict.fromkeys(
            (
                "ListTools",
                "GetTool",
                "CreateTool",
                "UpdateTool",
                "DeleteTool",
                "PauseTool",
                "ResumeTool",
                "ImportTools",
            ),
            CATALOGUE,
        ),
        **dict.fromkeys(
            (
                "ListMcpServers",
                "GetMcpServer",
                "CreateMcpServer",
                "UpdateMcpServer",
                "DeleteMcpServer",
                "RefreshMcpServer",
            ),
            CATALOGUE,
        ),
        **dict.fromkeys(("InvokeTool", "CallTool", "StartInvocation"), "makes what is the caller's own"),
        "GetReceiptKey": "a public key",
        "GetToolAllowances": "what is left of one's own, and of what all share",
    },
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
