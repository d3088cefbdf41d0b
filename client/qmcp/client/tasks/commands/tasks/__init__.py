"""`qmcp tasks`: boards that many agents share."""

from qmcp.client.tasks.commands.tasks import planning, work
from qmcp.client.tasks.commands.tasks.boards import app

app.registered_commands += work.app.registered_commands
app.add_typer(planning.app, name="planning")

__all__ = ["app"]
