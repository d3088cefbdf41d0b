"""`qmcp mcp`: the tools of QMCP over stdio, for MCP clients that start a program instead of calling an address."""

import typer
from qmcp.client.address import api_key
from qmcp.client.cli.connection import connect, connection
from qmcp.client.cli.groups import single

app = single()


@app.command()
def mcp(context: typer.Context) -> None:
    """Speak MCP over stdin and stdout with the program that starts this, and with the edge of a running QMCP."""
    # Takes half a second to import, which other commands need not wait for.
    import anyio
    from qmcp.client.mcp_relay import relay

    with connect(context) as checked:
        # Whoever starts it reads on stderr why nothing would work.
        checked.whoami()
    chosen = connection(context)
    anyio.run(relay, f"{chosen.address.url}/mcp", api_key(chosen.api_key))
