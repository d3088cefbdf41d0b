"""`qmcp roles`: the sets of permissions that keys have."""

from typing import Annotated

import typer
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
    json: output.AsJson = False,
) -> None:
    """Make a role."""
    with connect(context) as client:
        output.show(client.create_role(name, permissions, description=description), json=json)


@app.command("update")
def update_role(
    context: typer.Context,
    name: RoleName,
    permissions: Permissions,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    etag: Annotated[str, typer.Option(help="Only if the role is still the one with this etag.")] = "",
    json: output.AsJson = False,
) -> None:
    """Replace a role's permissions and description; what its holders may do changes at once."""
    with connect(context) as client:
        output.show(client.update_role(name, permissions, description=description, etag=etag), json=json)


@app.command("delete")
def delete_role(context: typer.Context, name: RoleName, json: output.AsJson = False) -> None:
    """Remove a role that no key has."""
    with connect(context) as client:
        client.delete_role(name)
    if json:
        output.as_json({"deleted": name})
    else:
        typer.echo(f"{name} is removed.")
