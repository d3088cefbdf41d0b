"""`qmcp interview`: find something out from a person, in as few questions as possible."""

from qmcp.client.questioning.commands.interview import banks, memory
from qmcp.client.questioning.commands.interview.conduct import app

app.add_typer(banks.app, name="bank")
app.add_typer(memory.app, name="memory")

__all__ = ["app"]
