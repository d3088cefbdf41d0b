"""How deep the documents of a question may be nested: 64 levels, over gRPC too; deeper ones are refused in words."""

import json
from typing import Any

import pytest

from tests.hitl.service import Replica, answer, pb, question
from tests.wire import python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

FREE: dict[str, Any] = {"request_type": "input", "prompt": "Well?", "options": []}


def nested(levels: int, inmost: Any = 1) -> dict[str, Any]:
    """So many objects and lists within each other, an object outermost."""
    document = inmost
    for level in range(levels, 0, -1):
        document = {"x": document} if level % 2 else [document]
    found: dict[str, Any] = document
    return found


def schema(depth: int) -> dict[str, Any]:
    """The schema of so many objects within each other."""
    document: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        document = {"properties": {"x": document}}
    return document


def read(message: Any, field: str) -> Any:
    """A document of an answer, from either of its fields."""
    text = getattr(message, f"{field}_json")
    return json.loads(text) if text else python(getattr(message, field))


@pytest.mark.parametrize("levels", [30, 31, 64])
async def test_questions_and_answers_are_as_deep_as_they_were_sent(shared: Replica, levels: int) -> None:
    deep, deeper_schema = nested(levels), schema((levels - 1) // 2)
    documents = {"context": deep, "response_schema": deeper_schema, "proposed_arguments": deep}
    asked = question(f"deep-{levels}", **FREE)
    for field, document in {**documents, "arguments_schema": deeper_schema}.items():
        setattr(asked, f"{field}_json", json.dumps(document))
    made = await shared.stub.CreateHumanRequest(asked)
    assert {field: read(made, field) for field in documents} == documents
    assert bool(made.context_json) is (levels > 30), "a Struct carries 30 levels to everybody"
    assert await shared.stub.CreateHumanRequest(asked) == made, "the same question again"
    edited = nested(levels, 2)
    said = answer(made.id, None, responded_by="ann")
    said.ClearField("response")
    said.response_json = json.dumps(deep)
    said.edited_arguments_json, said.response_metadata_json = json.dumps(edited), json.dumps(deep)
    given = await shared.stub.CreateHumanResponse(said)
    told = {"response": deep, "edited_arguments": edited, "response_metadata": deep}
    assert {field: read(given, field) for field in told} == told
    found = await shared.stub.GetHumanRequest(pb.GetHumanRequestRequest(id=made.id))
    assert found.request.response == given == found.request.votes[0]
    assert read(found, "response")["edited_arguments"] == edited
    assert found.request in await shared.listed()
    assert (await shared.wait(made.id)).requests[0] == found.request


async def test_a_default_answer_may_be_as_deep(shared: Replica) -> None:
    asked = question("deep-default", **FREE)
    asked.on_expiry.action, asked.on_expiry.default_response_json = "answer", json.dumps(nested(64))
    made = await shared.stub.CreateHumanRequest(asked)
    assert read(made.on_expiry, "default_response") == nested(64)
    asked.on_expiry.default_response_json = json.dumps(nested(65))
    error = await refusal(shared.stub.CreateHumanRequest(asked))
    assert (error.reason, error.fields) == ("INVALID_REQUEST", ["on_expiry.default_response_json"])


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"context_json": json.dumps(nested(65))}, "64 levels"),
        ({"context_json": "[" * 100_000}, "levels"),
        ({"context_json": "[]"}, "object"),
        ({"context_json": "{}", "context": {"a": 1}}, "context says"),
        ({"proposed_arguments_json": '{"a": 9007199254740993}'}, "exactly"),
    ],
)
async def test_what_is_no_document_is_refused_with_the_name_of_its_field(
    shared: Replica, fields: dict[str, Any], part: str
) -> None:
    error = await refusal(shared.stub.CreateHumanRequest(question("none", **FREE, **fields)))
    assert (error.reason, error.fields[0].startswith(next(iter(fields)))) == ("INVALID_REQUEST", True)
    assert part in error.message


async def test_an_answer_without_a_response_is_refused_as_before(shared: Replica) -> None:
    request = pb.CreateHumanResponseRequest(human_request_id="any", edited_arguments_json="{}")
    error = await refusal(shared.stub.CreateHumanResponse(request))
    assert (error.reason, error.fields) == ("INVALID_REQUEST", ["response"])
