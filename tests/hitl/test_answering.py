"""Answers: one decides, late and wrong ones are refused, votes are counted."""

import asyncio
from typing import Any

import grpc
import pytest

from tests.hitl.service import Replica, Start, answer
from tests.wire import python, query, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_answer_decides_and_is_kept_with_where_it_came_from(shared: Replica) -> None:
    await shared.ask("decided-1")
    given = await shared.answer(
        "decided-1", "approve", responded_by="ann", response_metadata={"from": "chat"}, comment="fine"
    )
    request = await shared.get("decided-1")
    assert (request.status, request.response) == ("responded", given)
    assert (given.responded_by, given.decides, given.via, given.comment) == ("ann", True, "api", "fine")
    assert python(given.response_metadata) == {"from": "chat"}
    assert list(request.votes) == [given]
    assert await shared.history("decided-1") == ["created", "decided"]


async def test_a_second_answer_is_refused_and_the_first_stands(shared: Replica) -> None:
    await shared.ask("twice-1")
    await shared.answer("twice-1", "approve", responded_by="ann")
    error = await refusal(shared.answer("twice-1", "reject", responded_by="bob"))
    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_RESPONDED")
    assert (await shared.get("twice-1")).response.response.string_value == "approve"


async def test_a_retry_with_the_same_key_gets_the_first_answer(shared: Replica) -> None:
    await shared.ask("key-1")
    first = await shared.answer("key-1", "approve", idempotency_key="k")
    assert await shared.answer("key-1", "approve", idempotency_key="k") == first
    error = await refusal(shared.answer("key-1", "reject", idempotency_key="k"))
    assert error.reason == "IDEMPOTENCY_KEY_REUSED"
    metadata = (("idempotency-key", "k"),)
    assert await shared.stub.CreateHumanResponse(answer("key-1"), metadata=metadata) == first


async def test_a_late_answer_is_told_that_it_is_late(shared: Replica) -> None:
    await shared.ask("late-1")
    await shared.let_time_pass("late-1")
    error = await refusal(shared.answer("late-1"))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "HUMAN_REQUEST_EXPIRED")
    assert error.trailers["x-http-status"] == "410"
    assert (await shared.get("late-1")).status == "expired"


@pytest.mark.parametrize(
    ("fields", "response", "edited"),
    [
        ({}, "perhaps", None),
        ({}, 7, None),
        ({}, None, None),
        ({"options": [], "response_schema": {"type": "integer", "minimum": 1}}, 0, None),
        ({"options": [], "response_schema": {"type": "object", "required": ["why"]}}, {"how": 1}, None),
        ({}, "approve", {"a": 1}),
        ({"proposed_arguments": {"a": 1}, "arguments_schema": {"required": ["a"]}}, "approve", {"b": 1}),
    ],
)
async def test_what_cannot_be_an_answer_is_refused(
    shared: Replica, fields: dict[str, Any], response: Any, edited: Any
) -> None:
    asked = await shared.ask(**fields)
    more = {} if edited is None else {"edited_arguments": edited}
    error = await refusal(shared.answer(asked.id, response, **more))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason in {"RESPONSE_INVALID", "INVALID_REQUEST"}
    assert (await shared.get(asked.id)).status == "pending"


async def test_null_is_an_answer_where_a_schema_allows_it(shared: Replica) -> None:
    await shared.ask("null-1", options=[], response_schema={"type": ["string", "null"]})
    given = await shared.answer("null-1", None)
    assert given.response.WhichOneof("kind") == "null_value"
    found = await shared.get("null-1")
    assert (found.status, found.response) == ("responded", given)
    await shared.ask("null-2", options=[], response_schema={"type": "string"})
    assert (await refusal(shared.answer("null-2", None))).reason == "RESPONSE_INVALID"


async def test_null_is_what_time_answers_where_that_is_asked_for(shared: Replica) -> None:
    default = {"action": "answer", "default_response": None}
    asked = await shared.ask("null-3", options=[], response_schema={"type": "null"}, on_expiry=default)
    assert asked.on_expiry.default_response.WhichOneof("kind") == "null_value"
    await shared.let_time_pass("null-3")
    found = await shared.get("null-3")
    assert (found.status, found.response.responded_by) == ("responded", "timeout")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"response": "x" * 262_143}, "response"),
        ({"response": "ok", "response_metadata": {"m": "x" * 65_530}}, "response_metadata"),
        ({"response": "ok", "edited_arguments": {"a": "x" * 262_140}}, "edited_arguments"),
    ],
)
async def test_an_answer_larger_than_documented_is_refused(shared: Replica, fields: dict[str, Any], field: str) -> None:
    name = f"large-{field}"
    await shared.ask(name, options=[], proposed_arguments={"a": "b"})
    error = await refusal(shared.answer(name, **fields))
    assert (error.reason, error.fields) == ("INVALID_REQUEST", [field])
    assert (await shared.get(name)).status == "pending"


