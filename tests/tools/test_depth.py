"""How deep documents may be nested: 64 levels, over gRPC too; deeper ones are refused in words, and on record."""

import hashlib
import json
from typing import Any

import pytest

from tests.tools.service import Replica, invoke_request, pb, python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("objects", [True, False])
@pytest.mark.parametrize("levels", [1, 20, 30, 31, 33, 64, 65, 120, 400, 900])
async def test_a_nested_result_can_be_read_by_everybody_or_is_refused(
    shared: Replica, levels: int, objects: bool
) -> None:
    """A protobuf parser goes 100 levels deep; an answer that nobody can read would spoil every list it stands in."""
    made = await shared.invoke("nested", {"levels": levels, "objects": objects}, correlation_id="nested")
    assert (made.status, made.error_reason) == ("success", "" if levels <= 64 else "OUTPUT_INVALID")
    assert (json.loads(made.result_json) if made.result_json else python(made.result)) == (
        nested(levels, objects=objects) if levels <= 64 else None
    )
    assert bool(made.result_json) is (30 < levels <= 64), "a Struct carries 30 levels to everybody"
    assert await shared.get(made.id) == made
    assert made.id in {one.id for one in await shared.listed(correlation_id="nested")}
    assert (await shared.events(made.id))[-1].invocation.id == made.id
    call = await shared.stub.CallTool(invoke_request("nested", {"levels": levels, "objects": objects}))
    assert (call.result, call.result_json) == (made.result, made.result_json)


def nested(levels: int, *, objects: bool = True) -> Any:
    """So many objects or lists within each other."""
    document: Any = 1
    for _ in range(levels):
        document = {"a": document} if objects else [document]
    return document


@pytest.mark.parametrize("levels", [28, 30, 63])
async def test_arguments_are_taken_by_64_levels_in_one_field_or_the_other(shared: Replica, levels: int) -> None:
    arguments = {"message": "x", "more": nested(levels)}
    request = pb.InvokeToolRequest(name="echo", input_json=json.dumps(arguments), idempotency_key=f"deep-{levels}")
    made = await shared.stub.InvokeTool(request)
    told = json.loads(made.input_params_json) if made.input_params_json else python(made.input_params)
    assert (made.status, told) == ("success", arguments)
    if levels <= 30:
        again = await shared.invoke("echo", arguments, idempotency_key=f"deep-{levels}")
        assert again == made, "whichever field they came in, they are the same arguments"
    assert (await shared.events(made.id))[-1].invocation == made
    assert (await shared.verify()).valid


@pytest.mark.parametrize(
    ("fields", "field", "part"),
    [
        ({"input_json": json.dumps({"more": nested(64)})}, "input_json", "64 levels"),
        ({"input_json": json.dumps({"more": nested(900, objects=False)})}, "input_json", "levels"),
        ({"input_json": "[" * 100_000}, "input_json", "levels"),
        ({"input_json": '{"a": 1, "a": 2}'}, "input_json", "more than once"),
        ({"input_json": '{"a": NaN}'}, "input_json", "no number"),
        ({"input_json": '{"a": 9007199254740993}'}, "input_json.a", "exactly"),
        ({"input_json": "[]"}, "input_json", "object"),
        ({"input_json": "{}", "input": {"fields": {}}}, "input_json", "input says"),
        ({"input": {"fields": {"n": {"number_value": float("nan")}}}}, "input", "NaN"),
        ({"correlation_id": "x" * 129}, "correlation_id", "128"),
    ],
)
async def test_arguments_that_are_refused_unread_are_on_record_within_bounds(
    shared: Replica, fields: dict[str, Any], field: str, part: str
) -> None:
    request = pb.InvokeToolRequest(name="echo", **fields)
    for rpc in (shared.stub.InvokeTool, shared.stub.CallTool, shared.stub.StartInvocation):
        refused = await refusal(rpc(request))
        assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert refused.fields[0].startswith(field)
        assert part in refused.message
        recorded = await shared.get(refused.metadata["invocation_id"])
        assert (recorded.tool_name, recorded.status, recorded.error_reason) == ("echo", "failed", "INVALID_REQUEST")
        sent = request.SerializeToString()
        told = {"bytes": len(sent), "sha256": hashlib.sha256(sent).hexdigest()}
        assert python(recorded.input_params) == {"refused": told}
    assert (await shared.verify()).valid


@pytest.mark.parametrize("levels", [34, 64, 90, 3_000])
async def test_a_struct_that_no_parser_reads_is_refused_in_words_and_on_record(shared: Replica, levels: int) -> None:
    value = b"\x22\x03abc"
    for _ in range(levels):
        entry = b"\x0a\x01a\x12" + varint(len(value)) + value
        struct = b"\x0a" + varint(len(entry)) + entry
        value = b"\x2a" + varint(len(struct)) + struct
    sent = b"\x0a\x04echo" + b"\x12" + varint(len(struct)) + struct + b"\x1a\x03c-1"
    refused = await refusal(shared.channel.unary_unary("/qmcp.tools.v1.ToolsService/InvokeTool")(sent))
    assert (refused.code.name, refused.reason, refused.fields) == ("INVALID_ARGUMENT", "INVALID_REQUEST", ["input"])
    assert "30 levels" in refused.message
    assert "input_json" in refused.message
    recorded = await shared.get(refused.metadata["invocation_id"])
    assert (recorded.tool_name, recorded.correlation_id, recorded.status) == ("echo", "c-1", "failed")
    assert python(recorded.input_params)["refused"]["sha256"] == hashlib.sha256(sent).hexdigest()


def varint(number: int) -> bytes:
    """A length as protobuf writes it."""
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])
