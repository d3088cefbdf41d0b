"""`qmcp interview`: find something out from a person, in as few questions as possible."""

from qmcp.client.questioning.commands.interview import banks
from qmcp.client.questioning.commands.interview.conduct import app

app.add_typer(banks.app, name="bank")

__all__ = ["app"]
