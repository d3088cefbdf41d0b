"""`qmcp human`: what agents ask people, the answers, and who is told of them."""

from qmcp.client.hitl.commands.human import contacts, webhooks
from qmcp.client.hitl.commands.human.requests import app

app.add_typer(webhooks.app, name="webhooks")
app.add_typer(contacts.app, name="contacts")
app.command("deliveries")(webhooks.deliveries)

__all__ = ["app"]
