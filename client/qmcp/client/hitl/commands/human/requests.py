"""`qmcp human`: what agents ask people, and the answers."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group
from qmcp.client.hitl import models

if TYPE_CHECKING:
    from qmcp.client.sync import Client

app = group("What agents ask people, and the answers.")
Id = Annotated[str, typer.Argument(help="The request's id.")]
OfType = Annotated[str, typer.Option("--type", help="Only of this type: approval, choice, input, review, …")]
Assignee = Annotated[str, typer.Option(help="Only those that this principal is asked by name.")]
Group = Annotated[str, typer.Option(help="Only those that this role is asked.")]
Tag = Annotated[str, typer.Option(help="Only with this tag.")]


@app.command("list")
def list_(
    context: typer.Context,
    *,
    status: Annotated[str, typer.Option(help="pending, responded, expired or cancelled.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Ended ones too; without it, what is pending.")] = False,
    request_type: OfType = "",
    assignee: Assignee = "",
    group: Group = "",
    tag: Tag = "",
    requester: Annotated[str, typer.Option(help="Only asked by this principal.")] = "",
    correlation_id: Annotated[str, typer.Option(help="Only with this correlation id.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List what waits for an answer, newest first."""
    with connect(context) as client:
        found = client.list_human_requests(
            limit + 1,
            status=status or ("" if everything else "pending"),
            request_type=request_type,
            assignee=assignee,
            group=group,
            tag=tag,
            requester=requester,
            correlation_id=correlation_id,
        )
    found = output.at_most(limit, found)
    if json:
        output.as_json(found)
        return
    rows = (
        (each.id, each.request_type, each.status, each.priority, each.requester, each.expires_at, _line(each.prompt))
        for each in found
    )
    output.table(("id", "type", "status", "priority", "asked by", "until", "prompt"), rows)


@app.command()
def show(
    context: typer.Context,
    human_request_id: Id,
    history: Annotated[bool, typer.Option("--history", help="What happened to it, too.")] = False,
    json: output.AsJson = False,
) -> None:
    """Show one request in full, and how it was answered."""
    with connect(context) as client:
        request = client.get_human_request(human_request_id)
        events = client.list_human_request_events(human_request_id) if history else []
    if json:
        output.as_json({"request": request, "events": events} if history else request)
        return
    _show(request, json=False)
    if history:
        rows = ((each.at, each.kind, each.principal, each.detail or "") for each in events)
        output.table(("at", "what", "who", "detail"), rows)


