"""`qmcp tools import`: the operations of an OpenAPI document as tools, shown before they are made."""

from typing import Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.tools.models import ToolImport

# What somebody may stumble over, of which it asks.
_BREAKS = ("breaking", "gone")


def import_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The import; its tools are NAME/OPERATION.")],
    source: Annotated[str, typer.Argument(help="The document: an address, a file, or `-` for stdin.")],
    server_url: Annotated[str, typer.Option(help="Where the API is, instead of what the document says.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Only operations with this tag.")] = None,
    path: Annotated[list[str] | None, typer.Option(help="Only this path; * stands for any characters.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only operations of this method.")] = None,
    secret: Annotated[list[str] | None, typer.Option(help="SCHEME=NAME: the secret of a security scheme.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: output.AsJson = False,
) -> None:
    """Make tools of an OpenAPI document, or bring those of an earlier import in line with it."""
    is_address = source.startswith(("http://", "https://"))
    text = "" if is_address else reading.file(source).decode()
    secrets = dict(_pair(each) for each in secret or [])
    methods = [each.upper() for each in method or []]
    with connect(context) as client:

        def run(*, dry: bool, etag: str = "") -> ToolImport:
            return client.import_tools(
                name,
                document=text,
                url=source if is_address else "",
                server_url=server_url,
                tags=tag or [],
                paths=path or [],
                methods=methods,
                secrets=secrets,
                dry_run=dry,
                etag=etag,
            )

        found = run(dry=True)
        if not dry_run:
            if not json:
                _show(found)
            broken = [one.tool_name for one in found.tools if one.change in _BREAKS]
            if broken and not yes:
                typer.confirm(f"{len(broken)} tools may break callers or are gone. Apply?", abort=True)
            found = run(dry=False, etag=found.etag)
    if json:
        output.as_json(found)
    elif dry_run:
        _show(found)
    else:
        typer.echo(f"{name} is imported.")


def _pair(text: str) -> tuple[str, str]:
    scheme, found, secret = text.partition("=")
    if not found:
        raise ValueError(f"--secret takes SCHEME=NAME, and {text!r} has no =")
    return scheme, secret


def _show(found: ToolImport) -> None:
    rows = [
        (one.change, one.tool_name or one.operation, "; ".join([*one.details, *one.notes]))
        for one in found.tools
        if one.change != "unchanged" or one.notes
    ]
    output.table(("change", "tool", "what"), rows)
    typer.echo(
        f"{found.title}: {found.added_count} added, {found.changed_count} changed, {found.breaking_count} breaking, "
        f"{found.gone_count} gone, {found.unchanged_count} unchanged, {found.refused_count} refused."
    )
