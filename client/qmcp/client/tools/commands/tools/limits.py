"""`qmcp tools limits`: how often tools may be invoked, and what is left of that."""

from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.tools import models

app = group("How often tools may be invoked, over all replicas.")
Name = Annotated[str, typer.Argument(help="The limit's name.")]
Some = list[str] | None


@app.command("list")
def list_(context: typer.Context, json: output.AsJson = False) -> None:
    """List the limits in order of their names."""
    with connect(context) as client:
        found = client.list_tool_limits()
    if json:
        output.as_json(found)
        return
    rows = (
        (
            each.name,
            " ".join((*each.tools, *each.tags, *(f"{key}={value}" for key, value in each.labels.items()))),
            " ".join((*each.principals, *each.roles)),
            f"{each.quota.invocations} a {each.quota.window}" if each.quota else "",
            f"{each.rate.per_minute} a minute" if each.rate else "",
            " ".join(("tool",) * each.per_tool + ("caller",) * each.per_principal),
        )
        for each in found
    )
    output.table(("name", "tools", "callers", "quota", "rate", "each"), rows)


@app.command()
def get(context: typer.Context, name: Name, json: output.AsJson = False) -> None:
    """Show one limit."""
    with connect(context) as client:
        output.show(client.get_tool_limit(name), json=json)


@app.command("set")
def set_(
    context: typer.Context,
    name: Name,
    *,
    per_minute: Annotated[int, typer.Option(help="How many invocations a minute; or say --quota.")] = 0,
    burst: Annotated[int, typer.Option(help="With --per-minute: how many at once after a pause.")] = 0,
    quota: Annotated[int, typer.Option(help="How many invocations in a window.")] = 0,
    window: Annotated[str, typer.Option(help="With --quota: hour, day, week or month, in UTC.")] = "day",
    tool: Annotated[Some, typer.Option(help="For tools of this name; * stands for any characters.")] = None,
    tag: Annotated[Some, typer.Option(help="For tools with this tag.")] = None,
    label: Annotated[Some, typer.Option(help="For tools with this label, as KEY=VALUE.")] = None,
    principal: Annotated[Some, typer.Option(help="For this caller.")] = None,
    role: Annotated[Some, typer.Option(help="For callers with this role.")] = None,
    each_tool: Annotated[bool, typer.Option("--each-tool", help="Each tool has the whole of it.")] = False,
    each_caller: Annotated[bool, typer.Option("--each-caller", help="Each caller has the whole of it.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    etag: Annotated[str, typer.Option(help="Only if the limit is still the one with this etag.")] = "",
    json: output.AsJson = False,
) -> None:
    """Make a limit, or replace it; what was used of it stays used.

    Example: qmcp tools limits set billing --quota 1000 --window month --tool 'billing/*' --each-caller
    """
    if bool(per_minute) == bool(quota):
        raise ValueError("Say --per-minute or --quota: one of the two.")
    limit = models.ToolLimit(
        name=name,
        tools=tuple(tool or ()),
        tags=tuple(tag or ()),
        labels=dict(map(_pair, label or ())),
        principals=tuple(principal or ()),
        roles=tuple(role or ()),
        per_tool=each_tool,
        per_principal=each_caller,
        rate=models.InvocationRate(per_minute=per_minute, burst=burst) if per_minute else None,
        quota=models.InvocationQuota(invocations=quota, window=window) if quota else None,
        reason=reason,
        etag=etag,
    )
    with connect(context) as client:
        output.show(client.update_tool_limit(limit), json=json)


@app.command()
def remove(
    context: typer.Context,
    name: Name,
    etag: Annotated[str, typer.Option(help="Only if the limit is still the one with this etag.")] = "",
    json: output.AsJson = False,
) -> None:
    """Remove a limit, and what was used of it."""
    with connect(context) as client:
        client.delete_tool_limit(name, etag)
    if json:
        output.as_json({"deleted": name})
    else:
        typer.echo(f"{name} is removed.")


@app.command()
def left(
    context: typer.Context, tool: Annotated[str, typer.Argument(help="The tool's name.")], json: output.AsJson = False
) -> None:
    """Show what limits leave you of a tool."""
    with connect(context) as client:
        found = client.get_tool_allowances(tool)
    if json:
        output.as_json(found)
        return
    rows = ((each.limit, each.remaining, each.invocations, each.window, each.reset_at) for each in found)
    output.table(("limit", "left", "of", "window", "all there at"), rows)


def _pair(label: str) -> tuple[str, str]:
    key, equals, value = label.partition("=")
    if not equals:
        raise ValueError(f"{label!r} is no label: write KEY=VALUE.")
    return key, value
