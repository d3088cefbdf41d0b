"""Shows an invocation while it runs, and how it ended."""

from collections.abc import Iterable

import typer
from qmcp.client.cli import output
from qmcp.client.cli.failures import FAILED
from qmcp.client.tools.models import Invocation, InvocationEvent, Progress

_ALL = 100


def follow(events: Iterable[InvocationEvent], *, json: bool) -> Invocation | None:
    """Show every event as it comes, and return the invocation as the last one had it."""
    last = None
    for event in events:
        last = event.invocation or last
        if json:
            output.as_json(event)
        elif event.progress:
            output.note(f"{_share(event.progress)} {event.progress.message}")
        elif event.invocation:
            output.note(event.invocation.status)
    return last


def conclude(invocation: Invocation) -> None:
    """Show the result of an ended invocation, or for whom it waits; one that failed ends the command with 1."""
    if invocation.succeeded:
        output.document(invocation.result)
        if invocation.error:
            # The tool ran, and gave what was not to be expected.
            output.note(f"{invocation.error_reason}: {invocation.error}")
        return
    if invocation.awaits_approval:
        asked = invocation.approval.human_request_id if invocation.approval else ""
        output.note(f"A human must approve it first: request {asked}.")
        output.note(f"Follow it with `qmcp invocations watch {invocation.id}`.")
        return
    output.note(f"{invocation.status} {invocation.error_reason} (invocation {invocation.id})")
    typer.secho(invocation.error or "It has not ended.", err=True, fg=typer.colors.RED)
    raise typer.Exit(FAILED)


def _share(progress: Progress) -> str:
    if progress.total:
        return f"{_ALL * progress.progress / progress.total:3.0f} %"
    return f"{progress.progress:g}"
