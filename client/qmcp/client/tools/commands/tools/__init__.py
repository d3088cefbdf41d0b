"""`qmcp tools`: the catalogue, running what is in it, where its tools come from, grants and limits."""

from qmcp.client.tools.commands.tools import grants, importing, limits, servers
from qmcp.client.tools.commands.tools.catalogue import app

app.command("import")(importing.import_)
app.add_typer(servers.app, name="servers")
app.add_typer(grants.app, name="grants")
app.add_typer(limits.app, name="limits")

__all__ = ["app"]
