"""`qmcp metrics`: what was measured, what it cost, and what watches it."""

from qmcp.client.metrics.commands.metrics import monitors
from qmcp.client.metrics.commands.metrics.events import app

app.add_typer(monitors.app, name="monitors")

__all__ = ["app"]
