"""`qmcp roles`: the sets of permissions that keys have."""

from typing import Annotated

import typer
from qmcp.client.access.limits import MaxLong, MaxQuick, MaxStreams, MaxWaits, limits_of
from qmcp.client.access.scopes import ToolLabels, ToolNames, ToolTags, scopes_of
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group

app = group("The roles that keys have: sets of permissions.")
RoleName = Annotated[str, typer.Argument(help="The role's name.")]
Permissions = Annotated[list[str], typer.Argument(help="What it grants: tools.invoke, tools.*, *.")]


@app.command("list")
def list_roles(context: typer.Context, json: output.AsJson = False) -> None:
    """List the roles in order of their names."""
    with connect(context) as client:
        found = client.list_roles()
    if json:
        output.as_json(found)
    else:
        rows = ((role.name, " ".join(role.permissions), role.built_in, role.description) for role in found)
        output.table(("name", "permissions", "built in", "description"), rows)


@app.command("create")
def create_role(
    context: typer.Context,
    name: RoleName,
    permissions: Permissions,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    max_quick: MaxQuick = 0,
    max_long: MaxLong = 0,
    max_waits: MaxWaits = 0,
    max_streams: MaxStreams = 0,
    tool: ToolNames = None,
    tool_tag: ToolTags = None,
    tool_label: ToolLabels = None,
    json: output.AsJson = False,
) -> None:
    """Make a role, of tools for all or some of them.

    Example: qmcp roles create billing tools.read tools.invoke --tool 'billing/*'
    """
    with connect(context) as client:
        limits = limits_of(max_quick, max_long, max_waits, max_streams)
        scopes = scopes_of(tool, tool_tag, tool_label)
        role = client.create_role(name, permissions, description=description, limits=limits, tool_scopes=scopes)
        output.show(role, json=json)


@app.command("update")
def update_role(
    context: typer.Context,
    name: RoleName,
    permissions: Permissions,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    max_quick: MaxQuick = 0,
    max_long: MaxLong = 0,
    max_waits: MaxWaits = 0,
    max_streams: MaxStreams = 0,
    tool: ToolNames = None,
    tool_tag: ToolTags = None,
    tool_label: ToolLabels = None,
    etag: Annotated[str, typer.Option(help="Only if the role is still the one with this etag.")] = "",
    json: output.AsJson = False,
) -> None:
    """Replace a role's permissions, description, limits and tools; what its holders may do changes at once."""
    with connect(context) as client:
        limits = limits_of(max_quick, max_long, max_waits, max_streams)
        scopes = scopes_of(tool, tool_tag, tool_label)
        role = client.update_role(
            name, permissions, description=description, limits=limits, tool_scopes=scopes, etag=etag
        )
        output.show(role, json=json)


@app.command("delete")
def delete_role(context: typer.Context, name: RoleName, json: output.AsJson = False) -> None:
    """Remove a role that no key has."""
    with connect(context) as client:
        client.delete_role(name)
    if json:
        output.as_json({"deleted": name})
    else:
        typer.echo(f"{name} is removed.")
