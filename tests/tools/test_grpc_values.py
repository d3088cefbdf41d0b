"""What a gRPC tool's messages can hold, there and back: whole numbers, presence, Any, wrappers, wide and deep ones."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.tools.grpc_upstream import Peer, peer
from tests.tools.service import Replica, python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAX_INT64, MIN_INT64, MAX_UINT64 = 2**63 - 1, -(2**63), 2**64 - 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream(shared: Replica) -> AsyncIterator[Peer]:
    async with peer(versions=("v1",)) as running:
        for method in ("Echo", "Wrapped", "Nothing", "Wide", "Stream", "Detailed"):
            source = {"target": running.target, "method": f"peer.v1.Peer/{method}"}
            await shared.create(name=f"peer/{method}", grpc=source)
        yield running


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"large": str(MAX_INT64)}, {"large": str(MAX_INT64)}),
        ({"large": str(MIN_INT64)}, {"large": str(MIN_INT64)}),
        ({"big": str(MAX_UINT64)}, {"big": str(MAX_UINT64)}),
        ({"big": str(2**53 + 1)}, {"big": str(2**53 + 1)}),
        ({"big": 2**53}, {"big": str(2**53)}),
        ({"bigs": [1, str(MAX_UINT64)]}, {"bigs": ["1", str(MAX_UINT64)]}),
        ({"bigMap": {str(MAX_UINT64): str(MIN_INT64)}}, {"big_map": {str(MAX_UINT64): str(MIN_INT64)}}),
        ({"wrapped": str(MAX_UINT64)}, {"wrapped": str(MAX_UINT64)}),
        ({"wrapped": 0}, {"wrapped": "0"}),
        ({"maybe": 0}, {"maybe": 0}),
        ({"lasting": "1.500s", "mask": "a.b,c"}, {"lasting": "1.500s", "mask": "a.b,c"}),
        (
            {"packed": {"@type": "type.googleapis.com/peer.v1.Tree", "big": str(MAX_UINT64)}},
            {"packed": {"@type": "type.googleapis.com/peer.v1.Tree", "big": str(MAX_UINT64)}},
        ),
        (
            {"packed": {"@type": "type.googleapis.com/google.protobuf.Timestamp", "value": "2026-11-28T00:00:00Z"}},
            {"packed": {"@type": "type.googleapis.com/google.protobuf.Timestamp", "value": "2026-11-28T00:00:00Z"}},
        ),
    ],
)
async def test_values_are_the_same_there_and_back(shared: Replica, upstream: Peer, arguments: dict, told: dict) -> None:
    made = await shared.invoke("peer/Echo", arguments)
    assert made.status == "success", made.error
    result = python(made.result)
    for name, value in told.items():
        assert (value.items() <= result[name].items()) if isinstance(value, dict) else (result[name] == value)


async def test_a_field_with_presence_is_told_where_it_is_there_alone(shared: Replica, upstream: Peer) -> None:
    result = python((await shared.invoke("peer/Echo", {})).result)
    assert "maybe" not in result
    assert "wrapped" not in result
    assert (result["big"], result["bigs"]) == ("0", [])


@pytest.mark.parametrize(
    "arguments",
    [
        {"large": str(MAX_INT64 + 1)},
        {"large": str(MIN_INT64 - 1)},
        {"big": str(MAX_UINT64 + 1)},
        {"big": -1},
        {"wrapped": str(MAX_UINT64 + 1)},
        {"packed": {"@type": "type.googleapis.com/unknown.v1.Thing", "x": 1}},
        {"packed": {"@type": "type.googleapis.com/peer.v1.Tree", "nme": 1}},
        {"bigMap": {"x": 1}},
        {"lasting": "1 hour"},
    ],
)
async def test_what_no_such_message_can_hold_is_refused(shared: Replica, upstream: Peer, arguments: dict) -> None:
    before = len(upstream.metadata)
    refused = await refusal(shared.invoke("peer/Echo", arguments))
    assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "ARGUMENTS_INVALID")
    assert len(upstream.metadata) == before, "nothing was sent"


async def test_the_schema_says_of_wide_types_what_they_take(shared: Replica, upstream: Peer) -> None:
    fields = python(
        (
            await shared.update(name="peer/Echo", grpc={"target": upstream.target, "method": "peer.v1.Peer/Echo"})
        ).input_schema
    )["properties"]
    assert fields["data"] == {"type": "string", "contentEncoding": "base64"}
    assert fields["big_map"] == {"type": "object", "additionalProperties": {"type": ["integer", "string"]}}
    assert fields["packed"]["properties"] == {"@type": {"type": "string"}}
    assert fields["word"]["description"] == "At most one of word, number."
    assert "description" not in fields["maybe"]


async def test_a_message_that_is_no_object_is_the_argument_value(shared: Replica, upstream: Peer) -> None:
    made = await shared.invoke("peer/Wrapped", {"value": str(MAX_UINT64)})
    assert (made.status, python(made.result)) == ("success", str(MAX_UINT64)), made.error
    assert python(made.input_params) == {"value": str(MAX_UINT64)}
    assert python((await shared.invoke("peer/Wrapped", {})).result) == "0"
    for wrong in ({"value": -1}, {"value": "x"}, {"values": 1}):
        assert (await refusal(shared.invoke("peer/Wrapped", wrong))).reason == "ARGUMENTS_INVALID"


async def test_an_empty_message_takes_nothing(shared: Replica, upstream: Peer) -> None:
    made = await shared.invoke("peer/Nothing", {})
    assert (made.status, python(made.result)) == ("success", {}), made.error
    assert (await refusal(shared.invoke("peer/Nothing", {"x": 1}))).reason == "ARGUMENTS_INVALID"


async def test_few_bytes_do_not_become_a_result_without_end(shared: Replica, upstream: Peer) -> None:
    made = await shared.invoke("peer/Wide", {"unsigned": 20_000})
    assert (made.status, made.error_reason) == ("success", "OUTPUT_NOT_JSON")
    assert "more than 200,000 fields" in made.error
    assert python(made.result)["content_type"] == "application/x-protobuf"


async def test_the_status_of_a_server_is_told_with_its_details(shared: Replica, upstream: Peer) -> None:
    made = await shared.invoke("peer/Detailed")
    assert (made.status, made.error_reason) == ("failed", "UPSTREAM_FAILED")
    assert "FAILED_PRECONDITION" in made.error
    assert '"reason":"LOCKED"' in made.error, "a type that is known here"
    assert f'"name":"own","big":"{MAX_UINT64}"' in made.error, "a type of the server's own"
    assert '{"@type":"type.googleapis.com/unknown.v1.Thing","value":"AAE="}' in made.error
