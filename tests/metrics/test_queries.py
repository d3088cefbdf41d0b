"""What is asked is answered as numpy answers it on the same events: from what is rolled up, what is not yet, and both."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import grpc
import numpy as np
import pytest
import pytest_asyncio
from qmcp.metrics.v1 import query_pb2

from services.metrics.queries import reading
from tests.metrics.measured import (
    DAY,
    HOUR,
    MINUTE,
    ROLLING_UP,
    SECOND,
    Measured,
    chosen,
    closed,
    measured,
    microseconds,
    open_since,
    rolled_up,
    send,
    stamp,
)
from tests.metrics.service import Replica, replica, settings_for
from tests.stack import Server

NOW = time.time_ns() // 1000
SHARES = [0.0, 0.5, 0.95, 0.99, 1.0]
# What is asked: how it is grouped, by what it is selected, from when to when before now, step, measure.
QUESTIONS: dict[str, tuple[list[str], dict[str, str], int, int, int, str]] = {
    "all of it": ([], {}, 3 * DAY, 0, 0, "value"),
    "by service, from the middle of a minute": (["service"], {}, 2 * DAY + 12_345_678, 5 * HOUR + 1, 0, "duration_ms"),
    "by tool and client an hour": (["tool_name", "client_name"], {}, 2 * DAY, 3 * HOUR, HOUR, "duration_ms"),
    "of one tool a day": (["service"], {"tool_name": "echo"}, 3 * DAY, 0, DAY, "duration_ms"),
    "five minutes of one client": ([], {"client_name": "web"}, 7 * HOUR, 2 * HOUR, 5 * MINUTE, "value"),
    "steps that no roll-up has": ([], {"tool_name": "sum"}, 3 * HOUR, HOUR, 97 * SECOND, "value"),
    "by what is not rolled up": (["user"], {"tool_name": "sum"}, DAY, 0, 0, "duration_ms"),
    "of what is not rolled up": (["tool_name"], {"user": "u7"}, 2 * DAY, 0, 12 * HOUR, "value"),
    "a time with nothing in it": ([], {}, 30 * DAY, 20 * DAY, 0, "value"),
}


def asked(
    group_by: list[str], selected: Mapping[str, str], start: int, end: int, step: int, measure: str
) -> query_pb2.QueryMetricsRequest:
    request = query_pb2.QueryMetricsRequest(
        group_by=group_by,
        start_at=stamp(NOW - start),
        end_at=stamp(NOW - end),
        step_seconds=step // SECOND,
        quantiles=SHARES,
        invocations=True,
    )
    request.selection.measure = measure
    for key, value in selected.items():
        request.selection.dimensions.add(key=key, values=[value])
    return request


def compare(events: Measured, request: query_pb2.QueryMetricsRequest, answer: query_pb2.QueryMetricsResponse) -> int:
    """Holds every point against numpy, and that no values are missing; returns how many points there were."""
    selected = {each.key: each.values[0] for each in request.selection.dimensions}
    amount = events.duration if request.selection.measure == "duration_ms" else events.value
    start, end = microseconds(request.start_at), microseconds(request.end_at)
    assert (microseconds(answer.start_at), microseconds(answer.end_at)) == (start, end)
    seen = points = 0
    magnitude = np.where(np.isnan(events.duration), events.value, events.duration)
    ids = np.array(events.invocation)
    for line in answer.series:
        assert sorted(line.group) == sorted(request.group_by)
        for point in line.points:
            mask = chosen(events, {**line.group, **selected}, microseconds(point.start_at), microseconds(point.end_at))
            values = amount[mask & ~np.isnan(amount)]
            assert point.count == len(values)
            assert (point.min, point.max) == (values.min(), values.max())
            assert point.sum == pytest.approx(values.sum(), rel=1e-9, abs=1e-6)
            assert point.avg == pytest.approx(values.mean(), rel=1e-9, abs=1e-6)
            true = np.quantile(values, SHARES, method="inverted_cdf")
            found = np.array([each.value for each in point.quantiles])
            assert np.all(np.abs(found - true) <= 0.01 * np.abs(true))
            wanted = ids[mask][np.argsort(-magnitude[mask], kind="stable")]
            named = [each for each in wanted if each in SENT_WITH_IDS]
            assert list(point.invocation_ids) == named[:8]
            seen += len(values)
            points += 1
    whole = chosen(events, selected, start, end) & ~np.isnan(amount)
    assert seen == whole.sum()
    return points


EVENTS = measured(12_000, NOW, 3 * DAY)
# Every second of a service's events names its invocation.
SENT_WITH_IDS = {name for service in (0, 1) for name in EVENTS.of(EVENTS.service == service).invocation[::2]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asking(postgres: Server) -> AsyncIterator[tuple[Replica, asyncpg.Connection]]:
    """A replica that has the events and may not roll them up before the connection lets go."""
    async with postgres.database("metrics") as url:
        holder = await asyncpg.connect(url)
        await holder.execute("SELECT pg_advisory_lock($1)", ROLLING_UP)
        async with replica(settings_for(url)) as one:
            # So that some of what is rolled up stands in minutes and hours alone until it is closed.
            await open_since(url, NOW - 8 * HOUR)
            await send(one, EVENTS)
            yield one, holder
        await holder.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_answers_are_numpy_s_before_and_after_events_are_rolled_up(
    asking: tuple[Replica, asyncpg.Connection],
) -> None:
    one, holder = asking
    for name, question in QUESTIONS.items():
        request = asked(*question)
        points = compare(EVENTS, request, await one.stub.QueryMetrics(request))
        assert (points > 0) == (name != "a time with nothing in it"), name
    await holder.execute("SELECT pg_advisory_unlock($1)", ROLLING_UP)
    sources = {}
    for wait in (rolled_up, closed):
        await wait(one)
        for name, question in QUESTIONS.items():
            request = asked(*question)
            answer = await one.stub.QueryMetrics(request)
            compare(EVENTS, request, answer)
            sources[name] = list(answer.sources)
    assert sources["all of it"] == ["day", "hour", "minute", "events"]
    assert sources["by tool and client an hour"] == ["hour", "minute", "events"]
    assert sources["of one tool a day"] == ["day", "hour", "minute", "events"]
    assert sources["five minutes of one client"] == ["minute", "events"]
    assert sources["by what is not rolled up"] == ["events"]
    # What comes after that, long ago or now, is in the answers at once, and in the roll-ups soon.
    for _ in range(2):
        more = measured(300, NOW, 3 * DAY, seed=9)
        await send(one, more, ("gamma", "delta"))
        request = query_pb2.QueryMetricsRequest(start_at=stamp(NOW - 3 * DAY), end_at=stamp(NOW))
        request.selection.service = "gamma"
    (line,) = (await one.stub.QueryMetrics(request)).series
    assert line.points[0].count == 2 * (more.service == 0).sum()
    await rolled_up(one)
    (line,) = (await one.stub.QueryMetrics(request)).series
    assert line.points[0].count == 2 * (more.service == 0).sum()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start_at": stamp(NOW), "end_at": stamp(NOW)}, "start_at"),
        ({"start_at": stamp(NOW - 400 * DAY), "step_seconds": 60}, "step_seconds"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_answered_is_refused_with_the_field(
    asking: tuple[Replica, asyncpg.Connection], fields: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await asking[0].stub.QueryMetrics(query_pb2.QueryMetricsRequest(**fields))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(refused.value.details())


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_has_so_many_points_however_many_groups_and_steps_there_are(
    asking: tuple[Replica, asyncpg.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = asking[0].stub
    by_hour = query_pb2.QueryMetricsRequest(start_at=stamp(NOW - 3 * DAY), end_at=stamp(NOW), step_seconds=3600)
    points = sum(len(line.points) for line in (await stub.QueryMetrics(by_hour)).series)
    for group_by, quantiles in (
        ((), ()),
        (("client_name",), ()),
        (("client_name",), (0.5,)),
        (("user",), ()),
        (("user",), (0.5,)),
    ):
        request = query_pb2.QueryMetricsRequest()
        request.MergeFrom(by_hour)
        request.group_by.extend(group_by)
        request.quantiles.extend(quantiles)
        monkeypatch.setattr(reading, "MAX_POINTS", points if not group_by else points - 1)
        if not group_by:
            assert (await stub.QueryMetrics(request)).series
            continue
        with pytest.raises(grpc.aio.AioRpcError, match="longer steps"):
            await stub.QueryMetrics(request)
