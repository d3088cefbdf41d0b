"""Schemas of arguments and results: what is taken, what is refused, and how a fault is told."""

import grpc
import pytest
from qmcp.tools.v1 import tool_pb2

from tests.servicekit.test_schemas import doubling
from tests.tools.service import Replica, invoke_request, pb, python, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")
HTTP = {"http": {"url": "http://127.0.0.1:9/x"}}


@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "no such type"},
        {"properties": {"a": {"type": 7}}},
        {"properties": {"a": {"minimum": "1"}}},
        {"required": "a"},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"pattern": "(?=a)b"}}},
        {"properties": {"a": {"pattern": "(a)\\1"}}},
        {"properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"properties": {"a": {"$ref": "https://example.com/schema.json"}}},
        {"properties": {"a": {"$ref": "http://127.0.0.1:1/schema.json"}}},
        {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"properties": {"a": {"$ref": "other.json"}}},
    ],
)
async def test_a_schema_that_is_none_is_refused(shared: Replica, field: str, schema: dict) -> None:
    refused = await refusal(shared.create(name="bad/schema", **{field: {"type": "object", **schema}}, **HTTP))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "SCHEMA_INVALID")
    assert refused.fields[0].endswith(field)


@pytest.mark.parametrize("kind", ["array", "string", ["object", "null"], "null"])
async def test_arguments_are_always_an_object(shared: Replica, kind: object) -> None:
    assert (
        await refusal(shared.create(name="bad/type", input_schema={"type": kind}, **HTTP))
    ).reason == "SCHEMA_INVALID"
    await shared.update(name="good/type", output_schema={"type": kind}, **HTTP)


async def test_a_pattern_that_explodes_elsewhere_takes_linear_time(shared: Replica) -> None:
    schema = {"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}}
    await shared.create(name="redos", input_schema=schema, **HTTP)
    refused = await refusal(shared.invoke("redos", {"a": "a" * 100_000 + "!"}))
    assert refused.reason == "ARGUMENTS_INVALID"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "properties": {"x": {"$ref": "#/$defs/a"}}},
        {"if": {"$ref": "#"}, "then": {"$ref": "#"}},
    ],
)
async def test_a_schema_that_only_refers_to_itself_is_refused(shared: Replica, schema: dict) -> None:
    refused = await refusal(shared.create(name="self", input_schema={"type": "object", **schema}, **HTTP))
    assert refused.reason == "SCHEMA_INVALID"


@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
async def test_a_schema_that_doubles_with_each_reference_is_refused(shared: Replica, field: str) -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": doubling(30)["$defs"]}
    refused = await refusal(shared.create(name="doubling", **{field: schema}, **HTTP))
    assert (refused.reason, "10,000 schemas" in refused.message) == ("SCHEMA_INVALID", True)


async def test_what_is_too_large_to_check_is_refused_and_never_passes_by_an_approval(shared: Replica) -> None:
    # The worst of patterns that is taken; the text would need more steps than one may have.
    costly = {"type": "object", "properties": {"a": {"pattern": "(?:[ab]*a[ab]{500}c)"}}}
    arguments = {"a": "aab" * 100_000}
    await shared.create(name="costly", input_schema=costly, **HTTP)
    refused = await refusal(shared.invoke("costly", arguments))
    assert (refused.reason, refused.fields) == ("ARGUMENTS_INVALID", ["/"])
    when = {"mode": "when", "when": costly | {"required": ["a"]}}
    await shared.create(name="costly/approval", approval=when, **HTTP)
    # A condition that cannot be checked is taken as met; and of what is so large, nobody can be asked.
    asked = await refusal(shared.invoke("costly/approval", arguments))
    assert (asked.reason, "to approve" in asked.message) == ("ARGUMENTS_INVALID", True)


async def test_every_fault_comes_with_its_path(shared: Replica) -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 2},
            "days": {"type": "array", "items": {"type": "integer", "maximum": 7}},
            "a/b~c": {"type": "boolean"},
        },
        "required": ["city", "unit"],
        "additionalProperties": False,
    }
    await shared.create(name="weather", input_schema=schema, **HTTP)
    refused = await refusal(shared.invoke("weather", {"city": "x", "days": [1, 9, "2"], "a/b~c": 1, "more": None}))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ARGUMENTS_INVALID")
    assert sorted(set(refused.fields) - {"/a~1b~0c", "/a/b~c"}) == ["/", "/city", "/days/1", "/days/2"]
    recorded = await shared.get(refused.metadata["invocation_id"])
    assert (recorded.status, recorded.error_reason) == ("failed", "ARGUMENTS_INVALID")
    assert python(recorded.input_params)["days"] == [1, 9, "2"]


async def test_of_very_many_faults_the_first_are_told(shared: Replica) -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    await shared.create(name="strings", input_schema=schema, **HTTP)
    refused = await refusal(shared.invoke("strings", {f"k{n}": n for n in range(500)}))
    assert len(refused.fields) == 20


@pytest.mark.parametrize("arguments", [{"message": 1}, {"message": None}, {}, None, {"message": ["a"]}])
async def test_echo_wants_a_message_that_is_a_string(shared: Replica, arguments: dict | None) -> None:
    assert (await refusal(shared.invoke("echo", arguments))).reason == "ARGUMENTS_INVALID"


async def test_whole_numbers_arrive_as_integers_and_others_as_they_are(shared: Replica) -> None:
    await shared.create(
        name="integer", input_schema={"type": "object", "properties": {"n": {"type": "integer"}}}, **HTTP
    )
    for number in (1, -1, 2**53 - 1, 0, 1e3):
        assert (await shared.invoke("integer", {"n": number})).error_reason == "UPSTREAM_FAILED"
    for number in (1.5, "1", 1e-7):
        assert (await refusal(shared.invoke("integer", {"n": number}))).reason == "ARGUMENTS_INVALID"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
async def test_numbers_that_are_no_json_are_refused(shared: Replica, number: float) -> None:
    request = invoke_request("echo", {"message": "x"})
    request.input["deep"] = {"list": [1, number]}
    refused = await refusal(shared.stub.InvokeTool(request))
    assert (refused.reason, refused.fields) == ("INVALID_REQUEST", ["input"])
    bad = tool_pb2.Tool(name="nan", http=tool_pb2.HttpSource(url="http://127.0.0.1:9/"))
    bad.input_schema["const"] = number
    assert (await refusal(shared.stub.CreateTool(pb.CreateToolRequest(tool=bad)))).reason == "INVALID_REQUEST"


@pytest.mark.parametrize(("value", "fits"), [(1, True), (-5.0, True), ("1", False), (1.5, False), (None, False)])
async def test_a_result_that_its_schema_forbids_is_told_and_no_failure_for_the_tool_ran(
    shared: Replica, value: object, fits: bool
) -> None:
    made = await shared.invoke("promised", {"n": value})
    assert (made.status, made.error_reason) == ("success", "" if fits else "OUTPUT_INVALID")
    assert ("/n" in made.error) is not fits
    assert python(made.result) == {"n": value}


async def test_the_schema_of_a_plugin_derives_from_its_signature(shared: Replica) -> None:
    schema = python((await shared.stub.GetTool(pb.GetToolRequest(name="counted"))).input_schema)
    assert schema["properties"]["status"]["enum"] == ["ok", "bad"]
    assert (schema["required"], schema["additionalProperties"]) == (["key"], False)
    steps = python((await shared.stub.GetTool(pb.GetToolRequest(name="steps"))).input_schema)
    assert list(steps["properties"]) == ["count"], "the Run is no argument"
