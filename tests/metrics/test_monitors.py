"""Monitors over the wire: what they find, that each change is found once, and what is done about it."""

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from qmcp.metrics.v1 import monitor_pb2, monitor_transition_pb2
from standardwebhooks import WebhookVerificationError

from tests.metrics.acted_on import acted_on
from tests.metrics.service import Replica, Start
from tests.webhook_receiver import webhook_receiver
from tests.wire import query, refusal, until

COUNT = {"statistic": "count", "window_seconds": 3600, "comparison": "above", "limit": 2}
# So that a test need not wait.
OFTEN = {"evaluate_seconds": 1}


async def create(replica: Replica, **fields: Any) -> monitor_pb2.Monitor:
    monitor = json_format.ParseDict({"name": "m", **OFTEN, **fields}, monitor_pb2.Monitor())
    return await replica.stub.CreateMonitor(monitor_pb2.CreateMonitorRequest(monitor=monitor))


async def get(replica: Replica, monitor: monitor_pb2.Monitor) -> monitor_pb2.Monitor:
    return await replica.stub.GetMonitor(monitor_pb2.GetMonitorRequest(id=monitor.id))


async def history(replica: Replica, monitor: monitor_pb2.Monitor) -> list[monitor_transition_pb2.MonitorTransition]:
    """Oldest first."""
    request = monitor_transition_pb2.ListMonitorTransitionsRequest(monitor_id=monitor.id)
    return list(reversed((await replica.stub.ListMonitorTransitions(request)).transitions))


async def changed(
    replica: Replica, monitor: monitor_pb2.Monitor, *states: str
) -> list[monitor_transition_pb2.MonitorTransition]:
    """The history as soon as it has these states, and everything that is to be done about them has ended."""

    async def has() -> list[monitor_transition_pb2.MonitorTransition]:
        found = await history(replica, monitor)
        assert [each.state for each in found] == list(states[: len(found)])
        ended = all(action.status != "pending" for each in found for action in each.actions)
        return found if len(found) == len(states) and ended else []

    found: list[monitor_transition_pb2.MonitorTransition] = await until(has, 30)
    return found


async def looked_again(replica: Replica, monitor: monitor_pb2.Monitor) -> None:
    before = (await get(replica, monitor)).evaluated_at.ToNanoseconds()

    async def later() -> bool:
        return (await get(replica, monitor)).evaluated_at.ToNanoseconds() > before

    await until(later, 30)


async def test_of_two_replicas_one_finds_that_it_fires_and_tells_asks_and_pauses_once(start: Start) -> None:
    async with acted_on() as others, webhook_receiver() as receiver:
        here, there = await start(**others.settings), await start(**others.settings)
        actions = [
            {"webhook": {"url": receiver.url("/told")}},
            {"human_request": {"prompt": "What now?", "options": ["wait"], "groups": ["ops"], "priority": "high"}},
            {"pause_tool": {"tool_name": "dear/tool"}},
        ]
        monitor = await create(here, selection={"service": "tests"}, threshold=COUNT, actions=actions)
        [first] = await changed(there, monitor, "no_data")
        assert [each.kind for each in first.actions] == ["webhook"]
        invocations = [str(uuid.uuid4()) for _ in range(3)]
        await here.ingest(*({"duration_ms": 1, "metadata": {"invocation_id": each}} for each in invocations))
        [_, fired] = await changed(there, monitor, "no_data", "firing")
        assert (fired.from_state, fired.value, fired.limit, fired.monitor_name) == ("no_data", 3, 2, "m")
        assert fired.window_end_at.ToNanoseconds() - fired.window_start_at.ToNanoseconds() == 3600 * 10**9
        assert sorted(fired.invocation_ids) == sorted(invocations)
        assert [(each.kind, each.status, each.attempts) for each in fired.actions] == [
            ("webhook", "done", 1),
            ("human_request", "done", 1),
            ("pause_tool", "done", 1),
        ]
        for replica in (here, there):
            await looked_again(replica, monitor)
        assert (await get(there, monitor)).state == "firing"
        assert len(await history(there, monitor)) == 2

        told = [each.checked(monitor.secret) for each in receiver.received]
        assert [each["type"] for each in told] == ["monitor.no_data", "monitor.firing"]
        assert (told[1]["data"]["id"], told[1]["data"]["value"]) == (fired.id, 3)
        assert [each.id for each in receiver.received] == [first.actions[0].id, fired.actions[0].id]
        [asked] = [each for each in others.asked if hasattr(each, "prompt")]
        assert (asked.id, asked.prompt, list(asked.groups)) == (fired.actions[1].target, "What now?", ["ops"])
        assert (asked.on_behalf_of, asked.context["id"]) == ("local", fired.id)
        [paused] = [each for each in others.asked if not hasattr(each, "prompt")]
        assert (paused.name, monitor.id in paused.reason) == ("dear/tool", True)
        assert set(others.correlations) == {f"monitor-{fired.id}"}


