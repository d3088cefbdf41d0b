"""`qmcp tools grants`: who may run which tools without a human being asked."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.tools import models

app = group("Who may run which tools without a human being asked.")
Id = Annotated[str, typer.Argument(help="The grant's id.")]


@app.command("list")
def list_(
    context: typer.Context,
    principal: Annotated[str, typer.Option(help="Only for this caller.")] = "",
    usable: Annotated[bool, typer.Option("--usable", help="Only those that can still be used.")] = False,
    json: output.AsJson = False,
) -> None:
    """List the grants, newest first."""
    with connect(context) as client:
        found = client.list_grants(principal, usable=usable)
    if json:
        output.as_json(found)
        return
    rows = (
        (each.id, each.principal, " ".join(each.tools), each.used, each.uses, each.expires_at, each.revoked_at)
        for each in found
    )
    output.table(("id", "principal", "tools", "used", "of", "expires", "revoked"), rows)


@app.command()
def get(context: typer.Context, grant_id: Id, json: output.AsJson = False) -> None:
    """Show one grant, and how often it was used."""
    with connect(context) as client:
        output.show(client.get_grant(grant_id), json=json)


@app.command()
def create(
    context: typer.Context,
    principal: Annotated[str, typer.Argument(help="Whose invocations need no human; not yourself.")],
    tools: Annotated[list[str], typer.Argument(help="Names of tools; * stands for any characters.")],
    *,
    hours: Annotated[float, typer.Option(help="For how long it is good.")],
    uses: Annotated[int | None, typer.Option(help="For how many invocations; left out: any number.")] = None,
    arguments: Annotated[
        str, typer.Option(help="File with a JSON Schema that the arguments obey; `-` reads stdin.")
    ] = "",
    any_version: Annotated[
        bool, typer.Option("--any-version", help="Also for tools that change or come later.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    idempotency_key: Annotated[str | None, typer.Option(help="Makes a retry return the first answer.")] = None,
    json: output.AsJson = False,
) -> None:
    """Let a caller run some tools without a human being asked.

    Example: qmcp tools grants create agent-7 'billing/*' --hours 8 --uses 10
    """
    grant = models.Grant(
        principal=principal,
        tools=tuple(tools),
        arguments=reading.json_object(reading.file(arguments), "the schema") if arguments else None,
        uses=uses,
        expires_at=datetime.now(UTC) + timedelta(hours=hours),
        any_version=any_version,
        reason=reason,
    )
    with connect(context) as client:
        output.show(client.create_grant(grant, idempotency_key=idempotency_key), json=json)


@app.command()
def revoke(context: typer.Context, grant_id: Id, json: output.AsJson = False) -> None:
    """End a grant: humans are asked again."""
    with connect(context) as client:
        output.show(client.revoke_grant(grant_id), json=json)
