"""Time that is up: by the clock of the database, in every read, whatever the sweeper does."""

import grpc
import pytest

from tests.hitl.service import Replica, Start
from tests.wire import refusal, until


@pytest.fixture
async def unswept(start: Start) -> Replica:
    """A replica whose sweeper sleeps: what is seen, reading has found."""
    replica = await start(hitl_sweep_seconds=3600)
    await replica.ask("warm")
    return replica


async def test_an_overdue_request_is_never_shown_as_pending(unswept: Replica) -> None:
    for human_request_id in ("got", "listed", "waited"):
        await unswept.ask(human_request_id)
        await unswept.let_time_pass(human_request_id)
    assert (await unswept.get("got")).status == "expired"
    assert {r.id: r.status for r in await unswept.listed()}["listed"] == "expired"
    assert [r.id for r in await unswept.listed(status="pending")] == ["warm"]
    waited = await unswept.wait("waited", timeout_seconds=5)
    assert (waited.done, waited.requests[0].status) == (True, "expired")
    assert await unswept.history("got") == ["created", "expired"]


async def test_an_answer_that_was_refused_as_late_leaves_the_request_expired(unswept: Replica) -> None:
    await unswept.ask("late")
    await unswept.let_time_pass("late")
    await refusal(unswept.answer("late"))
    assert await unswept.history("late") == ["created", "expired"]


async def test_a_default_answer_is_given_when_time_is_up(unswept: Replica) -> None:
    await unswept.ask("default", on_expiry={"action": "answer", "default_response": "reject"})
    await unswept.let_time_pass("default")
    request = await unswept.get("default")
    assert (request.status, request.response.response.string_value) == ("responded", "reject")
    assert (request.response.responded_by, request.response.via) == ("timeout", "timeout")
    error = await refusal(unswept.answer("default"))
    assert error.code is grpc.StatusCode.ALREADY_EXISTS


async def test_an_escalation_hands_it_to_others_for_another_time_once(unswept: Replica) -> None:
    escalation = {"action": "escalate", "escalate_to": ["chiefs"], "escalate_timeout_seconds": 600}
    await unswept.ask("up", assignees=["ann"], on_expiry=escalation)
    await unswept.let_time_pass("up")
    request = await unswept.get("up")
    assert (request.status, list(request.groups), list(request.assignees)) == ("pending", ["chiefs"], [])
    left = request.expires_at.ToSeconds() - request.created_at.ToSeconds()
    assert 595 <= left <= 610
    await unswept.let_time_pass("up")
    assert (await unswept.get("up")).status == "expired"
    assert await unswept.history("up") == ["created", "escalated", "expired"]


async def test_the_sweeper_settles_what_nobody_reads(start: Start) -> None:
    replica = await start(hitl_sweep_seconds=0.05)
    await replica.ask("alone")
    waiting = replica.wait("alone", timeout_seconds=20)
    await replica.let_time_pass("alone")
    answer = await waiting
    assert (answer.done, answer.requests[0].status) == (True, "expired")

    async def counted() -> bool:
        return (await replica.metrics()).get('qmcp_hitl_requests_total{action="expired",type="approval"}') == 1

    await until(counted)
