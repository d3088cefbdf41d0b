"""Stores templates, and shows and fetches them again."""

from pathlib import Path
from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group

app = group("Stored templates, which runs name in place of sending a file.")

Reference = Annotated[str, typer.Argument(help="The id of a version, name@version, or name for the newest version.")]


@app.command()
def upload(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    template: Annotated[Path, typer.Argument(help="The template, a .docx.")],
    share: Annotated[
        list[str] | None, typer.Option("--share", help="A role whose holders see and use it, too.")
    ] = None,
    json: output.AsJson = False,
) -> None:
    """Store a template, or another version of it; the same bytes again are the same version."""
    with connect(context) as client:
        output.show(client.store_template(name, template.read_bytes(), shared_with=share or ()), json=json)


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Versions of this name only.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """Versions of templates, newest first."""
    with connect(context) as client:
        found = output.at_most(limit, client.list_templates(name=name, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = [
        (each.id, f"{each.name}@{each.version}", each.size_bytes, each.sha256[:12], each.created_by) for each in found
    ]
    output.table(("id", "template", "bytes", "sha256", "by"), rows)


@app.command()
def show(context: typer.Context, reference: Reference, json: output.AsJson = False) -> None:
    """One version."""
    with connect(context) as client:
        output.show(client.get_template(reference), json=json)


@app.command()
def download(
    context: typer.Context,
    reference: Reference,
    out: Annotated[Path, typer.Option("--output", "-o", help="Where it goes.")] = Path("template.docx"),
) -> None:
    """The bytes of a version, as they were stored."""
    with connect(context) as client:
        out.write_bytes(client.download_template(reference))


@app.command()
def delete(context: typer.Context, reference: Reference) -> None:
    """Delete a version of your own."""
    with connect(context) as client:
        client.delete_template(reference)
