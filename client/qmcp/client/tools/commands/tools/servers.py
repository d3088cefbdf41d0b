"""`qmcp tools servers`: MCP servers whose tools are in the catalogue."""

from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group
from qmcp.client.tools import models

app = group("MCP servers whose tools are in the catalogue, as NAME/TOOL.")
Name = Annotated[str, typer.Argument(help="The server's name.")]


@app.command("list")
def list_(context: typer.Context, json: output.AsJson = False) -> None:
    """List the servers in order of their names."""
    with connect(context) as client:
        found = client.list_mcp_servers()
    if json:
        output.as_json(found)
        return
    rows = ((each.name, each.state, each.tool_count, each.refreshed_at, each.reason) for each in found)
    output.table(("name", "state", "tools", "listed", "reason"), rows)


@app.command()
def get(context: typer.Context, name: Name, json: output.AsJson = False) -> None:
    """Show one server, how it stands, and which of its tools are not taken."""
    with connect(context) as client:
        output.show(client.get_mcp_server(name), json=json)


@app.command()
def add(
    context: typer.Context,
    name: Name,
    url: Annotated[str, typer.Argument(help="Where it is; left out with --command.")] = "",
    command: Annotated[str, typer.Option(help="Of the commands that an operator allows, the one to run.")] = "",
    header: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE to send; ${secret.NAME} is a secret of the service's.")
    ] = None,
    transport_profile: Annotated[
        str, typer.Option(help="By which way it is reached, of those that an operator declares.")
    ] = "",
    approve: Annotated[bool, typer.Option("--approve", help="Have people approve every run of its tools.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Change the server if it exists.")] = False,
    json: output.AsJson = False,
) -> None:
    """Register a server and list its tools; ends with 1 where it does not answer.

    Example: qmcp tools servers add docs https://mcp.example.com/mcp
    """
    if bool(url) == bool(command):
        raise ValueError("Say where the server is, or which command runs it: one of the two.")
    server = models.McpServer(
        name=name,
        http=models.McpHttpTransport(
            url=url, headers=dict(map(_pair, header or ())), transport_profile=transport_profile
        )
        if url
        else None,
        stdio=models.McpStdioTransport(command=command) if command else None,
        approval=models.ApprovalPolicy(mode="always") if approve else None,
    )
    with connect(context) as client:
        (client.update_mcp_server if replace else client.create_mcp_server)(server)
        _conclude(client.refresh_mcp_server(name), json=json)


@app.command()
def refresh(context: typer.Context, name: Name, json: output.AsJson = False) -> None:
    """List a server's tools again now; ends with 1 where it does not answer."""
    with connect(context) as client:
        _conclude(client.refresh_mcp_server(name), json=json)


@app.command()
def remove(
    context: typer.Context,
    name: Name,
    etag: Annotated[str, typer.Option(help="Only if the server is still the one with this etag.")] = "",
    json: output.AsJson = False,
) -> None:
    """Remove a server and its tools; what they did stays in the audit."""
    with connect(context) as client:
        client.delete_mcp_server(name, etag=etag)
    if json:
        output.as_json({"deleted": name})
    else:
        typer.echo(f"{name} is removed, and its tools with it.")


def _conclude(server: models.McpServer, *, json: bool) -> None:
    if json:
        output.as_json(server)
    elif server.state == "available":
        typer.echo(f"{server.name} is available. It has {server.tool_count} tools: `qmcp tools list --kind mcp`.")
        for tool in server.refused_tools:
            output.note(f"{tool.name} is not taken: {tool.reason}")
    if server.state != "available":
        output.note(f"{server.name} is {server.state}: {server.reason}")
        raise typer.Exit(FAILED)


def _pair(header: str) -> tuple[str, str]:
    name, equals, value = header.partition("=")
    if not equals:
        raise ValueError(f"{header!r} is no header: write NAME=VALUE.")
    return name, value
