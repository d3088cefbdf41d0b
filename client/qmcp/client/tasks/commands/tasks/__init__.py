"""`qmcp tasks`: boards that many agents share."""

from qmcp.client.tasks.commands.tasks import work
from qmcp.client.tasks.commands.tasks.boards import app

app.registered_commands += work.app.registered_commands

__all__ = ["app"]
