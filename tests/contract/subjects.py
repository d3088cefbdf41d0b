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
from qmcp.hitl.v1 import hitl_service_pb2, webhook_pb2
from qmcp.tools.v1 import tool_pb2, tools_service_pb2

from services.access import server as access_server
from services.hitl import server as hitl_server
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
    # The request's field that holds the id.
    field: str = "request_id"
    # What must be there first.
    prepare: Callable[[Running], Awaitable[None]] | None = None
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
async def _held_up(running: Running, method: str, request: Message, table: str) -> AsyncIterator[Slow]:
    """A read whose table somebody holds: the database knows when it waits, and when nobody waits any more."""
    slow = Slow(method, request)
    holder, watcher = [await asyncpg.connect(running.database) for _ in range(2)]

    async def watch() -> None:
        while not slow.release.is_set():
            waiting = await watcher.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
                " AND datname = current_database()",
                f"%FROM {table}%",
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
    await holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    watching = asyncio.create_task(watch())
    try:
        yield slow
    finally:
        slow.release.set()
        await watching
        await asyncio.gather(holder.close(), watcher.close())


@asynccontextmanager
async def _slow_list(running: Running) -> AsyncIterator[Slow]:
    async with _held_up(running, "ListDenials", running.request("ListDenials"), "denials") as slow:
        yield slow


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

EVENTFUL = "eventful"
STANDING = "standing"


def _asked(number: int, **fields: Any) -> hitl_service_pb2.CreateHumanRequestRequest:
    return hitl_service_pb2.CreateHumanRequestRequest(request_type="review", prompt=f"Is {number} right?", **fields)


async def _ask(running: Running, number: int) -> list[str]:
    asked = [await running.must("CreateHumanRequest", _asked(each)) for each in range(number)]
    return [request.id for request in asked]


async def _make_events(running: Running, number: int) -> list[int]:
    """Comments on one request, which had no other event before them."""
    connection = await asyncpg.connect(running.database)
    try:
        await running.must("CreateHumanRequest", _asked(0, id=EVENTFUL))
        await connection.execute("DELETE FROM human_request_events WHERE kind = 'created'")
        before = await connection.fetchval("SELECT coalesce(max(sequence), 0) FROM human_request_events")
        for each in range(number):
            comment = running.request("CommentOnHumanRequest", id=EVENTFUL, comment=f"comment {each}")
            await running.must("CommentOnHumanRequest", comment)
        rows = await connection.fetch(
            "SELECT sequence FROM human_request_events WHERE sequence > $1 ORDER BY sequence", before
        )
        return [row["sequence"] for row in rows]
    finally:
        await connection.close()


def _webhook(number: int) -> webhook_pb2.Webhook:
    return webhook_pb2.Webhook(url=f"https://example.com/{number}", description="made", kinds=["claimed"])


async def _make_webhooks(running: Running, number: int) -> list[str]:
    made = [
        await running.must("CreateWebhook", running.request("CreateWebhook", webhook=_webhook(each)))
        for each in range(number)
    ]
    return [webhook.id for webhook in made]


async def _make_deliveries(running: Running, number: int) -> list[str]:
    connection = await asyncpg.connect(running.database)
    try:
        rows = await connection.fetch(
            """
            INSERT INTO deliveries (request_id, event_sequence, event_kind, url, status)
            SELECT 'made', n, 'created', 'https://example.com/', 'delivered'
            FROM generate_series(1, $1) AS n
            RETURNING id::text
            """,
            number,
        )
        return [row["id"] for row in rows]
    finally:
        await connection.close()


async def _standing(running: Running) -> None:
    for request_id in (STANDING, "other"):
        await running.must("CreateHumanRequest", _asked(0, id=request_id))


def _answered(number: int) -> Message:
    answer = hitl_service_pb2.CreateHumanResponseRequest(request_id=STANDING, comment=f"comment {number}")
    answer.response.string_value = "yes"
    return answer


@asynccontextmanager
async def _slow_get(running: Running) -> AsyncIterator[Slow]:
    await running.must("CreateHumanRequest", _asked(0, id="held"))
    request = running.request("GetHumanRequest", id="held")
    async with _held_up(running, "GetHumanRequest", request, "human_responses") as slow:
        yield slow


def _hitl_variables(folder: Path) -> Mapping[str, str]:
    return {
        "hitl_secrets_key_file": str(folder / "secrets-key"),
        "hitl_callback_secret_file": str(folder / "callback-secret"),
    }


HITL = Subject(
    name="hitl",
    service=hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"],
    settings=hitl_server.Settings,
    compose=hitl_server.compose,
    variables=_hitl_variables,
    listings={
        # The first is asked for while another call is held up.
        "ListWebhooks": Listing(_make_webhooks, "id"),
        "ListDeliveries": Listing(_make_deliveries, "id", {"human_request_id": "made"}, {"human_request_id": "other"}),
        "ListHumanRequests": Listing(_ask, "id", {"request_type": "review"}, {"request_type": "choice"}),
        "ListHumanRequestEvents": Listing(_make_events, "sequence", {"id": EVENTFUL}, {"id": "other"}),
    },
    effects={
        "CreateHumanRequest": Effect(_asked, lambda request: request.id),
        "CreateHumanResponse": Effect(
            _answered, lambda response: response.id, field="idempotency_key", prepare=_standing, repeats=False
        ),
        "CommentOnHumanRequest": Effect(
            lambda number: hitl_service_pb2.CommentOnHumanRequestRequest(id=STANDING, comment=f"comment {number}"),
            lambda request: request.id,
            prepare=_standing,
            repeats=False,
        ),
        "RemindOfHumanRequest": Effect(
            lambda number: hitl_service_pb2.RemindOfHumanRequestRequest(id=STANDING if number == 1 else "other"),
            lambda request: request.id,
            prepare=_standing,
            repeats=False,
        ),
        "CreateActionLink": Effect(
            lambda number: hitl_service_pb2.CreateActionLinkRequest(id=STANDING, person=f"person {number}"),
            lambda link: (link.request_id, link.person, link.expires_at.ToNanoseconds()),
            prepare=_standing,
            repeats=False,
        ),
        "CreateWebhook": Effect(
            lambda number: hitl_service_pb2.CreateWebhookRequest(webhook=_webhook(number)), lambda webhook: webhook.id
        ),
    },
    slow=_slow_get,
    words=("approve", "reject", "approval", "review", "held", "pending", "https://example.com/", "created", "any"),
)

SUBJECTS = (TOOLS, ACCESS, HITL)
