"""`qmcp mcp`: the tools of QMCP over stdio, for MCP clients that start a program instead of calling an address."""

from typing import TYPE_CHECKING, Any

import typer
from qmcp.client.address import api_key, trust
from qmcp.client.cli.connection import connect, connection
from qmcp.client.cli.groups import single

if TYPE_CHECKING:
    from mcp.client import Client
    from mcp.server.lowlevel.server import Server

app = single()
REVISION = "2026-07-28"
# What callers say of a call to QMCP, in `_meta`; the rest is between the client and this program.
OWN_META = "qmcp/"
# As long as a tool may run.
CALL_SECONDS = 3600.0


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
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, verify=trust()) as http,
        Client(streamable_http_client(url, http_client=http), mode=REVISION) as edge,
        stdio_server() as (incoming, outgoing),
    ):
        served = _server(edge)
        await served.run(incoming, outgoing, served.create_initialization_options())


def _server(edge: "Client") -> "Server[Any]":
    """What answers over stdio: the edge does."""
    from importlib.metadata import version

    from mcp.server.lowlevel.server import Server
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams

    async def list_tools(_: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
        return await edge.list_tools(cursor=params.cursor if params is not None else None)

    async def call_tool(asked: Any, params: CallToolRequestParams) -> CallToolResult:
        said = asked.meta or {}
        own: Any = {name: value for name, value in said.items() if name.startswith(OWN_META)}
        heard = asked.session.report_progress if "progress_token" in said else None
        return await edge.call_tool(params.name, params.arguments, progress_callback=heard, meta=own or None)

    return Server("qmcp", version=version("qmcp"), title="QMCP", on_list_tools=list_tools, on_call_tool=call_tool)
