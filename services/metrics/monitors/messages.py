"""Monitors and their history: domain to protobuf and back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from google.protobuf import json_format
from qmcp.metrics.v1 import monitor_pb2, monitor_transition_pb2, query_pb2

from servicekit.errors import invalid_field
from servicekit.identity.principal import Principal
from servicekit.masking import masked_url
from servicekit.timestamps import to_timestamp
from services.metrics.monitors.models import (
    Action,
    ActionResult,
    BurnRate,
    Condition,
    Definition,
    HumanRequest,
    IssuedMonitor,
    Monitor,
    PauseTool,
    Threshold,
    Transition,
    Webhook,
    human_request_id,
)
from services.metrics.queries.messages import DEFAULT_QUANTILE, selection_from
from services.metrics.queries.models import Selection

# Who sees the paths of webhooks.
ADMIN = "metrics.admin"
USUAL_SECONDS = 60


def definition_from(message: monitor_pb2.Monitor) -> Definition:
    return Definition(
        message.name,
        message.description,
        selection_from(message.selection),
        _condition_from(message),
        message.evaluate_seconds or USUAL_SECONDS,
        message.breaches or 1,
        message.recoveries or 1,
        cast("Any", message.on_no_data or "no_data"),
        tuple(map(_action_from, message.actions)),
        message.paused,
    )


def _condition_from(message: monitor_pb2.Monitor) -> Condition:
    if message.WhichOneof("condition") == "threshold":
        threshold = message.threshold
        return Threshold(
            cast("Any", threshold.statistic),
            threshold.quantile if threshold.HasField("quantile") else DEFAULT_QUANTILE,
            threshold.window_seconds,
            cast("Any", threshold.comparison),
            threshold.limit,
            threshold.recovery_limit if threshold.HasField("recovery_limit") else threshold.limit,
        )
    burn_rate = message.burn_rate
    failures = {each.key: tuple(each.values) for each in burn_rate.failures}
    if len(failures) < len(burn_rate.failures):
        raise invalid_field("monitor.burn_rate.failures", "must name each dimension once; give it several values")
    return BurnRate(
        failures,
        burn_rate.objective,
        burn_rate.long_window_seconds,
        burn_rate.short_window_seconds,
        burn_rate.factor,
        burn_rate.recovery_factor if burn_rate.HasField("recovery_factor") else burn_rate.factor,
    )


def _action_from(message: monitor_pb2.MonitorAction) -> Action:
    match message.WhichOneof("action"):
        case "webhook":
            return Webhook(message.webhook.url)
        case "pause_tool":
            return PauseTool(message.pause_tool.tool_name)
        case _:
            request = message.human_request
            return HumanRequest(
                request.prompt,
                tuple(request.options),
                tuple(request.assignees),
                tuple(request.groups),
                request.priority,
                request.timeout_seconds,
            )


def issued_to(issued: IssuedMonitor, by: Principal) -> monitor_pb2.Monitor:
    """A monitor with its secret, in the answer that shows it once."""
    message = monitor_to(issued.monitor, by)
    message.secret = issued.secret
    return message


def monitor_to(monitor: Monitor, by: Principal) -> monitor_pb2.Monitor:
    definition = monitor.definition
    message = monitor_pb2.Monitor(
        id=str(monitor.id),
        name=definition.name,
        description=definition.description,
        selection=_selection_to(definition.selection),
        evaluate_seconds=definition.evaluate_seconds,
        breaches=definition.breaches,
        recoveries=definition.recoveries,
        on_no_data=definition.on_no_data,
        actions=[_action_to(each, by) for each in definition.actions],
        paused=definition.paused,
        state=monitor.standing.state,
        changed_at=to_timestamp(monitor.state_since),
        value=monitor.value,
        evaluated_at=to_timestamp(monitor.evaluated_at),
        last_error=monitor.last_error,
        etag=monitor.etag,
        created_by=monitor.created_by,
        created_at=to_timestamp(monitor.created_at),
        updated_by=monitor.updated_by,
        updated_at=to_timestamp(monitor.updated_at),
    )
    _fill_condition(message, definition.condition)
    return message


def _selection_to(selection: Selection) -> query_pb2.MetricSelection:
    return query_pb2.MetricSelection(
        service=selection.service,
        type=selection.type,
        principal=selection.principal,
        dimensions=_filters(selection.dimensions),
        measure="duration_ms" if selection.measure == "duration" else "value",
    )


def _filters(dimensions: Mapping[str, Sequence[str]]) -> Iterable[query_pb2.DimensionFilter]:
    return [query_pb2.DimensionFilter(key=key, values=values) for key, values in dimensions.items()]


def _fill_condition(message: monitor_pb2.Monitor, condition: Condition) -> None:
    match condition:
        case Threshold():
            message.threshold.CopyFrom(
                monitor_pb2.ThresholdCondition(
                    statistic=condition.statistic,
                    quantile=condition.quantile if condition.statistic == "quantile" else None,
                    window_seconds=condition.window_seconds,
                    comparison=condition.comparison,
                    limit=condition.limit,
                    recovery_limit=condition.recovery_limit,
                )
            )
        case BurnRate():
            message.burn_rate.CopyFrom(
                monitor_pb2.BurnRateCondition(
                    failures=_filters(condition.failures),
                    objective=condition.objective,
                    long_window_seconds=condition.long_window_seconds,
                    short_window_seconds=condition.short_window_seconds,
                    factor=condition.limit,
                    recovery_factor=condition.recovery_limit,
                )
            )


def _action_to(action: Action, by: Principal) -> monitor_pb2.MonitorAction:
    match action:
        case Webhook(url):
            return monitor_pb2.MonitorAction(webhook=monitor_pb2.WebhookAction(url=_shown(url, by)))
        case PauseTool(tool_name):
            return monitor_pb2.MonitorAction(pause_tool=monitor_pb2.PauseToolAction(tool_name=tool_name))
        case HumanRequest():
            return monitor_pb2.MonitorAction(
                human_request=monitor_pb2.HumanRequestAction(
                    prompt=action.prompt,
                    options=action.options,
                    assignees=action.assignees,
                    groups=action.groups,
                    priority=action.priority,
                    timeout_seconds=action.timeout_seconds,
                )
            )


def _shown(url: str, by: Principal) -> str:
    """The URL whole for administrators; for others the server: its path may be the whole credential."""
    return url if by.may(ADMIN) else masked_url(url)


def transition_to(transition: Transition, by: Principal) -> monitor_transition_pb2.MonitorTransition:
    message = _bare(transition)
    message.actions.extend(_result_to(each, by) for each in transition.actions)
    return message


def transition_json(transition: Transition) -> Mapping[str, Any]:
    """A transition as receivers of webhooks and people who are asked see it."""
    found: Mapping[str, Any] = json_format.MessageToDict(_bare(transition), preserving_proto_field_name=True)
    return found


def _bare(transition: Transition) -> monitor_transition_pb2.MonitorTransition:
    reading = transition.reading
    return monitor_transition_pb2.MonitorTransition(
        id=str(transition.id),
        monitor_id=str(transition.monitor_id),
        monitor_name=transition.monitor_name,
        from_state=transition.from_state,
        state=transition.state,
        at=to_timestamp(transition.at),
        value=reading.value,
        limit=transition.judged_by,
        window_start_at=to_timestamp(reading.window_start),
        window_end_at=to_timestamp(reading.window_end),
        invocation_ids=reading.invocations,
    )


def _result_to(result: ActionResult, by: Principal) -> monitor_transition_pb2.MonitorActionResult:
    match result.action:
        case Webhook(url):
            target = _shown(url, by)
        case PauseTool(tool_name):
            target = tool_name
        case HumanRequest():
            target = human_request_id(result.id)
    return monitor_transition_pb2.MonitorActionResult(
        id=str(result.id),
        kind=result.action.kind,
        target=target,
        status=result.status,
        attempts=result.attempts,
        last_error=result.last_error,
        done_at=to_timestamp(result.done_at),
    )
