"""`qmcp whoami`: who the caller is."""

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import single

app = single()


@app.command()
def whoami(context: typer.Context, json: output.AsJson = False) -> None:
    """Show who you are to QMCP, and what you may do."""
    with connect(context) as client:
        output.show(client.whoami(), json=json)
