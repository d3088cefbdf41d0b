"""The metrics service under the contract."""

import json
import struct
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from qmcp.metrics.v1 import (
    cost_pb2,
    metric_pb2,
    metrics_service_pb2,
    monitor_pb2,
    monitor_transition_pb2,
    query_pb2,
    retention_pb2,
)

from services.metrics import server as metrics_server
from tests.contract.running import Running
from tests.contract.subject import Effect, Lasting, Listing, Sight, Slow, Subject, held_up
from tests.wire import until

_times = count(1)


def _measured(number: int) -> metrics_service_pb2.IngestMetricsRequest:
    return metrics_service_pb2.IngestMetricsRequest(
        service="tests", metrics=[metric_pb2.Metric(type="custom", value=number)]
    )


def _batch(number: int) -> metrics_service_pb2.StreamMetricsRequest:
    return metrics_service_pb2.StreamMetricsRequest(
        service="tests", metrics=[metric_pb2.Metric(type="custom", value=number)]
    )


def _prices(number: int) -> cost_pb2.CreatePriceTableRequest:
    price = cost_pb2.Price(model="m", token_type="input", usd_per_million=number)
    return cost_pb2.CreatePriceTableRequest(price_table=cost_pb2.PriceTable(prices=[price]))


async def _make_tables(running: Running, number: int) -> list[Any]:
    return [(await running.must("CreatePriceTable", _prices(each))).version for each in range(number)]


async def _tokens(owner: Running, _admin: Running) -> str:
    """Tokens that an agent of the owner's has used, by the agent's name."""
    agent = f"agent-{next(_times):06}"
    attributes = [{"key": "agent", "value": {"stringValue": agent}}]
    points = [{"asInt": 5, "timeUnixNano": str(time.time_ns()), "attributes": attributes}]
    metric = {"name": "gen_ai.client.token.usage", "gauge": {"dataPoints": points}}
    export = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    body = HttpBody(content_type="application/json", data=json.dumps(export).encode())
    await owner.must("IngestOtlp", owner.request("IngestOtlp", export=body))
    return agent


def _monitor(number: int) -> monitor_pb2.CreateMonitorRequest:
    """One that finds nothing at its first evaluation."""
    threshold = monitor_pb2.ThresholdCondition(
        statistic="count", window_seconds=1, comparison="above", limit=float(number)
    )
    selection = query_pb2.MetricSelection(service="nobody")
    monitor = monitor_pb2.Monitor(name=f"m{number}", selection=selection, threshold=threshold)
    return monitor_pb2.CreateMonitorRequest(monitor=monitor)


async def _make_monitors(running: Running, number: int) -> list[str]:
    return [(await running.must("CreateMonitor", _monitor(each))).id for each in range(number)]


async def _make_transitions(running: Running, number: int) -> list[str]:
    """One a monitor, as soon as it was evaluated, in the order in which they were found."""
    made = await _make_monitors(running, number)
    request = monitor_transition_pb2.ListMonitorTransitionsRequest(page_size=500)

    async def all_changed() -> list[str]:
        found = [each.monitor_id for each in (await running.must("ListMonitorTransitions", request)).transitions]
        return [each for each in reversed(found) if each in made] if set(made) <= set(found) else []

    found: list[str] = await until(all_changed, 30)
    return found


async def _watched(_owner: Running, admin: Running) -> str:
    return (await _make_monitors(admin, 1))[0]


async def _changed(_owner: Running, admin: Running) -> str:
    return (await _make_transitions(admin, 1))[0]


def _columns(number: int) -> metrics_service_pb2.IngestMetricColumnsRequest:
    return metrics_service_pb2.IngestMetricColumnsRequest(
        service="tests",
        series=[metric_pb2.ColumnSeries(type="custom")],
        series_index=bytes(4),
        value=struct.pack("<d", number),
    )


