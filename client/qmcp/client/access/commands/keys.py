"""`qmcp keys`: the API keys of those who call."""

from typing import Annotated

import typer
from qmcp.client.access import models
from qmcp.client.access.limits import MaxLong, MaxQuick, MaxStreams, MaxWaits, limits_of
from qmcp.client.access.scopes import ToolLabels, ToolNames, ToolTags, scopes_of
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group

app = group("The API keys of those who call.")
Id = Annotated[str, typer.Argument(help="The key's id, the first part of the key: 16 digits after `qmcp_`.")]
IdempotencyKey = Annotated[str | None, typer.Option(help="Makes a retry change nothing more.")]


@app.command()
def create(
    context: typer.Context,
    *,
    owner: Annotated[str, typer.Option(help="Who will hold it; recorded with all that is done with it.")],
    role: Annotated[list[str], typer.Option(help="A role it has; may be given several times.")],
    rate: Annotated[int, typer.Option(min=0, help="Calls a minute; 0 means no limit.")] = 0,
    max_quick: MaxQuick = 0,
    max_long: MaxLong = 0,
    max_waits: MaxWaits = 0,
    max_streams: MaxStreams = 0,
    tool: ToolNames = None,
    tool_tag: ToolTags = None,
    tool_label: ToolLabels = None,
    expires: Annotated[str | None, typer.Option(help="When it ends: 2027-01-31T12:00:00Z, or 90d from now.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    service_name: Annotated[str, typer.Option(help="What the holder is.")] = "",
    idempotency_key: IdempotencyKey = None,
    json: output.AsJson = False,
) -> None:
    """Make a key and print it, this once.

    Example: qmcp keys create --owner builder --role agent --expires 90d
    """
    with connect(context) as client:
        issued = client.create_key(
            owner,
            role,
            service_name=service_name,
            description=description,
            rate_per_minute=rate,
            limits=limits_of(max_quick, max_long, max_waits, max_streams),
            tool_scopes=scopes_of(tool, tool_tag, tool_label),
            expires_at=reading.coming(expires),
            idempotency_key=idempotency_key,
        )
    _show_once(issued, json=json)


@app.command("list")
def list_keys(
    context: typer.Context,
    owner: Annotated[str, typer.Option(help="Only of this owner.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Revoked and expired ones too.")] = False,
    json: output.AsJson = False,
) -> None:
    """List the keys, newest first, without their secrets."""
    with connect(context) as client:
        found = client.list_keys(owner, include_invalid=everything)
    if json:
        output.as_json(found)
        return
    rows = (
        (key.id, key.owner, " ".join(key.roles), key.status, key.last_used_at, key.expires_at, key.description)
        for key in found
    )
    output.table(("id", "owner", "roles", "status", "last used", "expires", "description"), rows)


@app.command()
def get(context: typer.Context, key_id: Id, json: output.AsJson = False) -> None:
    """Show one key, without its secret."""
    with connect(context) as client:
        output.show(client.get_key(key_id), json=json)


@app.command()
def rotate(
    context: typer.Context,
    key_id: Id,
    grace: Annotated[
        int | None, typer.Option(min=0, help="Seconds for which the old secret stays valid; a day unless given.")
    ] = None,
    idempotency_key: IdempotencyKey = None,
    json: output.AsJson = False,
) -> None:
    """Make a new secret for a key and print it, this once."""
    with connect(context) as client:
        issued = client.rotate_key(key_id, grace_seconds=grace, idempotency_key=idempotency_key)
    _show_once(issued, json=json)


@app.command()
def revoke(
    context: typer.Context,
    key_id: Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: output.AsJson = False,
) -> None:
    """Make a key invalid for good."""
    if not yes:
        typer.confirm(f"Revoke {key_id} for good?", abort=True)
    with connect(context) as client:
        revoked = client.revoke_key(key_id)
    if json:
        output.as_json(revoked)
    else:
        typer.echo(f"{revoked.id} of {revoked.owner} is revoked.")


@app.command()
def disable(context: typer.Context, key_id: Id, json: output.AsJson = False) -> None:
    """Make a key invalid until it is enabled again."""
    with connect(context) as client:
        disabled = client.disable_key(key_id)
    if json:
        output.as_json(disabled)
    else:
        typer.echo(f"{disabled.id} of {disabled.owner} is disabled.")


@app.command()
def enable(context: typer.Context, key_id: Id, json: output.AsJson = False) -> None:
    """Make a disabled key valid again."""
    with connect(context) as client:
        enabled = client.enable_key(key_id)
    if json:
        output.as_json(enabled)
    else:
        typer.echo(f"{enabled.id} of {enabled.owner} is {enabled.status} again.")


def _show_once(issued: models.IssuedKey, *, json: bool) -> None:
    """The key alone on stdout, so that a script can take it; the words on stderr."""
    if json:
        output.as_json(issued)
    elif issued.api_key:
        typer.echo(issued.api_key)
    if issued.api_key:
        output.note(
            f"This is the only time that the secret of {issued.key.id} is shown. Keep it where secrets are kept."
        )
    else:
        output.note(
            f"The key {issued.key.id} was made by an earlier try, and its secret was shown then. If it is lost, "
            f"make another with `qmcp keys rotate {issued.key.id} --grace 0`."
        )