async def test_one_as_large_as_documented_is_taken(shared: Replica) -> None:
    await shared.ask("large-enough", options=[])
    assert (await shared.answer("large-enough", "x" * 262_142)).decides


async def test_any_json_is_an_answer_where_a_schema_allows_it(shared: Replica) -> None:
    asked = await shared.ask(options=[], response_schema={"type": "object", "required": ["rating"]})
    given = await shared.answer(asked.id, {"rating": 4, "why": ["a", None]})
    assert python(given.response) == {"rating": 4, "why": ["a", None]}


async def test_edited_arguments_are_kept_beside_the_proposed(shared: Replica) -> None:
    asked = await shared.ask(proposed_arguments={"replicas": 9}, arguments_schema={"required": ["replicas"]})
    await shared.answer(asked.id, edited_arguments={"replicas": 3})
    request = await shared.get(asked.id)
    assert python(request.proposed_arguments) == {"replicas": 9}
    assert python(request.response.edited_arguments) == {"replicas": 3}


async def test_whoever_asked_may_not_answer_where_four_eyes_are_wanted(shared: Replica) -> None:
    asked = await shared.ask(four_eyes=True)
    error = await refusal(shared.answer(asked.id))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "FOUR_EYES")
    assert (await shared.answer(asked.id, responded_by="ann")).decides


async def test_a_quorum_decides_when_enough_say_the_same(shared: Replica) -> None:
    asked = await shared.ask(quorum={"required": 2})
    first = await shared.answer(asked.id, "approve", responded_by="ann")
    assert not first.decides
    assert (await shared.get(asked.id)).status == "pending"
    error = await refusal(shared.answer(asked.id, "approve", responded_by="ann"))
    assert error.reason == "ALREADY_RESPONDED"
    assert not (await shared.answer(asked.id, "reject", responded_by="bob")).decides
    assert (await shared.answer(asked.id, "approve", responded_by="cid")).decides
    request = await shared.get(asked.id)
    assert (request.status, request.response.responded_by, len(request.votes)) == ("responded", "cid", 3)
    assert await shared.history(asked.id) == ["created", "voted", "voted", "decided"]


async def test_two_who_approve_different_arguments_do_not_agree(shared: Replica) -> None:
    asked = await shared.ask(quorum={"required": 2}, proposed_arguments={"n": 1})
    await shared.answer(asked.id, "approve", responded_by="ann", edited_arguments={"n": 2})
    assert not (await shared.answer(asked.id, "approve", responded_by="bob")).decides
    assert (await shared.answer(asked.id, "approve", responded_by="cid", edited_arguments={"n": 2})).decides


async def test_a_veto_decides_at_once(shared: Replica) -> None:
    asked = await shared.ask(quorum={"required": 3, "veto": "reject"})
    await shared.answer(asked.id, "approve", responded_by="ann")
    assert (await shared.answer(asked.id, "reject", responded_by="bob")).decides
    assert (await shared.get(asked.id)).response.response.string_value == "reject"


async def test_a_quorum_that_cannot_be_reached_any_more_ends_the_request(shared: Replica) -> None:
    asked = await shared.ask(quorum={"required": 2, "voters": 3}, options=["a", "b", "c"])
    for who, said in (("ann", "a"), ("bob", "b"), ("cid", "c")):
        await shared.answer(asked.id, said, responded_by=who)
    request = await shared.get(asked.id)
    assert (request.status, request.cancel_reason, len(request.votes)) == ("cancelled", "no quorum", 3)
    error = await refusal(shared.answer(asked.id, "a", responded_by="dan"))
    assert (error.reason, error.trailers["x-http-status"]) == ("HUMAN_REQUEST_CANCELLED", "410")


@pytest.mark.asyncio(loop_scope="function")
async def test_of_many_who_race_over_two_replicas_one_decides(start: Start, database: str) -> None:
    replicas = [await start(), await start()]
    ids = [(await replicas[0].ask(f"race-{n}")).id for n in range(100)]

    async def attempt(human_request_id: str, who: int) -> str:
        try:
            await replicas[who % 2].answer(human_request_id, "approve" if who % 2 else "reject", responded_by=f"r{who}")
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.ALREADY_EXISTS, error  # noqa: PT017 - both ends are expected
            return "late"
        return "won"

    outcomes = await asyncio.gather(*(attempt(each, who) for each in ids for who in range(8)))
    assert outcomes.count("won") == len(ids)
    rows = await query(
        database, "SELECT human_request_id, count(*) AS n FROM human_responses GROUP BY human_request_id"
    )
    assert {row["n"] for row in rows} == {1}
    assert len(rows) == len(ids)
    decided = await query(database, "SELECT count(*) AS n FROM human_request_events WHERE kind = 'decided'")
    assert decided[0]["n"] == len(ids)
