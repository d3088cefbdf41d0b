"""Approval before execution: what is asked, and what each answer does."""

import asyncio
import hashlib

import grpc
import pytest

from tests.tools.audit import require_whole
from tests.tools.fake_hitl import FakeHitl
from tests.tools.service import (
    Replica,
    Start,
    ended,
    invoke_request,
    nothing_left,
    pb,
    python,
    refusal,
    runs,
    series,
    until,
)

ALWAYS = {"mode": "always"}


async def test_an_approved_invocation_runs_once_with_what_was_proposed(
    asking: Replica, hitl: FakeHitl, database: str
) -> None:
    begun = await asking.invoke("guarded", {"key": "approved"}, correlation_id="c", idempotency_key="r")
    assert (begun.status, begun.HasField("duration_ms"), begun.HasField("completed_at")) == (
        "awaiting_approval",
        False,
        False,
    )
    assert begun.approval.human_request_id == f"invocation-{begun.id}"
    assert begun.approval.status == "pending"
    assert begun == await asking.get(begun.id)
    await hitl.asked_about(begun.id)
    assert runs("approved") == 0
    await hitl.answer(begun.id, "approve", by="anna", comment="Fine by me.")
    done = await ended(asking, begun.id)
    assert (done.status, python(done.result), runs("approved")) == ("success", "approved", 1)
    assert python(done.input_params) == {"key": "approved"}
    assert (done.approval.status, list(done.approval.decided_by), done.approval.comment) == (
        "approved",
        ["anna"],
        "Fine by me.",
    )
    assert (
        begun.created_at.ToNanoseconds() < done.approval.decided_at.ToNanoseconds() < done.completed_at.ToNanoseconds()
    )
    assert not done.approval.HasField("edited_arguments")
    assert done.approval.arguments_digest == hashlib.sha256(b'{"key":"approved"}').hexdigest()
    await nothing_left(database)
    assert await require_whole(asking, database) == 1


