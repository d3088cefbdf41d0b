"""`qmcp documents`: fill templates, verify what came of it, and look after whoever does that."""

from qmcp.client.documents.commands.documents import batches, looking_after, templates
from qmcp.client.documents.commands.documents.runs import app

looking_after.add_to(app)
app.add_typer(batches.app, name="batch")
app.add_typer(templates.app, name="templates")

__all__ = ["app"]
