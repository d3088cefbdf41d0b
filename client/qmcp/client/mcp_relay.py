"""MCP over stdin and stdout on the one side, the edge of a running QMCP on the other: what `qmcp mcp` is."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from importlib.metadata import version
from typing import Any, ClassVar, Literal

import httpx2
from mcp.client import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitResult,
    PaginatedRequestParams,
    Request,
    RequestParams,
    Result,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ConfigDict, TypeAdapter
from qmcp.client.address import trust

REVISION = "2026-07-28"
TASKS = "io.modelcontextprotocol/tasks"
# What callers say of a call to QMCP, in `_meta`; the rest is between the client and this program.
OWN_META = "qmcp/"
# As long as a tool may run.
CALL_SECONDS = 3600.0
# Asks whoever made the call that is under way.
ASKING: ContextVar[Callable[[Any], Awaitable[Any]]] = ContextVar("asking")
ANSWER = TypeAdapter(dict[str, Any])
Context = ServerRequestContext[Any, Any]


class Task(Result):
    """What a call has become; it is passed on as it is."""

    model_config = ConfigDict(extra="allow")
    result_type: Literal["task"] = "task"


class TaskParams(RequestParams):
    """What tasks/get, tasks/update and tasks/cancel take."""

    task_id: str
    # For tasks/update; the edge says so where they are missing.
    input_responses: dict[str, Any] | None = None


class TaskRequest(Request[TaskParams, str]):
    """One of the three; the edge is told the task in a header, too."""

    name_param: ClassVar[str | None] = "taskId"


class TakesTasks(ClientExtension):
    """Says to the edge that whoever is behind this takes tasks."""

    identifier = TASKS

    def claims(self) -> tuple[ResultClaim[Any], ...]:
        """A task is handed to the client, which asks for it by itself."""
        return (ResultClaim(result_type="task", model=Task, resolve=_never),)


async def _never(_: Task, __: ClaimContext) -> CallToolResult:
    raise NotImplementedError("A task is taken as it is, with allow_claimed.")


async def relay(url: str, key: str) -> None:
    """Speaks with whoever started this, until they close stdin."""
    headers = {"x-api-key": key} if key else {}
    timeout = httpx2.Timeout(30.0, read=CALL_SECONDS)
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(httpx2.AsyncClient(headers=headers, timeout=timeout, verify=trust()))

        async def edge(*, forms: bool, tasks: bool) -> Client:
            hears: dict[str, Any] = {"elicitation_callback": _asked} if forms else {}
            extensions = [TakesTasks()] if tasks else None
            client = Client(
                streamable_http_client(url, http_client=http), mode=REVISION, extensions=extensions, **hears
            )
            return await opened.enter_async_context(client)

        # The edge is told with each request what its caller can do; whoever starts this can do it or cannot.
        edges = {
            (forms, tasks): await edge(forms=forms, tasks=tasks) for forms in (False, True) for tasks in (False, True)
        }
        incoming, outgoing = await opened.enter_async_context(stdio_server())
        served = server(edges)
        await served.run(incoming, outgoing, served.create_initialization_options())


async def _asked(_: Any, params: Any) -> Any:
    return await ASKING.get()(ElicitRequest(params=params))


def server(edges: dict[tuple[bool, bool], Client]) -> Server[Any]:
    """What answers over stdio: the edge does, for a client that shows forms and takes tasks, or does not."""
    plain = edges[False, False]

    def pages(listed: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def page(_: Context, params: PaginatedRequestParams | None) -> Any:
            return await listed(cursor=params.cursor if params is not None else None)

        return page

    async def call_tool(asked: Context, params: CallToolRequestParams) -> Any:
        said = asked.meta or {}
        own: Any = {name: value for name, value in said.items() if name.startswith(OWN_META)}
        heard = asked.session.report_progress if "progress_token" in said else None
        if asked.protocol_version in MODERN_PROTOCOL_VERSIONS:
            # It comes again by itself, with its user's answer, and asks for its tasks.
            found = await edges[_can(asked)].session.call_tool(
                params.name,
                params.arguments,
                progress_callback=heard,
                input_responses=params.input_responses,
                request_state=params.request_state,
                meta=own or None,
                allow_input_required=True,
                allow_claimed=True,
            )
            return {"resultType": found.result_type, **(found.model_extra or {})} if isinstance(found, Task) else found

        async def ask(form: Any) -> ElicitResult:
            metadata = ServerMessageMetadata(related_request_id=asked.request_id)
            return await asked.session.send_request(form, ElicitResult, metadata=metadata)

        forms, _ = _can(asked)
        ASKING.set(ask)
        to = edges[forms and asked.session.can_send_request, False]
        return await to.call_tool(params.name, params.arguments, progress_callback=heard, meta=own or None)

    async def of_task(asked: Context, params: TaskParams) -> Any:
        forms, tasks = _can(asked)
        # What this client said of itself is said by the connection to the edge.
        request = TaskRequest(method=asked.method, params=params.model_copy(update={"meta": None}))
        return await edges[forms, tasks].session.send_request(request, ANSWER)

    async def read_resource(_: Context, params: Any) -> Any:
        return await plain.read_resource(params.uri)

    async def get_prompt(_: Context, params: Any) -> Any:
        return await plain.get_prompt(params.name, params.arguments)

    async def complete(_: Context, params: Any) -> Any:
        return await plain.complete(params.ref, params.argument.model_dump())

    made: Server[Any] = Server(
        "qmcp",
        version=version("qmcp"),
        title="QMCP",
        on_list_tools=pages(plain.list_tools),
        on_list_resources=pages(plain.list_resources),
        on_list_resource_templates=pages(plain.list_resource_templates),
        on_read_resource=read_resource,
        on_list_prompts=pages(plain.list_prompts),
        on_get_prompt=get_prompt,
        on_completion=complete,
    )
    made.extensions[TASKS] = {}
    made.add_request_handler("tools/call", CallToolRequestParams, call_tool)
    made.add_request_handler("tasks/get", TaskParams, of_task)
    made.add_request_handler("tasks/update", TaskParams, of_task)
    made.add_request_handler("tasks/cancel", TaskParams, of_task)
    return made


def _can(asked: Context) -> tuple[bool, bool]:
    """Whether the client shows forms, and whether it takes tasks."""
    can = asked.session.client_capabilities
    return can is not None and can.elicitation is not None, can is not None and TASKS in (can.extensions or {})
