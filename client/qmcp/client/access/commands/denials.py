"""`qmcp denials`: what was refused."""

from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import single

app = single()


@app.command()
def denials(
    context: typer.Context,
    principal: Annotated[str, typer.Option(help="Only of this caller, or of the key with this id.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List what was refused for want of a credential or a permission, newest first."""
    with connect(context) as client:
        found = output.at_most(limit, client.list_denials(principal, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = (
        (each.at, each.principal, each.address, each.reason, each.permission, each.method, each.count) for each in found
    )
    output.table(("at", "principal", "address", "reason", "permission", "method", "count"), rows)
