"""`qmcp metrics monitors`: what is watched, and what came of it."""

from typing import Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.metrics import models

app = group("Questions that are asked again and again, and what is done when the answer is not as it should be.")
Id = Annotated[str, typer.Argument(help="The monitor's id.")]
State = Annotated[str, typer.Option(help="Only with this state: ok, firing or no_data.")]
Dimensions = Annotated[
    list[str] | None, typer.Option("-d", help="Only with this dimension, as name=value; many times.")
]


@app.command("list")
def list_(context: typer.Context, *, state: State = "", limit: output.Limit = 50, json: output.AsJson = False) -> None:
    """List the monitors, newest first, without their secrets."""
    with connect(context) as client:
        found = client.list_monitors(state=state, limit=limit)
    if json:
        output.as_json(found)
        return
    rows = ((each.id, each.name, each.state, each.value, each.changed_at, each.last_error) for each in found)
    output.table(("id", "name", "state", "value", "since", "error"), rows)


@app.command()
def show(context: typer.Context, monitor_id: Id, json: output.AsJson = False) -> None:
    """Show a monitor as it stands."""
    with connect(context) as client:
        output.show(client.get_monitor(monitor_id), json=json)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it.")],
    *,
    service: Annotated[str, typer.Option(help="Only of this service.")] = "",
    event_type: Annotated[str, typer.Option("--type", help="Only of this type.")] = "",
    measure: Annotated[str, typer.Option(help="value or duration_ms.")] = "",
    dimension: Dimensions = None,
    statistic: Annotated[str, typer.Option(help="count, sum, rate, avg, min, max or quantile.")] = "count",
    quantile: Annotated[float | None, typer.Option("-q", help="Which quantile, from 0 to 1; 0.95.")] = None,
    window: Annotated[int, typer.Option(help="Of how many last seconds; of a burn rate the long time.")] = 300,
    above: Annotated[float | None, typer.Option(help="It fires above this limit.")] = None,
    below: Annotated[float | None, typer.Option(help="It fires below this limit.")] = None,
    recovery: Annotated[float | None, typer.Option(help="Where it has recovered; the limit.")] = None,
    failure: Annotated[
        list[str] | None, typer.Option(help="A burn rate is watched: failures have this dimension, as name=value.")
    ] = None,
    objective: Annotated[float, typer.Option(help="Which share must not be failures.")] = 0.999,
    factor: Annotated[float, typer.Option(help="The burn rate above which it fires.")] = 14.4,
    short_window: Annotated[int | None, typer.Option(help="The short time; a twelfth of the long one.")] = None,
    every: Annotated[int, typer.Option(help="Seconds between two looks.")] = 60,
    webhook: Annotated[list[str] | None, typer.Option(help="Who is told, an address; many times.")] = None,
    ask: Annotated[str | None, typer.Option(help="What people are asked when it fires.")] = None,
    asked: Annotated[list[str] | None, typer.Option("--group", help="The roles that are asked; many times.")] = None,
    pause_tool: Annotated[list[str] | None, typer.Option(help="A tool that is paused; many times.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="Makes a retry count once.")] = None,
    json: output.AsJson = False,
) -> None:
    """Make a monitor and print the secret that signs what its webhooks are sent, this once."""
    limits = [each for each in (("above", above), ("below", below)) if each[1] is not None]
    if len(limits) + bool(failure) != 1:
        raise typer.BadParameter("Say one of --above, --below and --failure.")
    threshold = burn_rate = None
    if failure:
        burn_rate = models.BurnRateCondition(
            failures=_filters(failure),
            objective=objective,
            long_window_seconds=window,
            short_window_seconds=max(1, window // 12) if short_window is None else short_window,
            factor=factor,
            recovery_factor=recovery,
        )
    else:
        [(comparison, limit)] = limits
        threshold = models.ThresholdCondition(
            statistic=statistic,
            quantile=quantile,
            window_seconds=window,
            comparison=comparison,
            limit=limit or 0.0,
            recovery_limit=recovery,
        )
    actions = [models.MonitorAction(webhook=models.WebhookAction(url=url)) for url in webhook or ()]
    if ask is not None:
        request = models.HumanRequestAction(prompt=ask, groups=tuple(asked or ()))
        actions.append(models.MonitorAction(human_request=request))
    actions += [models.MonitorAction(pause_tool=models.PauseToolAction(tool_name=each)) for each in pause_tool or ()]
    selection = models.MetricSelection(
        service=service, type=event_type, measure=measure, dimensions=_filters(dimension or [])
    )
    monitor = models.Monitor(
        name=name,
        selection=selection,
        threshold=threshold,
        burn_rate=burn_rate,
        evaluate_seconds=every,
        actions=tuple(actions),
    )
    with connect(context) as client:
        output.show(client.create_monitor(monitor, idempotency_key=idempotency_key), json=json)


@app.command()
def delete(context: typer.Context, monitor_id: Id, json: output.AsJson = False) -> None:
    """Remove a monitor; its history stays."""
    with connect(context) as client:
        client.delete_monitor(monitor_id)
    if json:
        output.as_json({"deleted": monitor_id})
    else:
        typer.echo(f"{monitor_id} is removed.")


@app.command()
def transitions(
    context: typer.Context,
    *,
    monitor: Annotated[str, typer.Option(help="Only of this monitor.")] = "",
    state: State = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List how states changed, newest first, and what was done about it."""
    with connect(context) as client:
        found = client.list_monitor_transitions(monitor_id=monitor, state=state, limit=limit)
    if json:
        output.as_json(found)
        return
    rows = (
        (
            each.at,
            each.monitor_name,
            f"{each.from_state or '-'} → {each.state}",
            each.value,
            each.limit,
            ", ".join(f"{action.kind} {action.status}" for action in each.actions),
            " ".join(each.invocation_ids),
        )
        for each in found
    )
    output.table(("at", "monitor", "state", "value", "limit", "actions", "invocations"), rows)


def _filters(words: list[str]) -> tuple[models.DimensionFilter, ...]:
    return tuple(
        models.DimensionFilter(key=key, values=(str(value),)) for key, value in reading.arguments(words).items()
    )
