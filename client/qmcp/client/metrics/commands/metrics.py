"""`qmcp metrics`: sending what was measured, and what tokens cost."""

from typing import Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group

app = group("What agents and MCP servers measure.")


@app.command()
def send(
    context: typer.Context,
    value: Annotated[float, typer.Argument(help="What was measured.")] = 1.0,
    *,
    service: Annotated[str, typer.Option(help="Who measured.")] = "qmcp-cli",
    event_type: Annotated[
        str, typer.Option("--type", help="What it is about: tool_execution, auth_request, …")
    ] = "custom",
    name: Annotated[str, typer.Option(help="The dimension `metric_name`, by which what is custom is told apart.")] = "",
    duration_ms: Annotated[float | None, typer.Option(help="How long it took, milliseconds.")] = None,
    dimension: Annotated[list[str] | None, typer.Option("-d", help="A dimension, as name=value; many times.")] = None,
    at: Annotated[
        str | None, typer.Option(help="When: 2026-11-21T14:00:00Z, or 5m ago. Now, unless it is given.")
    ] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="Makes a retry count once.")] = None,
    json: output.AsJson = False,
) -> None:
    """Send one event; ends with 1 where it is rejected."""
    from qmcp.client.metrics.models import Metric

    dimensions = {**reading.arguments(dimension or []), **({"metric_name": name} if name else {})}
    event = Metric(
        type=event_type,
        value=value,
        duration_ms=duration_ms,
        dimensions={key: str(each) for key, each in dimensions.items()},
        at=reading.moment(at),
    )
    with connect(context) as client:
        answer = client.ingest_metrics(service, [event], idempotency_key=idempotency_key)
    if json:
        output.show(answer, json=True)
    else:
        for error in answer.errors:
            typer.echo(error, err=True)
        if answer.accepted:
            typer.echo(f"Taken under {answer.request_id}.")
    if answer.rejected:
        raise typer.Exit(FAILED)


@app.command()
def costs(
    context: typer.Context,
    *,
    by: Annotated[list[str] | None, typer.Option(help="A dimension to tell costs apart by; many times.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only from then on: 2026-11-21T14:00:00Z, or 7d ago. A day, unless it is given.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only before then.")] = None,
    json: output.AsJson = False,
) -> None:
    """Show what the tokens cost that were used, the dearest first; what has no price is told beside it."""
    names = by or []
    with connect(context) as client:
        found = client.query_costs(names, start_at=reading.moment(since), end_at=reading.moment(until))
    if json:
        output.as_json(found)
        return
    rows = (
        (
            *(each.group.get(name, "") for name in names),
            f"{each.usd:.4f}",
            sum(each.tokens.values()),
            each.unpriced_tokens,
        )
        for each in found
    )
    output.table((*names, "usd", "tokens", "unpriced"), rows)
