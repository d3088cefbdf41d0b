"""`qmcp tasks`: what is on boards, and whole boards in and out."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.errors import NotFoundError

if TYPE_CHECKING:
    from qmcp.client.sync import Client
    from qmcp.client.tasks.models import BoardEvent

app = group("Boards that many agents share: projects, their epics, and tasks that one agent is at at a time.")
Project = Annotated[str, typer.Argument(help="The project, by its id or its name.")]
OfProject = Annotated[str, typer.Option(help="Only of this project, by its id or its name.")]
STATUSES = ("backlog", "pending", "in_progress", "review", "blocked", "completed")


def project_id(client: "Client", project: str) -> str:
    """The id of a project that was named by its id or its name."""
    try:
        return str(UUID(project))
    except ValueError:
        found = client.list_projects(name=project, limit=2)
    if not found:
        raise NotFoundError(f"There is no project {project!r}.")
    if len(found) > 1:
        raise ValueError(
            f"you work on several projects that are called {project!r}; `qmcp tasks projects` has their ids"
        )
    return found[0].id


@app.command()
def projects(
    context: typer.Context,
    *,
    status: Annotated[str, typer.Option(help="active, archived or completed.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List the projects that you own or work on, newest first."""
    with connect(context) as client:
        found = output.at_most(limit, client.list_projects(status=status, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = (
        (each.id, each.name, each.status, each.owner, each.epic_count, each.task_count, each.completed_task_count)
        for each in found
    )
    output.table(("id", "name", "status", "owner", "epics", "tasks", "completed"), rows)


@app.command()
def epics(
    context: typer.Context, project: OfProject = "", *, limit: output.Limit = 50, json: output.AsJson = False
) -> None:
    """List epics, newest first."""
    with connect(context) as client:
        of_project = project_id(client, project) if project else ""
        found = output.at_most(limit, client.list_epics(of_project, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = ((each.id, each.name, each.status, each.task_count, each.completed_task_count) for each in found)
    output.table(("id", "name", "status", "tasks", "completed"), rows)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    project: OfProject = "",
    epic_id: Annotated[str, typer.Option("--epic-id", help="Only of this epic.")] = "",
    status: Annotated[str, typer.Option(help="pending, in_progress, … or as the board has it, TODO.")] = "",
    tag: Annotated[str, typer.Option(help="Only with this tag.")] = "",
    ready: Annotated[bool, typer.Option("--ready", help="Only those that can be begun.")] = False,
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List tasks, newest first."""
    with connect(context) as client:
        of_project = project_id(client, project) if project else ""
        tasks = client.list_tasks(of_project, epic_id=epic_id, status=status, tag=tag, ready=ready, limit=limit + 1)
    found = output.at_most(limit, tasks)
    if json:
        output.as_json(found)
        return
    rows = (
        (each.id, each.name, each.status, each.priority, each.lease.holder if each.lease else "", each.updated_at)
        for each in found
    )
    output.table(("id", "name", "status", "priority", "held by", "changed"), rows)


@app.command()
def board(context: typer.Context, project: Project, json: output.AsJson = False) -> None:
    """Show a board: its tasks by their status, the most urgent first."""
    with connect(context) as client:
        tasks = client.list_tasks(project_id(client, project), limit=None)
    columns = {
        status: sorted((each for each in tasks if each.status == status), key=lambda task: -task.priority)
        for status in STATUSES
    }
    if json:
        output.as_json(columns)
        return
    rows = (
        (each.board_status, each.id, each.name, each.priority, each.lease.agent_id or each.lease.holder)
        if each.lease
        else (each.board_status, each.id, each.name, each.priority, "")
        for column in columns.values()
        for each in column
    )
    output.table(("", "id", "name", "priority", "at it"), rows)
    output.note(", ".join(f"{len(column)} {status}" for status, column in columns.items() if column) or "no tasks")


@app.command()
def watch(
    context: typer.Context,
    project: Project,
    *,
    after: Annotated[
        int | None, typer.Option(min=0, help="What came after this event; else what is there first.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds to watch; else until Ctrl-C.")] = None,
    json: output.AsJson = False,
) -> None:
    """Show what happens on a board as it happens; a restart interrupts nothing. With --json, a line an event."""
    with connect(context) as client:
        events = client.watch_board(project_id(client, project), after_sequence=after, timeout=timeout)
        try:
            for each in islice(events, limit):
                _tell(each, json=json)
        except KeyboardInterrupt:
            # That is how one stops watching.
            return


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="The boards, in YAML or JSON; `-` is stdin.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")] = False,
    json: output.AsJson = False,
) -> None:
    """Make and change all that a file names, by names, or nothing of it; see docs/tasks.md for its form.

    Example: qmcp tasks import board.yaml --dry-run
    """
    try:
        text = reading.file(file).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 at byte {error.start}") from None
    with connect(context) as client:
        found = client.import_projects(text, dry_run=dry_run)
    if json:
        output.as_json(found)
        return
    rows = (
        (each.action, each.kind, each.name, ", ".join(each.fields), each.note)
        for each in found.items
        if each.action != "unchanged"
    )
    output.table(("", "what", "name", "changed", "note"), rows)
    counted = Counter(each.action for each in found.items)
    told = ", ".join(f"{number} {action}" for action, number in sorted(counted.items()))
    output.note(f"{'A dry run, nothing was done: ' if dry_run else ''}{told}")


@app.command()
def export(
    context: typer.Context,
    project: Annotated[list[str] | None, typer.Argument(help="Projects, by id or name; none: all you see.")] = None,
    *,
    epic_id: Annotated[str, typer.Option("--epic-id", help="Only this epic.")] = "",
    file: Annotated[Path | None, typer.Option("--file", "-o", help="Write there instead of to stdout.")] = None,
    json: output.AsJson = False,
) -> None:
    """Write boards as YAML, as `import` takes it."""
    with connect(context) as client:
        ids = [project_id(client, each) for each in project or ()]
        found = client.export_projects(ids, epic_id=epic_id)
    with reading.sink(file) as sink:
        if json:
            output.as_json(found)
        else:
            sink.write(found.yaml.encode())


def _tell(event: "BoardEvent", *, json: bool) -> None:
    if json:
        output.as_json(event)
        return
    named = event.task or event.epic or event.project
    said = (event.at, event.sequence, event.kind, event.principal, f"{named.id} {named.name}" if named else "")
    output.console().print(*map(output.cell, said))
