"""Groups are ranked, changes are explained in parts that add up, and events are listed."""

import math
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from qmcp.metrics.v1 import query_pb2

from tests.metrics.measured import DAY, HOUR, SECOND, TOOLS, Measured, chosen, measured, rolled_up, send, stamp
from tests.metrics.service import Replica, replica, settings_for
from tests.stack import Server

NOW = time.time_ns() // 1000
BEFORE = measured(3_000, NOW - HOUR, 2 * HOUR, seed=3)
AFTER = measured(2_000, NOW, HOUR - SECOND, seed=4)
# In the last hour, one tool takes ten times as long.
AFTER.duration[AFTER.tool == 2] *= 10
ALL = Measured(
    *(np.concatenate([getattr(BEFORE, name), getattr(AFTER, name)]) for name in ("at", "service", "tool", "client", "user", "value", "duration")),
    [*BEFORE.invocation, *AFTER.invocation],
)  # fmt: skip
in_the_loop_of_the_module = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def comparing(postgres: Server) -> AsyncIterator[Replica]:
    async with postgres.database("metrics") as url, replica(settings_for(url)) as one:
        await send(one, ALL)
        await rolled_up(one)
        yield one


@pytest.mark.parametrize("order_by", ["count", "sum", "avg", "min", "max", "quantile"])
@in_the_loop_of_the_module
async def test_groups_come_in_the_order_that_is_asked_for(comparing: Replica, order_by: str) -> None:
    request = query_pb2.TopMetricsRequest(
        group_by=["tool_name"], order_by=order_by, limit=3, start_at=stamp(NOW - DAY), end_at=stamp(NOW), quantile=0.9
    )
    request.selection.measure = "duration_ms"
    answer = await comparing.stub.TopMetrics(request)
    ranks = {
        "count": len,
        "sum": np.sum,
        "avg": np.mean,
        "min": np.min,
        "max": np.max,
        "quantile": lambda values: np.quantile(values, 0.9),
    }
    by_tool = {}
    for tool in TOOLS:
        values = ALL.duration[chosen(ALL, {"tool_name": tool}, NOW - DAY, NOW)]
        by_tool[tool] = ranks[order_by](values[~np.isnan(values)])
    assert [line.group["tool_name"] for line in answer.series] == sorted(TOOLS, key=lambda tool: -by_tool[tool])[:3]
    assert answer.total_count == len(TOOLS)


@pytest.mark.parametrize("statistic", ["count", "sum", "rate", "avg"])
@in_the_loop_of_the_module
async def test_contributions_add_up_to_the_change_and_point_to_what_changed(comparing: Replica, statistic: str) -> None:
    request = query_pb2.ExplainChangeRequest(
        statistic=statistic,
        start_at=stamp(NOW - HOUR),
        end_at=stamp(NOW),
        baseline_start_at=stamp(NOW - 3 * HOUR),
        limit=2,
    )
    request.selection.measure = "duration_ms"
    answer = await comparing.stub.ExplainChange(request)
    before, after = (events.duration[~np.isnan(events.duration)] for events in (BEFORE, AFTER))
    true = {
        "count": (len(before), len(after)),
        "sum": (before.sum(), after.sum()),
        "rate": (len(before) / 7200, len(after) / 3600),
        "avg": (before.mean(), after.mean()),
    }[statistic]
    assert (answer.baseline, answer.current) == pytest.approx(true)
    assert answer.change == pytest.approx(true[1] - true[0])
    assert {each.dimension for each in answer.explanations} >= {
        "service",
        "type",
        "principal",
        "tool_name",
        "client_name",
    }
    for explanation in answer.explanations:
        parts = [each.contribution for each in explanation.contributions]
        assert math.fsum([*parts, explanation.other_contribution]) == pytest.approx(answer.change)
        assert len(parts) <= 2
    if statistic in {"sum", "avg"}:
        first = answer.explanations[0]
        assert (first.dimension, first.contributions[0].value) == ("tool_name", "fetch")
        assert first.other_count == len(TOOLS) - 2


@in_the_loop_of_the_module
async def test_events_are_listed_newest_first_within_a_time(comparing: Replica) -> None:
    start, end = NOW - 2 * HOUR, NOW - HOUR // 2
    found: list[query_pb2.MetricEvent] = []
    token = ""
    while True:
        page = await comparing.stub.ListMetricEvents(
            query_pb2.ListMetricEventsRequest(
                page_size=500, page_token=token, service="beta", measured_after=stamp(start), measured_before=stamp(end)
            )
        )
        found += page.events
        token = page.next_page_token
        if not token:
            break
    wanted = np.sort(ALL.at[chosen(ALL, {"service": "beta"}, start, end)])[::-1]
    assert [each.at.ToMicroseconds() for each in found] == wanted.tolist()
    assert len({(each.request_id, each.position) for each in found}) == len(found)
    assert sum(each.HasField("duration_ms") for each in found) == int(
        (~np.isnan(ALL.duration[chosen(ALL, {"service": "beta"}, start, end)])).sum()
    )
