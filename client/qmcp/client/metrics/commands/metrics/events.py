"""`qmcp metrics`: sending what was measured, asking about it, and what tokens cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group

if TYPE_CHECKING:
    from qmcp.client.metrics.models import MetricSeries

app = group("What agents and MCP servers measure.")
By = Annotated[list[str] | None, typer.Option(help="A dimension to tell values apart by; many times.")]
Service = Annotated[str, typer.Option(help="Only of this service.")]
Type = Annotated[str, typer.Option("--type", help="Only of this type.")]
Measure = Annotated[str, typer.Option(help="value or duration_ms.")]
Dimension = Annotated[list[str] | None, typer.Option("-d", help="Only with this dimension, as name=value; many times.")]
Quantile = Annotated[list[float] | None, typer.Option("-q", help="A quantile, from 0 to 1; many times.")]


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
    path: Annotated[
        str, typer.Option(help="A dimension of paths, as task.path: each step has what lies beneath it.")
    ] = "",
    beneath: Annotated[str, typer.Option(help="Only at this path, or beneath it.")] = "",
    since: Annotated[
        str | None, typer.Option(help="Only from then on: 2026-11-21T14:00:00Z, or 7d ago. A day, unless it is given.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only before then.")] = None,
    json: output.AsJson = False,
) -> None:
    """Show what the tokens cost that were used, the dearest first; what has no price is told beside it."""
    times = {"start_at": reading.moment(since), "end_at": reading.moment(until)}
    with connect(context) as client:
        found = client.query_costs(by or [], path_dimension=path, beneath=beneath, **times)
    if json:
        output.as_json(found)
        return
    names = [*(by or []), *([path] if path else [])]
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


@app.command()
def query(
    context: typer.Context,
    *,
    service: Service = "",
    event_type: Type = "",
    measure: Measure = "value",
    dimension: Dimension = None,
    by: By = None,
    quantile: Quantile = None,
    step: Annotated[int, typer.Option(help="Seconds of a point; 0: one for all of the time.")] = 0,
    since: Annotated[str | None, typer.Option(help="From then on: 2026-11-21T14:00:00Z, or 7d ago. A day ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Only before then.")] = None,
    json: output.AsJson = False,
) -> None:
    """Show what was measured: how often, its sum, its average, its extremes and quantiles."""
    with connect(context) as client:
        found = client.query_metrics(
            service=service,
            event_type=event_type,
            measure=measure,
            dimensions={name: str(each) for name, each in reading.arguments(dimension or []).items()},
            group_by=by or [],
            start_at=reading.moment(since),
            end_at=reading.moment(until),
            step_seconds=step,
            quantiles=quantile or [],
        )
    if json:
        output.as_json(found)
    else:
        _show(found, by or [], quantile or [])


@app.command()
def watch(
    context: typer.Context,
    *,
    service: Service = "",
    event_type: Type = "",
    measure: Measure = "value",
    dimension: Dimension = None,
    by: By = None,
    quantile: Quantile = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 2.0,
    window: Annotated[int, typer.Option(min=1, help="Of how many last seconds.")] = 300,
    times: Annotated[int, typer.Option(min=0, help="How often to look; 0: until Ctrl-C.")] = 0,
) -> None:
    """Show what was measured in the last minutes, again and again."""
    import time
    from datetime import UTC, datetime, timedelta

    dimensions = {name: str(each) for name, each in reading.arguments(dimension or []).items()}
    with connect(context) as client:
        looked = 0
        while not times or looked < times:
            if looked:
                time.sleep(every)
            now = datetime.now(UTC)
            found = client.query_metrics(
                service=service,
                event_type=event_type,
                measure=measure,
                dimensions=dimensions,
                group_by=by or [],
                start_at=now - timedelta(seconds=window),
                end_at=now,
                quantiles=quantile or [],
            )
            typer.echo(now.strftime("%H:%M:%S"))
            _show(found, by or [], quantile or [])
            looked += 1


def _show(found: "Sequence[MetricSeries]", names: list[str], quantiles: list[float]) -> None:
    rows = (
        (
            *(series.group.get(name, "") for name in names),
            point.start_at,
            point.count,
            point.sum,
            point.avg,
            point.min,
            point.max,
            *(each.value for each in point.quantiles),
        )
        for series in found
        for point in series.points
    )
    columns = ("from", "count", "sum", "avg", "min", "max", *(f"p{share * 100:g}" for share in quantiles))
    output.table((*names, *columns), rows)