async def test_a_change_of_the_limit_keeps_the_state_and_recovery_is_told_too(start: Start) -> None:
    async with acted_on() as others, webhook_receiver() as receiver:
        replica = await start(**others.settings)
        await replica.ingest({}, {}, {})
        actions = [{"webhook": {"url": receiver.url("/a/secret")}}, {"pause_tool": {"tool_name": "t"}}]
        monitor = await create(replica, threshold=COUNT, actions=actions)
        assert monitor.secret.startswith("whsec_")
        await changed(replica, monitor, "firing")
        shown = await get(replica, monitor)
        assert (shown.secret, shown.threshold.recovery_limit, shown.state) == ("", 2, "firing")

        shown.threshold.limit = shown.threshold.recovery_limit = 5
        request = monitor_pb2.UpdateMonitorRequest(monitor=shown, rotate_secret=True)
        updated = await replica.stub.UpdateMonitor(request)
        assert (updated.state, updated.etag != shown.etag) == ("firing", True)
        stale = await refusal(replica.stub.UpdateMonitor(request))
        assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
        [_, recovered] = await changed(replica, monitor, "firing", "ok")
        assert [each.kind for each in recovered.actions] == ["webhook"]
        assert receiver.received[0].checked(monitor.secret)["type"] == "monitor.firing"
        # Of a rotation both secrets sign, until the grace time is over.
        for secret in (updated.secret, monitor.secret):
            assert receiver.received[1].checked(secret)["type"] == "monitor.ok"
        updated.threshold.limit = updated.threshold.recovery_limit = 2
        request = monitor_pb2.UpdateMonitorRequest(monitor=updated, rotate_secret=True, grace_seconds=0)
        last = await replica.stub.UpdateMonitor(request)
        await changed(replica, monitor, "firing", "ok", "firing")
        assert receiver.received[2].checked(last.secret)["type"] == "monitor.firing"
        with pytest.raises(WebhookVerificationError):
            receiver.received[2].checked(updated.secret)

        await replica.stub.DeleteMonitor(monitor_pb2.DeleteMonitorRequest(id=monitor.id))
        assert (await refusal(get(replica, monitor))).reason == "MONITOR_NOT_FOUND"
        assert len(await history(replica, monitor)) == 3, "the history stays"


async def test_a_burn_rate_fires_by_failures_over_both_times_and_names_them(start: Start) -> None:
    replica = await start()
    failed = str(uuid.uuid4())
    events = [{"dimensions": {"success": "true"}, "metadata": {"invocation_id": str(uuid.uuid4())}}] * 8
    events += [{"dimensions": {"success": "false"}, "metadata": {"invocation_id": failed}}] * 2
    await replica.ingest(*events)
    burn_rate = {
        "failures": [{"key": "success", "values": ["false"]}],
        "objective": 0.9,
        "long_window_seconds": 3600,
        "short_window_seconds": 300,
        "factor": 1.5,
    }
    monitor = await create(replica, burn_rate=burn_rate)
    calm = await create(replica, burn_rate={**burn_rate, "factor": 2.5})
    [fired] = await changed(replica, monitor, "firing")
    assert (fired.value, fired.limit, set(fired.invocation_ids)) == (pytest.approx(2), 1.5, {failed})
    [well] = await changed(replica, calm, "ok")
    assert (well.value, list(well.actions)) == (pytest.approx(2), [])


async def test_whoever_died_over_it_leaves_it_to_another_and_has_no_say_later(start: Start, database: str) -> None:
    """An evaluation and an action whose process was killed: their leases are over, and others take both up."""
    async with acted_on() as others:
        others.answers = [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.OK]
        replica = await start(**others.settings)
        await replica.ingest({}, {}, {})
        monitor = await create(replica, threshold=COUNT, actions=[{"human_request": {}}], paused=True)
        await query(
            database,
            "UPDATE monitors SET paused = false, claim = gen_random_uuid(), leased_until = now() + interval '1 hour'",
        )
        other = await create(replica, threshold=COUNT)
        await changed(replica, other, "firing")
        assert await history(replica, monitor) == [], "somebody else is at it"
        await query(database, "UPDATE monitors SET leased_until = now() WHERE id = $1", uuid.UUID(monitor.id))

        async def tried() -> bool:
            found = await history(replica, monitor)
            return bool(found and found[0].actions[0].last_error)

        await until(tried, 30)
        assert (await history(replica, monitor))[0].actions[0].status == "pending"
        await query(database, "UPDATE monitor_actions SET next_attempt_at = now()")
        [fired] = await changed(replica, monitor, "firing")
        assert (fired.actions[0].status, fired.actions[0].attempts) == ("done", 2)
        assert {each.id for each in others.asked} == {fired.actions[0].target}, "the same question again"


async def test_an_action_that_is_refused_has_failed_and_one_whose_receiver_is_gone_too(start: Start) -> None:
    async with acted_on() as others, webhook_receiver() as receiver:
        others.answers, receiver.answers = [grpc.StatusCode.NOT_FOUND], [410]
        replica = await start(**others.settings)
        await replica.ingest({}, {}, {})
        actions = [{"pause_tool": {"tool_name": "gone"}}, {"webhook": {"url": receiver.url()}}]
        [fired] = await changed(replica, await create(replica, threshold=COUNT, actions=actions), "firing")
        assert [each.status for each in fired.actions] == ["failed", "failed"]
        assert fired.actions[0].last_error == "NOT_FOUND: as the test wants"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({}, "INVALID_REQUEST", "monitor.condition"),
        ({"threshold": {**COUNT, "recovery_limit": 3}}, "INVALID_REQUEST", "monitor.threshold.recovery_limit"),
        ({"threshold": {**COUNT, "window_seconds": 0}}, "INVALID_REQUEST", "monitor.threshold.window_seconds"),
        (
            {"threshold": COUNT, "actions": [{"webhook": {"url": "http://127.0.0.1:1/x"}}]},
            "ADDRESS_NOT_ALLOWED",
            "monitor.actions[0].webhook.url",
        ),
    ],
)
async def test_what_could_not_work_is_refused(shared: Replica, fields: Any, reason: str, field: str) -> None:
    refused = await refusal(create(shared, **fields))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert refused.fields == [field]
