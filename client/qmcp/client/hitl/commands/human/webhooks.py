"""`qmcp human webhooks`, `qmcp human deliveries`: who is told of what happens, and whether it arrived."""

from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.hitl import models

app = group("Addresses that are told of what happens to requests.")
Id = Annotated[str, typer.Argument(help="The webhook's id.")]


@app.command("list")
def list_(context: typer.Context, json: output.AsJson = False) -> None:
    """List the webhooks, newest first, without their secrets."""
    with connect(context) as client:
        found = client.list_webhooks()
    if json:
        output.as_json(found)
        return
    rows = ((each.id, each.url, " ".join(each.kinds), " ".join(each.request_types), each.paused) for each in found)
    output.table(("id", "url", "events", "types", "paused"), rows)


@app.command()
def create(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where to send events by POST.")],
    *,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only events of this kind, such as decided; several times for several.")
    ] = None,
    request_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only requests of this type; several times for several.")
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    json: output.AsJson = False,
) -> None:
    """Register a webhook and print the secret that signs what it is sent, this once."""
    webhook = models.Webhook(
        url=url, kinds=tuple(kind or ()), request_types=tuple(request_type or ()), description=description
    )
    with connect(context) as client:
        made = client.create_webhook(webhook)
    _show_once(made, json=json)


@app.command()
def rotate(
    context: typer.Context,
    webhook_id: Id,
    grace: Annotated[
        int | None, typer.Option(min=0, help="Seconds for which the old secret signs too; a day unless given.")
    ] = None,
    json: output.AsJson = False,
) -> None:
    """Make a new secret for a webhook and print it, this once."""
    with connect(context) as client:
        made = client.update_webhook(client.get_webhook(webhook_id), rotate_secret=True, grace_seconds=grace)
    _show_once(made, json=json)


@app.command()
def delete(context: typer.Context, webhook_id: Id, json: output.AsJson = False) -> None:
    """Remove a webhook; what is on its way to it is not sent any more."""
    with connect(context) as client:
        client.delete_webhook(webhook_id)
    if json:
        output.as_json({"deleted": webhook_id})
    else:
        typer.echo(f"{webhook_id} is removed.")


def deliveries(
    context: typer.Context,
    *,
    webhook: Annotated[str, typer.Option(help="Only to this webhook.")] = "",
    human_request_id: Annotated[str, typer.Option("--id", help="Only about this request.")] = "",
    status: Annotated[str, typer.Option(help="pending, delivered or failed.")] = "",
    limit: output.Limit = 50,
    retry: Annotated[str, typer.Option(help="Send the delivery with this id again instead.")] = "",
    json: output.AsJson = False,
) -> None:
    """List what was sent where, how often, and what came of it, newest first."""
    with connect(context) as client:
        if retry:
            found = [client.retry_delivery(retry)]
        else:
            found = client.list_deliveries(
                limit + 1, webhook_id=webhook, human_request_id=human_request_id, status=status
            )
    found = output.at_most(limit, found)
    if json:
        output.as_json(found)
        return
    rows = (
        (
            each.id,
            each.event_kind,
            each.human_request_id,
            each.url,
            each.status,
            each.attempts,
            each.last_error or each.last_status or "",
        )
        for each in found
    )
    output.table(("id", "event", "request", "url", "status", "tries", "last"), rows)


def _show_once(made: models.Webhook, *, json: bool) -> None:
    if json:
        output.as_json(made)
    else:
        typer.echo(made.secret)
    output.note(f"This is the only time that the secret of {made.id} is shown. Keep it where secrets are kept.")
