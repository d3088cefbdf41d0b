"""What people and agents do with a request besides answering it, and what its history says of that."""

from typing import Any

import grpc
import pytest

from tests.hitl.service import Replica, pb
from tests.wire import python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_who_has_looked_is_recorded_once(shared: Replica) -> None:
    await shared.ask("v1")
    for _ in range(2):
        request = await shared.call("ViewHumanRequest", id="v1")
    assert list(request.viewed_by) == ["local"]
    assert await shared.history("v1") == ["created", "viewed"]


async def test_a_claim_is_shown_and_given_up(shared: Replica) -> None:
    await shared.ask("c1")
    claimed = await shared.call("ClaimHumanRequest", id="c1")
    assert (claimed.claimed_by, claimed.HasField("claimed_at")) == ("local", True)
    assert await shared.call("ClaimHumanRequest", id="c1") == claimed
    released = await shared.call("ReleaseHumanRequest", id="c1")
    assert (released.claimed_by, released.HasField("claimed_at")) == ("", False)
    assert await shared.history("c1") == ["created", "claimed", "released"]


async def test_others_are_asked_then(shared: Replica) -> None:
    await shared.ask("a1", assignees=["ann"])
    request = await shared.call("AssignHumanRequest", id="a1", assignees=["bob"], groups=["ops"])
    assert (list(request.assignees), list(request.groups)) == (["bob"], ["ops"])


async def test_comments_and_reminders_stand_in_the_history(shared: Replica) -> None:
    await shared.ask("k1")
    for _ in range(2):
        await shared.call("CommentOnHumanRequest", id="k1", comment="look at the logs", idempotency_key="k1-comment")
    await shared.call("RemindOfHumanRequest", id="k1")
    assert await shared.history("k1") == ["created", "commented", "reminded"]
    page = await shared.stub.ListHumanRequestEvents(pb.ListHumanRequestEventsRequest(id="k1", page_size=2))
    assert python(page.events[1].detail) == {"comment": "look at the logs"}
    rest = await shared.call("ListHumanRequestEvents", id="k1", page_size=2, page_token=page.next_page_token)
    assert [event.kind for event in rest.events] == ["reminded"]


async def test_a_cancelled_request_takes_no_answer_and_wakes_who_waits(shared: Replica) -> None:
    await shared.ask("x1")
    cancelled = await shared.call("CancelHumanRequest", id="x1", reason="not needed")
    assert (cancelled.status, cancelled.cancel_reason) == ("cancelled", "not needed")
    assert (await shared.wait("x1")).done
    error = await refusal(shared.answer("x1"))
    assert (error.reason, error.trailers["x-http-status"]) == ("HUMAN_REQUEST_CANCELLED", "410")


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("CancelHumanRequest", {}),
        ("ClaimHumanRequest", {}),
        ("ReleaseHumanRequest", {}),
        ("AssignHumanRequest", {"assignees": ["x"]}),
        ("RemindOfHumanRequest", {}),
    ],
)
async def test_what_has_ended_is_left_alone(shared: Replica, method: str, fields: dict[str, Any]) -> None:
    asked = await shared.ask()
    await shared.answer(asked.id)
    error = await refusal(shared.call(method, id=asked.id, **fields))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "HUMAN_REQUEST_ENDED")
    commented = await shared.call("CommentOnHumanRequest", id=asked.id, comment="well done")
    assert commented.status == "responded"
