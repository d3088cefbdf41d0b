"""`qmcp tools`: the catalogue, running what is in it, where its tools come from, and grants."""

from qmcp.client.tools.commands.tools import grants, importing, servers
from qmcp.client.tools.commands.tools.catalogue import app

app.command("import")(importing.import_)
app.add_typer(servers.app, name="servers")
app.add_typer(grants.app, name="grants")

__all__ = ["app"]
