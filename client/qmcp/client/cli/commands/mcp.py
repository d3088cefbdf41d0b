"""`qmcp mcp`: the tools of QMCP over stdio, for MCP clients that start a program instead of calling an address."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import typer
from qmcp.client.address import api_key, trust
from qmcp.client.cli.connection import connect, connection
from qmcp.client.cli.groups import single

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.client import Client
    from mcp.server.lowlevel.server import Server

app = single()
REVISION = "2026-07-28"
# What callers say of a call to QMCP, in `_meta`; the rest is between the client and this program.
OWN_META = "qmcp/"
# As long as a tool may run.
CALL_SECONDS = 3600.0
# Asks whoever made the call that is under way.
ASKING: ContextVar["Callable[[Any], Awaitable[Any]]"] = ContextVar("asking")


@app.command()
def mcp(context: typer.Context) -> None:
    """Speak MCP over stdin and stdout with the program that starts this, and with the edge of a running QMCP."""
    import anyio

    with connect(context) as checked:
        # Whoever starts it reads on stderr why nothing would work.
        checked.whoami()
    chosen = connection(context)
    anyio.run(_relay, f"{chosen.address.url}/mcp", api_key(chosen.api_key))


async def _relay(url: str, key: str) -> None:
    import httpx2
    from mcp.client import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.server.stdio import stdio_server

    headers = {"x-api-key": key} if key else {}
    timeout = httpx2.Timeout(30.0, read=CALL_SECONDS)
    async with httpx2.AsyncClient(headers=headers, timeout=timeout, verify=trust()) as http:

        def edge(**hears: Any) -> Client:
            return Client(streamable_http_client(url, http_client=http), mode=REVISION, **hears)

        # The edge is told with each request whether its caller shows forms; whoever starts this does or does not.
        async with edge() as plain, edge(elicitation_callback=_asked) as forms, stdio_server() as (incoming, outgoing):
            served = _server(plain, forms)
            await served.run(incoming, outgoing, served.create_initialization_options())


async def _asked(_: Any, params: Any) -> Any:
    from mcp_types import ElicitRequest

    return await ASKING.get()(ElicitRequest(params=params))


def _server(edge: "Client", forms: "Client") -> "Server[Any]":
    """What answers over stdio: the edge does. `forms` is the edge for a client that shows forms."""
    from importlib.metadata import version

    from mcp.server.lowlevel.server import Server
    from mcp.shared.message import ServerMessageMetadata
    from mcp_types import CallToolRequestParams, CallToolResult, ElicitResult, PaginatedRequestParams

    def pages(listed: "Callable[..., Awaitable[Any]]") -> "Callable[..., Awaitable[Any]]":
        async def page(_: Any, params: PaginatedRequestParams | None) -> Any:
            return await listed(cursor=params.cursor if params is not None else None)

        return page

    async def call_tool(asked: Any, params: CallToolRequestParams) -> CallToolResult:
        said = asked.meta or {}
        own: Any = {name: value for name, value in said.items() if name.startswith(OWN_META)}
        heard = asked.session.report_progress if "progress_token" in said else None

        async def ask(form: Any) -> ElicitResult:
            metadata = ServerMessageMetadata(related_request_id=asked.request_id)
            found: ElicitResult = await asked.session.send_request(form, ElicitResult, metadata=metadata)
            return found

        can = asked.session.client_capabilities
        asks = can is not None and can.elicitation is not None and asked.session.can_send_request
        ASKING.set(ask)
        to = forms if asks else edge
        return await to.call_tool(params.name, params.arguments, progress_callback=heard, meta=own or None)

    async def read_resource(_: Any, params: Any) -> Any:
        return await edge.read_resource(params.uri)

    async def get_prompt(_: Any, params: Any) -> Any:
        return await edge.get_prompt(params.name, params.arguments)

    async def complete(_: Any, params: Any) -> Any:
        return await edge.complete(params.ref, params.argument.model_dump())

    return Server(
        "qmcp",
        version=version("qmcp"),
        title="QMCP",
        on_list_tools=pages(edge.list_tools),
        on_call_tool=call_tool,
        on_list_resources=pages(edge.list_resources),
        on_list_resource_templates=pages(edge.list_resource_templates),
        on_read_resource=read_resource,
        on_list_prompts=pages(edge.list_prompts),
        on_get_prompt=get_prompt,
        on_completion=complete,
    )
