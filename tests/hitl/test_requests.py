"""Questions: what is recorded of them, which are refused, and how they are read."""

import uuid
from typing import Any

import grpc
import pytest

from tests.hitl.service import Replica
from tests.servicekit.test_schemas import doubling
from tests.wire import python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_question_is_recorded_as_it_was_asked(shared: Replica) -> None:
    asked = await shared.ask(
        "asked-1",
        request_type="review",
        prompt="Ship it?",
        context={"build": 7, "notes": [None, 1.5, {"ok": True}]},
        timeout_seconds=120,
        correlation_id="work-1",
        priority="high",
        due_at="2030-01-01T00:00:00Z",
        tags=["release"],
        proposed_arguments={"target": "prod"},
        response_schema={"type": "string"},
        four_eyes=True,
    )
    assert await shared.get("asked-1") == asked
    assert (asked.status, asked.requester, asked.correlation_id) == ("pending", "local", "work-1")
    assert python(asked.context) == {"build": 7, "notes": [None, 1.5, {"ok": True}]}
    assert asked.expires_at.ToSeconds() - asked.created_at.ToSeconds() in {119, 120, 121}
    assert not asked.HasField("response")
    assert not asked.votes
    assert await shared.history("asked-1") == ["created"]


async def test_the_server_makes_an_id_where_none_is_chosen(shared: Replica) -> None:
    asked = await shared.ask()
    assert uuid.UUID(asked.id).version == 7
    assert asked.timeout_seconds == 3600


async def test_the_same_request_again_gets_the_first_answer(shared: Replica) -> None:
    first = await shared.ask("again-1", context={"a": 1})
    assert await shared.ask("again-1", context={"a": 1}) == first
    assert await shared.history("again-1") == ["created"]


@pytest.mark.parametrize("how", ["responded", "cancelled", "expired", "overdue"])
async def test_the_same_request_again_is_refused_when_it_has_ended(shared: Replica, how: str) -> None:
    name = f"again-{how}"
    await shared.ask(name, correlation_id="work-1")
    if how == "responded":
        await shared.answer(name, "approve")
    elif how == "cancelled":
        await shared.call("CancelHumanRequest", id=name)
    else:
        await shared.let_time_pass(name)
    if how == "expired":
        assert (await shared.get(name)).status == "expired"
    error = await refusal(shared.ask(name, correlation_id="work-2"))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "HUMAN_REQUEST_REPEATED")
    assert error.metadata["human_request_id"] == name
    assert "another id" in error.message


async def test_the_same_request_again_is_the_one_that_was_escalated(shared: Replica) -> None:
    escalation = {"action": "escalate", "escalate_to": ["chiefs"], "escalate_timeout_seconds": 600}
    await shared.ask("again-escalated", on_expiry=escalation)
    await shared.let_time_pass("again-escalated")
    assert (await shared.ask("again-escalated", on_expiry=escalation)).status == "pending"


async def test_another_request_with_a_taken_id_is_refused(shared: Replica) -> None:
    await shared.ask("taken-1")
    error = await refusal(shared.ask("taken-1", prompt="Something else?"))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "HUMAN_REQUEST_EXISTS")


async def test_an_idempotency_key_gives_the_first_answer_although_the_server_made_the_id(shared: Replica) -> None:
    first = await shared.ask(idempotency_key="retry-1", correlation_id="c")
    assert await shared.ask(idempotency_key="retry-1", correlation_id="c") == first
    error = await refusal(shared.ask(idempotency_key="retry-1", prompt="Other?", correlation_id="c"))
    assert error.reason == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"timeout_seconds": 59}, "INVALID_REQUEST", "timeout_seconds"),
        ({"timeout_seconds": 0}, "INVALID_REQUEST", "timeout_seconds"),
        ({"timeout_seconds": 86_401}, "INVALID_REQUEST", "timeout_seconds"),
        ({"prompt": ""}, "INVALID_REQUEST", "prompt"),
        ({"request_type": ""}, "INVALID_REQUEST", "request_type"),
        ({"options": ["a", "a"]}, "INVALID_REQUEST", "options"),
        ({"context": {"big": "x" * 300_000}}, "INVALID_REQUEST", "context"),
        ({"response_schema": {"type": "nonsense"}}, "SCHEMA_INVALID", "response_schema"),
        ({"response_schema": doubling(30)}, "SCHEMA_INVALID", "response_schema"),
        ({"arguments_schema": doubling(14)}, "SCHEMA_INVALID", "arguments_schema"),
        ({"arguments_schema": {"$ref": "http://example.com/s"}}, "SCHEMA_INVALID", "arguments_schema"),
        ({"callback_url": "http://169.254.169.254/x"}, "ADDRESS_NOT_ALLOWED", "callback_url"),
        ({"on_expiry": {"action": "answer", "default_response": "maybe"}}, "RESPONSE_INVALID", ""),
        ({"on_expiry": {"action": "answer"}}, "RESPONSE_INVALID", ""),
        ({"on_expiry": {"action": "escalate"}}, "INVALID_REQUEST", "on_expiry.escalate_to"),
        ({"quorum": {"required": 3, "voters": 2}}, "INVALID_REQUEST", "quorum.voters"),
        ({"quorum": {"required": 2, "veto": "never"}}, "INVALID_REQUEST", "quorum.veto"),
        ({"id": "bell\x07"}, "INVALID_REQUEST", "id"),
        ({"prompt": "zero\0"}, "INVALID_REQUEST", ""),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    shared: Replica, fields: dict[str, Any], reason: str, field: str
) -> None:
    error = await refusal(shared.ask(**fields) if "id" not in fields else _with_id(shared, fields))
    assert (error.code, error.reason, error.domain) == (grpc.StatusCode.INVALID_ARGUMENT, reason, "hitl.qmcp")
    assert not field or field in error.fields[0]


async def _with_id(shared: Replica, fields: dict[str, Any]) -> Any:
    return await shared.call("CreateHumanRequest", request_type="x", prompt="y", **fields)


async def test_lists_filter_and_count(shared: Replica) -> None:
    made = [await shared.ask(f"list-{n}", request_type="choice", tags=["l"], assignees=["ann"]) for n in range(3)]
    assert [r.id for r in await shared.listed(tag="l")] == ["list-2", "list-1", "list-0"]
    assert [r.id for r in await shared.listed(tag="l", assignee="ann", request_type="choice")] == [
        request.id for request in reversed(made)
    ]
    assert await shared.listed(tag="l", assignee="bob") == []
    page = await shared.call("ListHumanRequests", tag="l", limit=2, offset=1)
    assert ([r.id for r in page.requests], page.count) == (["list-1", "list-0"], 2)


async def test_a_list_of_none_is_refused(shared: Replica) -> None:
    error = await refusal(shared.call("ListHumanRequests", limit=0))
    assert (error.reason, error.fields) == ("INVALID_REQUEST", ["limit"])


async def test_what_is_not_there_is_not_found(shared: Replica) -> None:
    for call in (shared.get("nothing"), shared.answer("nothing"), shared.wait("nothing"), shared.history("nothing")):
        error = await refusal(call)
        assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "HUMAN_REQUEST_NOT_FOUND")
