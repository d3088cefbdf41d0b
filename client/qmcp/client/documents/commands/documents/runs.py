"""Fills templates, and shows and verifies what came of it."""

from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import typer
from qmcp.client.cli import output
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group

app = group("Fill Word templates, and prove what came of it.")


@app.command()
def run(
    context: typer.Context,
    task: Annotated[Path, typer.Option(help="The task, JSON with task_type and payload.")],
    template: Annotated[Path | None, typer.Option(help="The template, a .docx.")] = None,
    stored_template: Annotated[str, typer.Option(help="In its place a stored one: id, name or name@version.")] = "",
    out_dir: Annotated[Path, typer.Option(help="Where the files go.")] = Path(),
    skill: Annotated[str, typer.Option(help="The kind of document; without it meeting_notice.")] = "",
    preset: Annotated[str, typer.Option(help="quick, template or strict.")] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Turn the mode to strict.")] = False,
    policy: Annotated[Path | None, typer.Option(help="A policy, YAML.")] = None,
    format_mode: Annotated[str, typer.Option(help="report, strict or off.")] = "",
    format_baseline: Annotated[str, typer.Option(help="template or policy.")] = "",
    format_fix_mode: Annotated[str, typer.Option(help="none or safe.")] = "",
    format_report: Annotated[str, typer.Option(help="human, json or both.")] = "",
    export_suggested_policy: Annotated[
        bool, typer.Option("--export-suggested-policy", help="Add a policy that fits the template.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    json: output.AsJson = False,
) -> None:
    """Fill a template; ends with 0, 2 (values missing), 3 (unsupported placeholders) or 4 (format), 2 before 4."""
    if not force and (standing := out_dir / "out.docx").exists():
        raise ValueError(f"{standing} is there already; --force writes over it")
    if (template is None) == (not stored_template):
        raise ValueError("give either --template or --stored-template")
    with connect(context) as client:
        produced = client.run_document(
            template.read_bytes() if template else b"",
            task.read_bytes(),
            stored_template=stored_template,
            skill=skill,
            preset=preset,
            strict=strict,
            format_mode=format_mode,
            format_baseline=format_baseline,
            format_fix_mode=format_fix_mode,
            format_report=format_report,
            policy_yaml=policy.read_text() if policy else "",
            export_suggested_policy=export_suggested_policy,
        )
    produced.write(out_dir)
    output.show(produced.run, json=json)
    if produced.exit_code:
        raise typer.Exit(produced.exit_code)


@app.command()
def verify(
    archive: Annotated[Path, typer.Argument(help="The archive of a run, a zip.")],
    template: Annotated[Path | None, typer.Option(help="The template that is said to have gone in.")] = None,
    task: Annotated[Path | None, typer.Option(help="The task that is said to have gone in.")] = None,
    json: output.AsJson = False,
) -> None:
    """Check an archive against its manifest, without a server; ends with 1 and names what was changed."""
    from qmcp.client.documents.verification import verify_archive

    found = verify_archive(archive, template=template, task=task)
    if json:
        output.as_json({"valid": found.valid, "entries": found.entries, "values": found.values, "faults": found.faults})
    else:
        for fault in found.faults:
            output.note(fault)
        typer.echo(
            f"{found.entries} entries and {found.values} values " + ("hold" if found.valid else "do not all hold")
        )
    if not found.valid:
        raise typer.Exit(FAILED)


@app.command()
def contract(
    context: typer.Context,
    template: Annotated[Path | None, typer.Argument(help="The template, a .docx.")] = None,
    stored_template: Annotated[str, typer.Option(help="In its place a stored one: id, name or name@version.")] = "",
    previous: Annotated[Path | None, typer.Option(help="The version before it.")] = None,
    stored_previous: Annotated[str, typer.Option(help="In its place a stored one.")] = "",
    skill: Annotated[str, typer.Option(help="The kind of document; without it jinja_template.")] = "",
    json: output.AsJson = False,
) -> None:
    """What a template asks for; with the version before it, what changed: ends with 1 where that breaks payloads."""
    with connect(context) as client:
        found = client.describe_template(
            template.read_bytes() if template else b"",
            stored_template=stored_template,
            previous=previous.read_bytes() if previous else b"",
            stored_previous=stored_previous,
            skill=skill,
        )
    if json:
        output.as_json(found)
    elif previous or stored_previous:
        output.table(("change", "path", ""), [(each.kind, each.path, each.message) for each in found.changes])
    else:
        output.table(("path", "part", "paragraph", "tag"), [astuple(each) for each in found.uses])
    if found.breaking:
        raise typer.Exit(FAILED)


@app.command("list")
def list_(
    context: typer.Context,
    skill: Annotated[str, typer.Option(help="Runs of this kind of document only.")] = "",
    outcome: Annotated[str, typer.Option(help="Runs that ended so only.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """Runs, newest first."""
    with connect(context) as client:
        found = output.at_most(limit, client.list_document_runs(skill=skill, outcome=outcome, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = [(each.id, each.created_at, each.skill, each.outcome, each.total_ms, each.created_by) for each in found]
    output.table(("id", "at", "skill", "outcome", "ms", "by"), rows)


@app.command()
def download(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(help="The run's id.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="Where it goes.")] = Path("docops_outputs.zip"),
) -> None:
    """The archive of a run, as it was."""
    with connect(context) as client:
        out.write_bytes(client.download_document_run(run_id))
