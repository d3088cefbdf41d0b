"""`qmcp human`: what agents ask people, the answers, and who is told of them."""

from qmcp.client.hitl.commands.human import webhooks
from qmcp.client.hitl.commands.human.requests import app

app.add_typer(webhooks.app, name="webhooks")
app.command("deliveries")(webhooks.deliveries)

__all__ = ["app"]
