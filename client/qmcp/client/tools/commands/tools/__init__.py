"""`qmcp tools`: the catalogue, running what is in it, and the MCP servers whose tools are in it."""

from qmcp.client.tools.commands.tools import servers
from qmcp.client.tools.commands.tools.catalogue import app

app.add_typer(servers.app, name="servers")

__all__ = ["app"]