@asynccontextmanager
async def _slow_get(running: Running) -> AsyncIterator[Slow]:
    async with held_up(running, "GetRateLimit", running.request("GetRateLimit"), "call_buckets") as slow:
        yield slow


async def _events(running: Running, number: int) -> list[str]:
    """One event a request, so that a request names it."""
    return [(await running.must("IngestMetrics", _measured(each))).request_id for each in range(number)]


async def _sent(owner: Running, _admin: Running) -> str:
    """The name of a service that has sent something."""
    service = f"service-{uuid.uuid4().hex}"
    await owner.must(
        "IngestMetrics",
        metrics_service_pb2.IngestMetricsRequest(service=service, metrics=[metric_pb2.Metric(type="custom", value=1)]),
    )
    return service


SUBJECT = Subject(
    name="metrics",
    service=metrics_service_pb2.DESCRIPTOR.services_by_name["MetricsService"],
    settings=metrics_server.Settings,
    compose=metrics_server.compose,
    # Several replicas stand beside each other here.
    variables=lambda folder: {
        "metrics_prometheus_enabled": "false",
        "metrics_secrets_key_file": str(folder / "metrics-secrets-key"),
    },
    listings={
        "ListPriceTables": Listing(_make_tables, "version"),
        "ListMetricEvents": Listing(_events, "request_id", {"service": "tests"}, {"service": "other"}),
        "ListMonitors": Listing(_make_monitors, "id", {}, {"state": "firing"}),
        "ListMonitorTransitions": Listing(_make_transitions, "monitor_id", {"state": "no_data"}, {"state": "ok"}),
    },
    effects={
        "IngestMetrics": Effect(_measured, lambda answer: answer.request_id),
        "IngestMetricColumns": Effect(_columns, lambda answer: answer.request_id),
        "StreamMetrics": Effect(_batch, lambda answer: (answer.batches, answer.accepted), repeats=False),
        "CreatePriceTable": Effect(_prices, lambda answer: answer.version),
        "CreateMonitor": Effect(_monitor, lambda answer: answer.id),
    },
    sights={
        "QueryCosts": Sight(_tokens, lambda _: cost_pb2.QueryCostsRequest(group_by=["agent"])),
        "QueryMetrics": Sight(_sent, lambda _: query_pb2.QueryMetricsRequest(group_by=["service"])),
        "TopMetrics": Sight(_sent, lambda _: query_pb2.TopMetricsRequest(group_by=["service"], limit=500)),
        "ExplainChange": Sight(_sent, lambda _: query_pb2.ExplainChangeRequest(split_by=["service"], limit=100)),
        "ListMetricEvents": Sight(_sent, lambda _: query_pb2.ListMetricEventsRequest()),
        "GetMonitor": Sight(_watched, lambda made: monitor_pb2.GetMonitorRequest(id=made), owned=False),
        "ListMonitors": Sight(_watched, lambda _: monitor_pb2.ListMonitorsRequest(), owned=False),
        "ListMonitorTransitions": Sight(
            _changed, lambda _: monitor_transition_pb2.ListMonitorTransitionsRequest(), owned=False
        ),
    },
    shared={
        "IngestOtlp": "makes what is the caller's own",
        "ListPriceTables": "what tokens cost is the same for all",
        "StreamMetrics": "makes what is the caller's own",
        "IngestMetricColumns": "makes what is the caller's own",
        "IngestMetrics": "makes what is the caller's own",
        "FlushMetrics": "writes what is buffered, whosever it is, and shows nothing of it",
    },
    slow=_slow_get,
    lasting={
        "StreamMetrics": Lasting(_batch(1)),
        **{
            name: Lasting(request, "retention_policies")
            for name, request in {
                "CleanUpRetention": retention_pb2.CleanUpRetentionRequest(),
                "PreviewRetention": retention_pb2.PreviewRetentionRequest(),
                "GetDatabaseStats": retention_pb2.GetDatabaseStatsRequest(),
            }.items()
        },
    },
    words=("custom", "auth_request", "buffered", "committed", "tests"),
)
