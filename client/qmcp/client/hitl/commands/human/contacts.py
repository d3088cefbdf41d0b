"""`qmcp human contacts`: where people are told, by mail or chat, that they are asked."""

from dataclasses import replace
from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.hitl import models

app = group("Where people are told, by mail or chat, that they are asked.")
Id = Annotated[str, typer.Argument(help="The contact's id.")]


@app.command("list")
def list_(
    context: typer.Context,
    person: Annotated[str, typer.Option(help="Only those of this person.")] = "",
    json: output.AsJson = False,
) -> None:
    """List the contacts, newest first."""
    with connect(context) as client:
        found = client.list_contacts(person)
    if json:
        output.as_json(found)
        return
    rows = ((each.id, each.person, " ".join(each.groups), each.kind, each.address, each.paused) for each in found)
    output.table(("id", "person", "groups", "kind", "address", "paused"), rows)


@app.command()
def create(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Who is told there, and answers from there.")],
    address: Annotated[str, typer.Argument(help="A mail address, or the URL of a chat's incoming webhook.")],
    *,
    kind: Annotated[str, typer.Option(help="email, slack, mattermost or teams.")] = "email",
    groups: Annotated[
        list[str] | None, typer.Option("--group", help="A group that they answer for; several times for several.")
    ] = None,
    quiet: Annotated[
        str, typer.Option(help="When only what is urgent is sent, as 22:00-07:00; --time-zone says by whose clock.")
    ] = "",
    time_zone: Annotated[str, typer.Option(help="Such as Europe/Berlin.")] = "UTC",
    json: output.AsJson = False,
) -> None:
    """Make a contact. What is sent there answers in that person's name."""
    begin, _, end = quiet.partition("-")
    contact = models.Contact(
        kind=kind,
        address=address,
        person=person,
        groups=tuple(groups or ()),
        quiet_hours=models.QuietHours(begin=begin, end=end, time_zone=time_zone) if quiet else None,
    )
    with connect(context) as client:
        made = client.create_contact(contact)
    _show(made, json=json)


@app.command()
def pause(context: typer.Context, contact_id: Id, json: output.AsJson = False) -> None:
    """Tell a contact nothing, until it is resumed."""
    _set_paused(context, contact_id, paused=True, json=json)


@app.command()
def resume(context: typer.Context, contact_id: Id, json: output.AsJson = False) -> None:
    """Tell a contact again; what came meanwhile is not sent."""
    _set_paused(context, contact_id, paused=False, json=json)


@app.command()
def delete(context: typer.Context, contact_id: Id, json: output.AsJson = False) -> None:
    """Remove a contact, what is on its way to it, and the links that were sent there."""
    with connect(context) as client:
        client.delete_contact(contact_id)
    if json:
        output.as_json({"deleted": contact_id})
    else:
        typer.echo(f"{contact_id} is removed.")


def _set_paused(context: typer.Context, contact_id: str, *, paused: bool, json: bool) -> None:
    with connect(context) as client:
        changed = client.update_contact(replace(client.get_contact(contact_id), paused=paused))
    _show(changed, json=json)


def _show(contact: models.Contact, *, json: bool) -> None:
    if json:
        output.as_json(contact)
    else:
        typer.echo(contact.id)