async def test_the_question_says_who_wants_to_run_what(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.start("voted", {"key": "question"}, correlation_id="c")
    asked = await hitl.asked_about(begun.id)
    tool = await asking.stub.GetTool(pb.GetToolRequest(name="voted"))
    assert (asked.request_type, list(asked.options), list(asked.tags)) == (
        "approval",
        ["approve", "reject"],
        ["tool-approval"],
    )
    assert "voted" in asked.prompt
    assert asked.tool.name == "voted"
    assert "local" in asked.prompt
    assert python(asked.context) == {
        "tool_name": "voted",
        "tool_title": "",
        "tool_description": tool.description,
        "tool_etag": tool.etag,
        "invocation_id": begun.id,
        "principal": "local",
        "arguments_digest": begun.approval.arguments_digest,
    }
    assert python(asked.proposed_arguments) == {"key": "question"}
    assert asked.arguments_schema == tool.input_schema
    assert (asked.on_behalf_of, asked.correlation_id) == ("local", "c")
    assert (asked.timeout_seconds, list(asked.groups), list(asked.assignees)) == (600, ["board"], [])
    assert (asked.quorum.required, asked.quorum.veto, asked.four_eyes) == (2, "reject", True)
    assert asked.binding, "an assignment must not let in whom the policy does not name"


async def test_where_one_is_enough_no_quorum_is_asked_for(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.invoke("guarded", {"key": "alone"})
    asked = await hitl.asked_about(begun.id)
    assert not asked.HasField("quorum")
    assert (asked.four_eyes, asked.timeout_seconds) == (False, 0)


async def test_over_http_the_answer_is_202_and_in_the_original_form_it_names_the_request(asking: Replica) -> None:
    for rpc in (asking.stub.InvokeTool, asking.stub.StartInvocation):
        call = rpc(invoke_request("guarded", {"key": "202"}))
        assert (await call).status == "awaiting_approval"
        assert dict(await call.initial_metadata())["x-http-status"] == "202"
    original = await asking.stub.CallTool(invoke_request("guarded", {"key": "202"}))
    assert python(original.result) is None
    assert python(original.error) == f"Awaiting approval: human request invocation-{original.invocation_id}"


@pytest.mark.parametrize(
    ("how", "status", "reason", "decided_by"),
    [
        ("reject", "rejected", "APPROVAL_REJECTED", ["anna"]),
        ("expired", "expired", "APPROVAL_EXPIRED", []),
        ("cancelled", "cancelled", "APPROVAL_CANCELLED", []),
    ],
)
async def test_what_is_not_approved_is_not_run(
    asking: Replica, hitl: FakeHitl, database: str, how: str, status: str, reason: str, decided_by: list[str]
) -> None:
    begun = await asking.start("guarded", {"key": how}, idempotency_key="r")
    await hitl.asked_about(begun.id)
    if how == "reject":
        await hitl.answer(begun.id, "reject", comment="Not today.")
    else:
        await hitl.end(f"invocation-{begun.id}", how, "Changed my mind." if how == "cancelled" else "")
    done = await ended(asking, begun.id)
    assert (done.status, done.error_reason, python(done.result), runs(how)) == (status, reason, None, 0)
    assert (done.approval.status, list(done.approval.decided_by)) == (status, decided_by)
    assert done.approval.comment == {"reject": "Not today.", "cancelled": "Changed my mind."}.get(how, "")
    assert await asking.listed(status=status) == [done]
    again = await asking.invoke("guarded", {"key": how}, idempotency_key="r")
    assert again == done
    counted = series("qmcp_tool_invocations_total", {"tool": "guarded", "status": status})
    assert (await asking.metrics())[counted] == 1
    await nothing_left(database)
    assert await require_whole(asking, database) == 1
    [summary] = (await asking.stub.SummarizeInvocations(pb.SummarizeInvocationsRequest())).tools
    assert (summary.count, summary.success_count, summary.failed_count) == (1, 0, 0)


async def test_a_policy_may_look_at_the_arguments(asking: Replica, hitl: FakeHitl) -> None:
    small = await asking.invoke("pay", {"amount": 100})
    assert (small.status, small.HasField("approval"), runs("paid 100")) == ("success", False, 1)
    large = await asking.invoke("pay", {"amount": 101})
    assert (large.status, runs("paid 101")) == ("awaiting_approval", 0)
    await hitl.answer(large.id, "approve")
    assert (await ended(asking, large.id)).status == "success"
    assert list(hitl.asked) == [f"invocation-{large.id}"]


async def test_a_human_may_change_the_arguments(asking: Replica, hitl: FakeHitl, database: str) -> None:
    begun = await asking.invoke("guarded", {"key": "as proposed"})
    await hitl.answer(begun.id, "approve", edited={"key": "as edited", "seconds": 0})
    done = await ended(asking, begun.id)
    assert (done.status, python(done.result)) == ("success", "as edited")
    assert (runs("as proposed"), runs("as edited")) == (0, 1)
    assert python(done.input_params) == {"key": "as proposed"}
    assert python(done.approval.edited_arguments) == {"key": "as edited", "seconds": 0}
    assert done.approval.arguments_digest == begun.approval.arguments_digest
    assert await require_whole(asking, database) == 1


async def test_arguments_that_come_back_as_they_were_proposed_are_not_edited(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.invoke("guarded", {"key": "same", "seconds": 0})
    await hitl.answer(begun.id, "approve", edited={"seconds": 0.0, "key": "same"})
    done = await ended(asking, begun.id)
    assert (done.status, done.approval.HasField("edited_arguments")) == ("success", False)


async def test_edited_arguments_that_break_the_schema_are_not_run(
    asking: Replica, hitl: FakeHitl, database: str
) -> None:
    begun = await asking.invoke("guarded", {"key": "good"})
    await hitl.answer(begun.id, "approve", edited={"key": 7})
    done = await ended(asking, begun.id)
    assert (done.status, done.error_reason, done.approval.status) == ("failed", "ARGUMENTS_INVALID", "approved")
    assert "/key" in done.error
    assert python(done.approval.edited_arguments) == {"key": 7}
    assert runs("good") == 0
    await nothing_left(database)
    assert await require_whole(asking, database) == 1


async def test_two_must_approve_where_the_policy_says_two(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.invoke("voted", {"key": "two agree"})
    await hitl.answer(begun.id, "approve", by="anna")
    await hitl.answer(begun.id, "approve", by="bert", comment="me too")
    done = await ended(asking, begun.id)
    assert (done.status, runs("two agree"), sorted(done.approval.decided_by)) == ("success", 1, ["anna", "bert"])
    assert done.approval.comment == "me too"


async def test_one_who_rejects_is_enough(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.invoke("voted", {"key": "veto"})
    await hitl.answer(begun.id, "approve", by="anna")
    await hitl.answer(begun.id, "reject", by="bert")
    done = await ended(asking, begun.id)
    assert (done.status, list(done.approval.decided_by), runs("veto")) == ("rejected", ["bert"], 0)


async def test_the_last_of_several_cannot_change_what_the_others_approved(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.invoke("voted", {"key": "agreed"})
    await hitl.answer(begun.id, "approve", by="anna")
    await hitl.answer(begun.id, "approve", by="mallory", edited={"key": "smuggled"})
    done = await ended(asking, begun.id)
    assert (done.status, done.error_reason) == ("failed", "ARGUMENTS_INVALID")
    assert (runs("agreed"), runs("smuggled")) == (0, 0)
    assert python(done.approval.edited_arguments) == {"key": "smuggled"}


async def test_arguments_that_are_not_valid_are_refused_before_anybody_is_asked(
    asking: Replica, hitl: FakeHitl
) -> None:
    assert (await refusal(asking.invoke("guarded", {"kee": 1}))).reason == "ARGUMENTS_INVALID"
    assert hitl.asked == {}


async def test_a_retry_returns_the_same_invocation_in_every_state(asking: Replica, hitl: FakeHitl) -> None:
    arguments = {"key": "retried", "seconds": 0.5}
    first = await asking.invoke("guarded", arguments, idempotency_key="r")
    for again in (
        asking.invoke("guarded", arguments, idempotency_key="r"),
        asking.start("guarded", arguments, idempotency_key="r"),
    ):
        assert await again == first
    refused = await refusal(asking.invoke("guarded", {"key": "another"}, idempotency_key="r"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED")
    await hitl.answer(first.id, "approve")

    async def running() -> bool:
        return (await asking.get(first.id)).status == "running"

    await until(running)
    done = await asking.invoke("guarded", arguments, idempotency_key="r")
    assert (done.id, done.status) == (first.id, "success"), "what runs is waited for, as ever"
    assert await asking.invoke("guarded", arguments, idempotency_key="r") == done
    assert (runs("retried"), len(hitl.asked)) == (1, 1)


async def test_of_many_calls_with_one_idempotency_key_one_is_asked_about(asking: Replica, hitl: FakeHitl) -> None:
    answers = await asyncio.gather(
        *(asking.invoke("guarded", {"key": "many are one"}, idempotency_key="r") for _ in range(20))
    )
    assert {one.id for one in answers} == {answers[0].id}
    await hitl.answer(answers[0].id, "approve")
    assert (await ended(asking, answers[0].id)).status == "success"
    assert (runs("many are one"), len(hitl.asked)) == (1, 1)


async def test_a_watch_sees_it_wait_run_and_end_from_any_replica(asking: Replica, hitl: FakeHitl, start: Start) -> None:
    other = await start(hitl_address=hitl.address)
    begun = await asking.start("guarded", {"key": "watched", "seconds": 0.2})
    watches = [asyncio.create_task(one.events(begun.id)) for one in (asking, other)]
    await hitl.answer(begun.id, "approve")
    for watch in watches:
        events = await asyncio.wait_for(watch, 60)
        assert [(e.sequence, e.invocation.status, e.invocation.approval.status) for e in events] == [
            (1, "awaiting_approval", "pending"),
            (2, "running", "approved"),
            (3, "success", "approved"),
        ]
        assert [event.at.ToNanoseconds() for event in events] == sorted(event.at.ToNanoseconds() for event in events)
    rejected = await asking.start("guarded", {"key": "watched"})
    await hitl.answer(rejected.id, "reject")
    assert [e.invocation.status for e in await other.events(rejected.id)] == ["awaiting_approval", "rejected"]


async def test_what_waits_is_listed_counted_and_holds_no_slot(asking: Replica, hitl: FakeHitl) -> None:
    waiting = [await asking.start("voted", {"key": f"listed {n}"}) for n in range(12)]
    assert {one.id for one in await asking.listed(status="awaiting_approval")} == {one.id for one in waiting}
    assert await asking.listed(status="pending") == await asking.listed(status="running") == []
    figures = await asking.metrics()
    assert figures["qmcp_tool_in_flight{}"] == 0

    async def counted() -> bool:
        return (await asking.metrics())["qmcp_tool_awaiting_approval{}"] == 12

    await until(counted)
    for one in waiting[:3]:
        for voter in ("anna", "bert"):
            await hitl.answer(one.id, "approve", by=voter)
    for one in waiting[:3]:
        assert (await ended(asking, one.id)).status == "success"
    assert len(await asking.listed(status="awaiting_approval")) == 9


async def test_what_was_approved_waits_for_a_slot_like_all_others(asking: Replica, hitl: FakeHitl) -> None:
    first, second = [await asking.start("voted", {"key": f"slot {n}", "seconds": 0.6}) for n in range(2)]
    for one in (first, second):
        for voter in ("anna", "bert"):
            await hitl.answer(one.id, "approve", by=voter)

    async def queued() -> bool:
        return sorted([(await asking.get(one.id)).status for one in (first, second)]) == ["pending", "running"]

    await until(queued)
    assert [one.status for one in await asking.listed(status="pending")] == ["pending"]
    for one in (first, second):
        assert (await ended(asking, one.id)).status == "success"
        assert (await asking.events(one.id))[1].invocation.status == "running"


async def test_cancelling_one_that_waits_ends_it_at_once_and_takes_the_question_back(
    asking: Replica, hitl: FakeHitl, database: str
) -> None:
    begun = await asking.invoke("guarded", {"key": "cancelled one"})
    await hitl.asked_about(begun.id)
    cancelled = await asking.cancel(begun.id)
    assert (cancelled.status, cancelled.error_reason) == ("cancelled", "CANCELLED_BY_REQUEST")
    assert (cancelled.approval.status, list(cancelled.approval.decided_by)) == ("cancelled", ["local"])
    await nothing_left(database)
    assert hitl.withdrawn == [f"invocation-{begun.id}"]
    assert (await refusal(asking.cancel(begun.id))).reason == "INVOCATION_ENDED"
    assert (runs("cancelled one"), await require_whole(asking, database)) == (0, 1)


async def test_one_that_was_approved_and_runs_is_cancelled_like_any_other(asking: Replica, hitl: FakeHitl) -> None:
    begun = await asking.invoke("guarded", {"key": "long", "seconds": 30})
    await hitl.answer(begun.id, "approve")

    async def running() -> bool:
        return runs("long") == 1

    await until(running)
    cancelled = await asking.cancel(begun.id)
    assert (cancelled.status, cancelled.error_reason, cancelled.approval.status) == (
        "cancelled",
        "CANCELLED_BY_REQUEST",
        "approved",
    )


@pytest.mark.parametrize("change", ["update", "delete"])
async def test_a_tool_that_changed_since_is_not_run(
    asking: Replica, hitl: FakeHitl, database: str, change: str
) -> None:
    source = {"url": "http://127.0.0.1:9/"}
    await asking.create(name="changing", approval=ALWAYS, http=source)
    begun = await asking.invoke("changing", {"a": 1})
    await hitl.asked_about(begun.id)
    if change == "update":
        await asking.update(name="changing", title="Another", approval=ALWAYS, http=source)
    else:
        await asking.stub.DeleteTool(pb.DeleteToolRequest(name="changing"))
    await hitl.answer(begun.id, "approve")
    done = await ended(asking, begun.id)
    assert (done.status, done.error_reason, done.approval.status) == ("failed", "TOOL_CHANGED", "approved")
    await nothing_left(database)
    assert await require_whole(asking, database) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS])
async def test_a_question_that_cannot_be_asked_ends_the_invocation(
    asking: Replica, hitl: FakeHitl, code: grpc.StatusCode
) -> None:
    """The request of another with our id would be one that we know nothing of: its answer counts for nothing."""
    hitl.refuse = code
    begun = await asking.invoke("guarded", {"key": "refused"})
    done = await ended(asking, begun.id)
    assert (done.status, done.error_reason, runs("refused")) == ("cancelled", "APPROVAL_CANCELLED", 0)
    assert "REFUSED_HERE" in done.error


async def test_more_questions_than_one_wait_takes_are_all_answered(
    asking: Replica, hitl: FakeHitl, database: str
) -> None:
    begun = await asyncio.gather(*(asking.start("guarded", {"key": f"crowd {n}"}) for n in range(230)))
    for one in begun:
        await hitl.asked_about(one.id)
    await asyncio.gather(*(hitl.answer(one.id, "approve") for one in begun))
    for one in begun:
        assert (await ended(asking, one.id)).status == "success"
    assert [runs(f"crowd {n}") for n in range(230)] == [1] * 230
    assert max(map(len, hitl.waited_for)) == 100
    assert await require_whole(asking, database) == 230
