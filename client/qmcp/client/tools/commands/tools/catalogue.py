"""`qmcp tools list`, `get`, `register`, `invoke`: the catalogue, and running what is in it."""

from typing import Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group
from qmcp.client.tools import console, models

app = group("The tools that agents can run.")
Name = Annotated[str, typer.Argument(help="The tool's name.")]


@app.command("list")
def list_(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Words that must stand in name, title, description or tags.")] = "",
    kind: Annotated[str, typer.Option(help="Only builtin, plugin, http, grpc or mcp.")] = "",
    invocable: Annotated[bool, typer.Option("--invocable", help="Only those that you may run.")] = False,
    json: output.AsJson = False,
) -> None:
    """List the tools in order of their names."""
    with connect(context) as client:
        tools = client.list_tools(query, kind=kind, invocable=invocable)
    if json:
        output.as_json(tools)
    else:
        output.table(("name", "kind", "description"), ((tool.name, tool.kind, tool.description) for tool in tools))


@app.command()
def get(context: typer.Context, name: Name, json: output.AsJson = False) -> None:
    """Show one tool with its schemas."""
    with connect(context) as client:
        tool = client.get_tool(name)
    output.show(tool, json=json)


@app.command()
def register(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="JSON of the tool as `tools get --json` prints it; `-` reads stdin.")],
    replace: Annotated[bool, typer.Option("--replace", help="Change the tool if it exists.")] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="Makes a retry return the first answer.")] = None,
    json: output.AsJson = False,
) -> None:
    """Register an HTTP or gRPC tool from a file."""
    tool = _tool(reading.file(file))
    with connect(context) as client:
        send = client.update_tool if replace else client.create_tool
        registered = send(tool, idempotency_key=idempotency_key)
    if json:
        output.as_json(registered)
    else:
        typer.echo(f"{registered.name} is registered. Run it with `qmcp tools invoke {registered.name}`.")


@app.command()
def delete(
    context: typer.Context,
    name: Name,
    etag: Annotated[str, typer.Option(help="Only if the tool is still the one with this etag.")] = "",
    json: output.AsJson = False,
) -> None:
    """Remove a tool; what it did stays in the audit."""
    with connect(context) as client:
        client.delete_tool(name, etag=etag)
    if json:
        output.as_json({"deleted": name})
    else:
        typer.echo(f"{name} is removed.")


@app.command()
def pause(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; whoever invokes the tool is told.")] = "",
    json: output.AsJson = False,
) -> None:
    """Let nothing of a tool begin until it is resumed."""
    with connect(context) as client:
        output.show(client.pause_tool(name, reason), json=json)


@app.command()
def resume(context: typer.Context, name: Name, json: output.AsJson = False) -> None:
    """Let a tool run again."""
    with connect(context) as client:
        output.show(client.resume_tool(name), json=json)


@app.command()
def invoke(
    context: typer.Context,
    name: Name,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(help="One JSON object, `-` for one from stdin, or words: key=text, key:=json."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show its progress; it goes on if you stop watching.")] = False,
    idempotency_key: Annotated[str | None, typer.Option(help="The same id never runs the tool twice.")] = None,
    correlation_id: Annotated[str, typer.Option(help="Ties this run to others of the same work.")] = "",
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait.")] = None,
    json: output.AsJson = False,
) -> None:
    """Run a tool and print its result; ends with 1 where the tool failed.

    Example: qmcp tools invoke echo message=hello
    """
    given = reading.arguments(arguments or [])
    with connect(context) as client:
        if watch:
            started = client.start_invocation(
                name, given, correlation_id=correlation_id, idempotency_key=idempotency_key
            )
            output.note(f"invocation {started.id}")
            invocation = console.follow(client.watch_invocation(started.id, timeout=timeout), json=json) or started
        else:
            invocation = client.invoke_tool(
                name,
                given,
                correlation_id=correlation_id,
                idempotency_key=idempotency_key,
                timeout=timeout,
            )
            if json:
                output.as_json(invocation)
    if not json:
        console.conclude(invocation)
    elif not (invocation.succeeded or invocation.awaits_approval):
        raise typer.Exit(FAILED)


def _tool(text: bytes) -> models.Tool:
    """A tool from the JSON of the contract."""
    from google.protobuf import json_format
    from qmcp.client.calling.conversion import from_message
    from qmcp.tools.v1.tool_pb2 import Tool

    fields = reading.json_object(text, "the tool")
    try:
        return from_message(models.Tool, json_format.ParseDict(fields, Tool()))
    except json_format.ParseError as error:
        raise ValueError(f"the file describes no tool: {error}") from None
