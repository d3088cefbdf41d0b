"""`qmcp documents`: fill templates, verify what came of it, and look after whoever does that."""

from qmcp.client.documents.commands.documents import looking_after
from qmcp.client.documents.commands.documents.runs import app

looking_after.add_to(app)

__all__ = ["app"]
