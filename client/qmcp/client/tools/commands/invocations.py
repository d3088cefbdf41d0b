"""`qmcp invocations`: the audit of everything that ran."""

from pathlib import Path
from typing import Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group
from qmcp.client.tools import console

app = group("The record of every attempt to run a tool.")
Id = Annotated[str, typer.Argument(help="The invocation's id.")]
ToolName = Annotated[str, typer.Option("--tool", help="Only of this tool.")]
Since = Annotated[str | None, typer.Option(help="Only from then on: 2026-11-21T14:00:00Z, or 24h ago.")]
Until = Annotated[str | None, typer.Option(help="Only before then.")]


@app.command("list")
def list_(
    context: typer.Context,
    *,
    tool: ToolName = "",
    status: Annotated[
        str, typer.Option(help="awaiting_approval, pending, running, success, failed, cancelled, rejected or expired.")
    ] = "",
    correlation_id: Annotated[str, typer.Option(help="Only with this correlation id.")] = "",
    principal: Annotated[str, typer.Option(help="Only by this caller.")] = "",
    grant: Annotated[str, typer.Option(help="Only by this grant.")] = "",
    since: Since = None,
    until: Until = None,
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List invocations, newest first."""
    with connect(context) as client:
        found = client.list_invocations(
            limit + 1,
            tool_name=tool,
            status=status,
            correlation_id=correlation_id,
            principal=principal,
            grant_id=grant,
            created_after=reading.moment(since),
            created_before=reading.moment(until),
        )
    found = output.at_most(limit, found)
    if json:
        output.as_json(found)
    else:
        rows = (
            (row.id, row.tool_name, row.status, row.duration_ms, row.created_at, row.correlation_id) for row in found
        )
        output.table(("id", "tool", "status", "ms", "created", "correlation id"), rows)


@app.command()
def get(context: typer.Context, invocation_id: Id, json: output.AsJson = False) -> None:
    """Show one invocation in full."""
    with connect(context) as client:
        output.show(client.get_invocation(invocation_id), json=json)


@app.command()
def watch(
    context: typer.Context,
    invocation_id: Id,
    after: Annotated[int, typer.Option(min=0, help="Only events after this number.")] = 0,
    timeout: Annotated[float | None, typer.Option(help="Seconds to watch at most.")] = None,
    json: output.AsJson = False,
) -> None:
    """Follow an invocation to its end; ends with 1 where it failed."""
    with connect(context) as client:
        last = console.follow(client.watch_invocation(invocation_id, after_sequence=after, timeout=timeout), json=json)
        invocation = last or client.get_invocation(invocation_id)
    if not json:
        console.conclude(invocation)
    elif not (invocation.succeeded or invocation.awaits_approval):
        raise typer.Exit(FAILED)


@app.command()
def export(
    context: typer.Context,
    *,
    file: Annotated[Path | None, typer.Option("--file", "-o", help="Write there instead of to stdout.")] = None,
    tool: ToolName = "",
    since: Since = None,
    until: Until = None,
    json: output.AsJson = False,  # noqa: ARG001 - an export is JSON anyway; the option is taken everywhere
) -> None:
    """Export invocations, oldest first, as JSON lines."""
    with connect(context) as client, reading.sink(file) as sink:
        lines = client.export_invocation_lines(
            tool,
            created_after=reading.moment(since),
            created_before=reading.moment(until),
        )
        for line in lines:
            sink.write(line + b"\n")


@app.command()
def summary(
    context: typer.Context,
    tool: ToolName = "",
    since: Since = None,
    until: Until = None,
    json: output.AsJson = False,
) -> None:
    """Show counts and latencies per tool, of the last 24 hours unless said otherwise."""
    with connect(context) as client:
        tools = client.summarize(tool, created_after=reading.moment(since), created_before=reading.moment(until))
    if json:
        output.as_json(tools)
        return
    rows = (
        (
            row.tool_name,
            row.count,
            row.success_count,
            row.failed_count,
            row.cancelled_count,
            row.duration_ms_p50,
            row.duration_ms_p95,
            row.duration_ms_p99,
        )
        for row in tools
    )
    output.table(("name", "count", "success", "failed", "cancelled", "p50 ms", "p95 ms", "p99 ms"), rows)


@app.command()
def redact(
    context: typer.Context,
    invocation_id: Id,
    fields: Annotated[list[str], typer.Argument(help="What to erase: input_params, result.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: output.AsJson = False,
) -> None:
    """Erase arguments or result for good; the receipt stays valid."""
    if not yes:
        typer.confirm(f"Erase {' and '.join(fields)} of {invocation_id} for good?", abort=True)
    with connect(context) as client:
        output.show(client.redact(invocation_id, fields, reason), json=json)


@app.command()
def cancel(context: typer.Context, invocation_id: Id, json: output.AsJson = False) -> None:
    """Ask for the end of an invocation that has not ended."""
    with connect(context) as client:
        output.show(client.cancel_invocation(invocation_id), json=json)
