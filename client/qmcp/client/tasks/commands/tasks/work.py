"""`qmcp tasks`: tasks made, claimed, worked on and ended."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group
from qmcp.client.tasks.commands.tasks.boards import Project, project_id

if TYPE_CHECKING:
    from qmcp.client.tasks.models import Task

app = group("Tasks made, claimed, worked on and ended.")
Id = Annotated[str, typer.Argument(help="The task's id.")]
Token = Annotated[int, typer.Option(min=0, help="The fencing token of your lease, as `claim` printed it.")]
Agent = Annotated[str, typer.Option(help="Which of your agents it is, in your own word.")]
Seconds = Annotated[int | None, typer.Option(min=1, max=3600, help="How long the lease lasts; 300 unless given.")]
Note = Annotated[str, typer.Option(help="Why, for the log.")]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    project: Annotated[str, typer.Option(help="The name of the project, made where there is none.")] = "",
    epic: Annotated[str, typer.Option(help="The name of the epic, made where there is none.")] = "",
    epic_id: Annotated[str, typer.Option("--epic-id", help="Instead of names: the epic's id.")] = "",
    description: Annotated[str | None, typer.Option(help="What is to be done; `-` reads stdin.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, max=3, help="0 (the least) to 3; 1 unless given.")] = None,
    after: Annotated[
        list[str] | None, typer.Option(help="The id of a task to be completed before; many times.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A word to find it by; many times.")] = None,
    resource: Annotated[list[str] | None, typer.Option(help="As path:src/** or port:8000; many times.")] = None,
    backlog: Annotated[bool, typer.Option("--backlog", help="Not to be begun yet.")] = False,
    json: output.AsJson = False,
) -> None:
    """Make a task, or change the one of that name; print its id.

    Example: qmcp tasks create "sum up" --project shop --epic cart --priority 2
    """
    with connect(context) as client:
        made = client.create_task(
            name,
            project=project,
            epic=epic,
            epic_id=epic_id,
            description=reading.file("-").decode() if description == "-" else description,
            priority=priority,
            dependencies=after or (),
            tags=tag or (),
            resources=resource or (),
            backlog=backlog,
        )
    _print(made, json=json)


@app.command()
def show(
    context: typer.Context,
    task_id: Id,
    *,
    log: Annotated[bool, typer.Option("--log", help="What happened to it, too, newest first.")] = False,
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """Show one task in full."""
    with connect(context) as client:
        task = client.get_task(task_id)
        entries = output.at_most(limit, client.list_task_log(task_id, limit=limit + 1)) if log else []
    if json:
        output.as_json({"task": task, "log": entries} if log else task)
        return
    lease = task.lease
    pairs = [(name, getattr(task, name)) for name in task.__slots__ if name != "lease"]
    if lease:
        pairs += [(name, getattr(lease, name)) for name in ("holder", "agent_id", "fencing_token", "expires_at")]
    output.fields(pairs)
    if log:
        rows = ((each.sequence, each.at, each.kind, each.principal, each.payload or "") for each in entries)
        output.table(("", "at", "what", "who", "more"), rows)


@app.command()
def claim(
    context: typer.Context,
    project: Project,
    *,
    agent: Agent = "",
    count: Annotated[int, typer.Option(min=1, max=50, help="As many at most.")] = 1,
    tag: Annotated[str, typer.Option(help="Only with this tag.")] = "",
    wait: Annotated[int, typer.Option(min=0, max=60, help="Seconds to wait until one is ready.")] = 0,
    seconds: Seconds = None,
    json: output.AsJson = False,
) -> None:
    """Take the best that is ready and print its id, token and name; ends with 1 where nothing is.

    Example: qmcp tasks claim shop --agent ada --wait 60
    """
    with connect(context) as client:
        found = client.claim_tasks(
            project_id(client, project), agent_id=agent, count=count, tag=tag, wait_seconds=wait, lease_seconds=seconds
        )
    if json:
        output.as_json(found)
    for each in found if not json else ():
        _print(each, json=False)
    if not found:
        output.note("Nothing is ready.")
        raise typer.Exit(FAILED)


@app.command()
def acquire(
    context: typer.Context, task_id: Id, *, agent: Agent = "", seconds: Seconds = None, json: output.AsJson = False
) -> None:
    """Take this task and print its id, token and name."""
    with connect(context) as client:
        _print(client.acquire_task(task_id, agent_id=agent, lease_seconds=seconds), json=json)


@app.command()
def renew(
    context: typer.Context, task_id: Id, *, token: Token, seconds: Seconds = None, json: output.AsJson = False
) -> None:
    """Say that you are still at it."""
    with connect(context) as client:
        _print(client.renew_task(task_id, token, lease_seconds=seconds), json=json)


@app.command()
def complete(
    context: typer.Context, task_id: Id, *, token: Token = 0, note: Note = "", json: output.AsJson = False
) -> None:
    """Bring a task to completed.

    Example: qmcp tasks complete 0192f… --token 1
    """
    with connect(context) as client:
        _tell(client.transition_task(task_id, "completed", fencing_token=token, note=note), json=json)


@app.command()
def move(
    context: typer.Context,
    task_id: Id,
    status: Annotated[str, typer.Argument(help="pending, in_progress, … or as the board has it, TODO.")],
    *,
    token: Token = 0,
    note: Note = "",
    agent: Agent = "",
    json: output.AsJson = False,
) -> None:
    """Bring a task to another status, as the table in docs/tasks.md allows."""
    with connect(context) as client:
        moved = client.transition_task(task_id, status, fencing_token=token, note=note, agent_id=agent)
    _tell(moved, json=json)


@app.command()
def release(
    context: typer.Context,
    task_id: Id,
    *,
    token: Token,
    failed: Annotated[bool, typer.Option("--failed", help="It did not work; counts until it is blocked.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the log.")] = "",
    json: output.AsJson = False,
) -> None:
    """Give a task back."""
    with connect(context) as client:
        _tell(client.release_task(task_id, token, failed=failed, reason=reason), json=json)


@app.command()
def log(
    context: typer.Context,
    task_id: Id,
    words: Annotated[
        list[str] | None, typer.Argument(help="Words `key=text` and `key:=json`, or a JSON object.")
    ] = None,
    *,
    kind: Annotated[str, typer.Option(help="A word for what it is.")] = "comment",
    token: Token = 0,
    json: output.AsJson = False,
) -> None:
    """Write into the log of a task.

    Example: qmcp tasks log 0192f… --kind progress done:=3 of:=8
    """
    payload: dict[str, Any] = reading.arguments(words) if words else {}
    with connect(context) as client:
        entry = client.log_task(task_id, kind, payload, fencing_token=token)
    if json:
        output.as_json(entry)
    else:
        typer.echo(f"It is number {entry.sequence} in the log.")


@app.command()
def delete(context: typer.Context, task_id: Id, *, token: Token = 0) -> None:
    """Delete a task; what depended on it waits for it no longer."""
    with connect(context) as client:
        client.delete_task(task_id, fencing_token=token)


def _print(task: "Task", *, json: bool) -> None:
    """What a shell goes on with: the id, the token of the lease where there is one, and the name."""
    if json:
        output.as_json(task)
        return
    token = f" {task.lease.fencing_token}" if task.lease else ""
    typer.echo(f"{task.id}{token} {output.visible(task.name)}")


def _tell(task: "Task", *, json: bool) -> None:
    if json:
        output.as_json(task)
    else:
        typer.echo(f"{task.id} is {task.status}.")