@app.command()
def ask(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(help="The question.")],
    *,
    request_type: Annotated[str, typer.Option("--type", help="approval, choice, input, review, …")] = "input",
    option: Annotated[list[str] | None, typer.Option(help="A possible answer; may be given several times.")] = None,
    human_request_id: Annotated[str, typer.Option("--id", help="The request's id; else QMCP chooses one.")] = "",
    details: Annotated[
        str | None, typer.Option("--context", help="A JSON object that the human should know; `-` reads stdin.")
    ] = None,
    arguments: Annotated[
        str | None, typer.Option(help="A JSON object of arguments that the human may change; `-` reads stdin.")
    ] = None,
    within: Annotated[int, typer.Option(min=60, help="Seconds that it may take.")] = 3600,
    priority: Annotated[str, typer.Option(help="low, normal, high or urgent.")] = "",
    assignee: Annotated[list[str] | None, typer.Option(help="Who is asked by name; several times for several.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="A role that is asked; several times for several.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A word to find it by; several times for several.")] = None,
    correlation_id: Annotated[str, typer.Option(help="Ties it to others of the same work.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the answer and print it.")] = False,
    timeout: Annotated[float | None, typer.Option(help="With --wait: seconds to wait at most.")] = None,
    json: output.AsJson = False,
) -> None:
    """Ask people. With --wait, print the answer; ends with 1 where there was none.

    Example: qmcp human ask "Deploy to production?" --type approval --option yes --option no --wait
    """
    with connect(context) as client:
        request = client.create_human_request(
            request_type,
            prompt,
            human_request_id=human_request_id,
            options=option or (),
            context=_object(details, "the context"),
            proposed_arguments=_object(arguments, "the arguments"),
            timeout_seconds=within,
            priority=priority,
            assignees=assignee or (),
            groups=group or (),
            tags=tag or (),
            correlation_id=correlation_id,
        )
        if wait:
            output.note(f"human request {request.id}")
            request = client.wait_for_human_response(request.id, timeout=timeout)
    if json:
        output.as_json(request)
    elif not wait:
        typer.echo(request.id)
    elif request.response:
        output.document(request.response.response)
    if wait and not request.responded:
        output.note(f"{request.status} {request.cancel_reason}".strip())
        raise typer.Exit(FAILED)


@app.command()
def answer(
    context: typer.Context,
    human_request_id: Id,
    response: Annotated[str, typer.Argument(help="One of the options, a text, or `:` and a JSON value.")],
    *,
    comment: Annotated[str, typer.Option(help="A word to it.")] = "",
    edit: Annotated[
        list[str] | None,
        typer.Option(help="Changes one proposed argument: name=text, name:=json; several times for several."),
    ] = None,
    arguments: Annotated[
        str | None, typer.Option(help="All arguments as they shall be, a JSON object; `-` reads stdin.")
    ] = None,
    responded_by: Annotated[str, typer.Option(help="Who answers; counts only where nobody needs a key.")] = "",
    grant_hours: Annotated[
        float | None, typer.Option(help="So long the requester may do the same again without anybody being asked.")
    ] = None,
    grant_uses: Annotated[int | None, typer.Option(help="With --grant-hours: so often; left out: any number.")] = None,
    grant_arguments: Annotated[
        str, typer.Option(help="With --grant-hours: file with a JSON Schema that the arguments obey; `-` reads stdin.")
    ] = "",
    grant_as_proposed: Annotated[
        bool, typer.Option("--grant-as-proposed", help="With the grant that the request proposes; `show` has it.")
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Answer a request.

    Example: qmcp human answer deploy-1 approve --comment "after six" --edit replicas:=3
    """
    if edit and arguments:
        raise ValueError("--edit changes single arguments and --arguments replaces all; give one of them")
    if grant_hours is None and (grant_uses is not None or grant_arguments):
        raise ValueError("--grant-uses and --grant-arguments say more of --grant-hours; give that too")
    if grant_as_proposed and grant_hours is not None:
        raise ValueError("--grant-as-proposed and --grant-hours both say what is granted; give one of them")
    changes = reading.arguments(edit) if edit else {}
    whole = _object(arguments, "the arguments")
    with connect(context) as client:
        given = client.submit_human_response(
            human_request_id,
            reading.answer(response),
            comment=comment,
            edited_arguments=_edited(client, human_request_id, changes) if changes else whole,
            responded_by=responded_by,
            grant=_proposed(client, human_request_id)
            if grant_as_proposed
            else None
            if grant_hours is None
            else _grant(grant_hours, grant_uses, grant_arguments),
        )
    if json:
        output.as_json(given)
    elif given.decides:
        typer.echo(f"{human_request_id} is answered.")
    else:
        typer.echo(f"Your vote on {human_request_id} counts; it is not decided yet.")


@app.command()
def watch(
    context: typer.Context,
    *,
    after: Annotated[int | None, typer.Option(min=0, help="Also what came after this event; 0 for all.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="created, decided, …; several times for several; else all.")
    ] = None,
    human_request_id: Annotated[str, typer.Option("--id", help="Only of this request.")] = "",
    request_type: OfType = "",
    assignee: Assignee = "",
    group: Group = "",
    tag: Tag = "",
    timeout: Annotated[float | None, typer.Option(help="Seconds to watch; else until Ctrl-C.")] = None,
    json: output.AsJson = False,
) -> None:
    """Show what happens as it happens; a restart of QMCP interrupts nothing. With --json, a line an event."""
    with connect(context) as client:
        events = client.watch_human_requests(
            after_sequence=after,
            kinds=kind or (),
            human_request_id=human_request_id,
            request_type=request_type,
            assignee=assignee,
            group=group,
            tag=tag,
            timeout=timeout,
        )
        _follow(events, json=json)


@app.command()
def claim(
    context: typer.Context,
    human_request_id: Id,
    take_over: Annotated[bool, typer.Option("--take-over", help="From whoever has it.")] = False,
    release: Annotated[bool, typer.Option("--release", help="Give it up instead.")] = False,
    json: output.AsJson = False,
) -> None:
    """Tell the others that you are at it."""
    with connect(context) as client:
        if release:
            request = client.release_human_request(human_request_id)
        else:
            request = client.claim_human_request(human_request_id, take_over=take_over)
    if json:
        output.as_json(request)
    else:
        typer.echo(
            f"{request.id} is claimed by {request.claimed_by}." if request.claimed_by else f"{request.id} is free."
        )


@app.command()
def comment(
    context: typer.Context,
    human_request_id: Id,
    text: Annotated[str, typer.Argument(help="The comment.")],
    json: output.AsJson = False,
) -> None:
    """Write a comment into the history of a request."""
    with connect(context) as client:
        request = client.comment_on_human_request(human_request_id, text)
    if json:
        output.as_json(request)
    else:
        typer.echo(f"It stands in the history of {request.id}.")


@app.command()
def cancel(
    context: typer.Context,
    human_request_id: Id,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "",
    json: output.AsJson = False,
) -> None:
    """Take a question back."""
    with connect(context) as client:
        _show(client.cancel_human_request(human_request_id, reason), json=json)


def _follow(events: Iterable[models.HumanRequestEvent], *, json: bool) -> None:
    try:
        for each in events:
            if json:
                output.as_json(each)
            else:
                prompt = _line(each.request.prompt) if each.request else ""
                words = (
                    output.cell(part)
                    for part in (each.at, each.sequence, each.kind, each.human_request_id, each.principal)
                )
                output.console().print(*words, f"[dim]{output.cell(prompt)}[/]")
    except KeyboardInterrupt:
        # That is how one stops watching.
        return


def _edited(client: "Client", human_request_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The proposed arguments with these changes."""
    return {**(client.get_human_request(human_request_id).proposed_arguments or {}), **changes}


def _object(text: str | None, what: str) -> dict[str, Any] | None:
    return None if text is None else reading.json_object(reading.file(text) if text == "-" else text, what)


def _line(text: str, longest: int = 60) -> str:
    """The first line of a text, cut where it is long."""
    first = text.strip().splitlines()[0] if text.strip() else ""
    return first if len(first) <= longest else f"{first[: longest - 1]}…"


def _show(request: models.HumanRequest, *, json: bool) -> None:
    if json:
        output.as_json(request)
        return
    said = ("id", "response", "votes", "context", "proposed_arguments")
    output.fields(
        [
            ("id", request.id),
            *((name, getattr(request, name)) for name in models.HumanRequest.__slots__ if name not in said),
            *((name, getattr(request, name)) for name in said[3:]),
            *(pair for vote in request.votes for pair in _vote(vote)),
        ]
    )


def _vote(vote: models.HumanResponse) -> Iterable[tuple[str, Any]]:
    yield ("response" if vote.decides else "vote"), vote.response
    yield from ((f"  {name}", getattr(vote, name)) for name in ("responded_by", "created_at", "comment", "via"))
    yield from ((f"  {name}", getattr(vote, name)) for name in ("edited_arguments", "response_metadata"))


def _grant(hours: float, uses: int | None, arguments: str) -> models.ResponseGrant:
    return models.ResponseGrant(
        arguments=reading.json_object(reading.file(arguments), "the schema") if arguments else None,
        uses=uses,
        expires_at=datetime.now(UTC) + timedelta(hours=hours),
    )


def _proposed(client: "Client", human_request_id: str) -> models.ResponseGrant:
    """The grant that a request proposes, from now on."""
    offer = client.get_human_request(human_request_id).grant_offer
    if offer is None or offer.proposed is None:
        raise ValueError("the request proposes no grant to you; say --grant-hours")
    proposed = offer.proposed
    return models.ResponseGrant(
        tools=proposed.tools,
        arguments=proposed.arguments,
        uses=proposed.uses,
        expires_at=datetime.now(UTC) + timedelta(seconds=proposed.duration_seconds),
        reason=f"Proposed after {proposed.approvals} equal approvals.",
    )
