"""Starts batches, shows how far they are, stops them, and fetches what came of them."""

from pathlib import Path
from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group

app = group("Many documents of one template.")

BatchId = Annotated[str, typer.Argument(help="The batch's id.")]


@app.command()
def start(
    context: typer.Context,
    payloads: Annotated[Path, typer.Argument(help="A payload for each document: JSON lines, or a JSON array.")],
    template: Annotated[Path | None, typer.Option(help="The template, a .docx.")] = None,
    stored_template: Annotated[str, typer.Option(help="In its place a stored one: id, name or name@version.")] = "",
    skill: Annotated[str, typer.Option(help="The kind of document; without it meeting_notice.")] = "",
    preset: Annotated[str, typer.Option(help="quick, template or strict.")] = "",
    policy: Annotated[Path | None, typer.Option(help="A policy, YAML.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all of it has ended.")] = False,
    out: Annotated[Path | None, typer.Option("--output", "-o", help="Wait, and write what came of it here.")] = None,
    json: output.AsJson = False,
) -> None:
    """Start a run for each payload."""
    from qmcp.client.documents.payloads import read

    if (template is None) == (not stored_template):
        raise ValueError("give either --template or --stored-template")
    given = read(payloads)
    with connect(context) as client:
        batch = client.start_document_batch(
            template.read_bytes() if template else b"",
            given,
            stored_template=stored_template,
            skill=skill,
            preset=preset,
            policy_yaml=policy.read_text() if policy else "",
        )
        if wait or out:
            batch = client.wait_for_document_batch(batch.id)
        if out:
            with out.open("wb") as target:
                client.download_document_batch(batch.id, target)
    output.show(batch, json=json)


@app.command("list")
def list_(
    context: typer.Context,
    skill: Annotated[str, typer.Option(help="Batches of this kind of document only.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """Batches, newest first."""
    with connect(context) as client:
        found = output.at_most(limit, client.list_document_batches(skill=skill, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = [
        (each.id, each.created_at, each.skill, each.status, f"{each.ended_count}/{each.item_count}", each.created_by)
        for each in found
    ]
    output.table(("id", "at", "skill", "status", "ended", "by"), rows)


@app.command()
def show(context: typer.Context, batch_id: BatchId, json: output.AsJson = False) -> None:
    """How far a batch is, and how its runs ended."""
    with connect(context) as client:
        output.show(client.get_document_batch(batch_id), json=json)


@app.command()
def cancel(context: typer.Context, batch_id: BatchId, json: output.AsJson = False) -> None:
    """Stop a batch; what has been done stays."""
    with connect(context) as client:
        output.show(client.cancel_document_batch(batch_id), json=json)


@app.command()
def download(
    context: typer.Context,
    batch_id: BatchId,
    out: Annotated[Path, typer.Option("--output", "-o", help="Where it goes.")] = Path("documents.zip"),
) -> None:
    """All that came of a batch that has ended, one zip."""
    with connect(context) as client, out.open("wb") as target:
        client.download_document_batch(batch_id, target)
