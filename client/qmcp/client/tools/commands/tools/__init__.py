"""`qmcp tools`: the catalogue, running what is in it, and where its tools come from: documents and MCP servers."""

from qmcp.client.tools.commands.tools import importing, servers
from qmcp.client.tools.commands.tools.catalogue import app

app.command("import")(importing.import_)
app.add_typer(servers.app, name="servers")

__all__ = ["app"]
