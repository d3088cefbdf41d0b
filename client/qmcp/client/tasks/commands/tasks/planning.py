"""`qmcp tasks planning`: plans as files of Markdown."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qmcp.client.tasks.models import PlanningFile

app = group("Plans of products, epics and tasks, as files of Markdown.")
Type = Annotated[str, typer.Argument(metavar="TYPE", help="prd, epic or task.")]
Name = Annotated[str, typer.Argument(help="The file, as 001-checkout.md.")]
Archived = Annotated[bool, typer.Option("--archived", help="In the archive.")]


@app.command("list")
def list_(
    context: typer.Context,
    type_: Annotated[str, typer.Option("--type", help="prd, epic or task.")] = "",
    *,
    archived: Archived = False,
    json: output.AsJson = False,
) -> None:
    """List planning files, by type and name."""
    with connect(context) as client:
        found = client.list_planning_files(type_, archived=archived)
    if json:
        output.as_json(found)
        return
    output.table(
        ("type", "name", "bytes", "written"),
        ((each.file_type, each.name, each.size_bytes, each.updated_at) for each in found),
    )


@app.command()
def show(context: typer.Context, type_: Type, name: Name, *, archived: Archived = False) -> None:
    """Write what stands in one to stdout."""
    with connect(context) as client:
        sys.stdout.write(client.get_planning_file(type_, name, archived=archived).content)


@app.command()
def archive(context: typer.Context, type_: Type, name: Name) -> None:
    """Move one into the archive, with what belongs to it by its number."""
    with connect(context) as client:
        _tell(client.archive_planning_file(type_, name))


@app.command()
def unarchive(context: typer.Context, type_: Type, name: Name) -> None:
    """Move one out of the archive, with what belongs to it by its number."""
    with connect(context) as client:
        _tell(client.unarchive_planning_file(type_, name))


def _tell(moved: "Sequence[PlanningFile]") -> None:
    for each in moved:
        typer.echo(f"{each.file_type} {each.name}")
