"""gRPC tools against a real server with reflection: what derives from its descriptors, what is sent, what fails."""

from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from tests.access.tcp_proxy import tcp_proxy
from tests.tools.grpc_upstream import Peer, peer
from tests.tools.service import Replica, invoke_request, pb, python, refusal, tool, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream(shared: Replica) -> AsyncIterator[Peer]:
    async with peer() as running:
        for method in ("Echo", "Fail", "Slow", "Large"):
            source = {"target": running.target, "method": f"peer.v1.Peer/{method}"}
            await shared.create(name=f"peer/{method}", grpc=source, timeout_seconds=1)
        yield running


async def test_the_schema_derives_from_the_descriptor(shared: Replica, upstream: Peer) -> None:
    made = await shared.stub.GetTool(pb.GetToolRequest(name="peer/Echo"))
    schema = python(made.input_schema)
    fields = schema["properties"]
    assert made.kind == "grpc"
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert fields["children"] == {"type": "array", "items": {"$ref": "#/$defs/peer.v1.Tree"}}
    assert set(schema["$defs"]["peer.v1.Tree"]["properties"]) == set(fields), "a recursive type ends in a reference"
    assert fields["counts"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    assert fields["colour"]["enum"] == ["COLOUR_UNSPECIFIED", "RED", "BLUE"]
    assert fields["large"] == {"type": ["integer", "string"]}
    assert fields["at"]["format"] == "date-time"
    assert fields["any_json"] == {}


async def test_arguments_go_there_and_come_back(shared: Replica, upstream: Peer) -> None:
    arguments = {
        "name": "root",
        "children": [{"name": "leaf", "children": [{"name": "leaf of leaf"}]}],
        "counts": {"a": 1, "ü": -2},
        "colour": "BLUE",
        "large": "9223372036854775807",
        "data": "AAE=",
        "ratio": 0.5,
        "at": "2026-11-21T14:00:00Z",
        "any_json": {"x": [1, None, "y"]},
        "flag": True,
        "unsigned": 4294967295,
    }
    made = await shared.invoke("peer/Echo", arguments, correlation_id="c-1")
    assert made.status == "success", made.error
    result = python(made.result)
    assert {key: result[key] for key in arguments if key != "children"} == {
        key: value for key, value in arguments.items() if key != "children"
    }
    assert result["children"][0]["children"][0]["name"] == "leaf of leaf"
    sent = upstream.metadata[-1]
    assert (sent["x-correlation-id"], sent["x-qmcp-invocation-id"]) == ("c-1", made.id)


async def test_a_correlation_id_beyond_ascii_is_sent_encoded(shared: Replica, upstream: Peer) -> None:
    made = await shared.invoke("peer/Echo", {}, correlation_id="grüße")
    assert (made.status, made.correlation_id) == ("success", "grüße")
    assert upstream.metadata[-1]["x-correlation-id"] == "gr%C3%BC%C3%9Fe"


@pytest.mark.parametrize(
    "arguments",
    [{"nme": 1}, {"colour": "GREEN"}, {"unsigned": -1}, {"counts": {"a": "x"}}, {"children": [{"x": 1}]}, {"flag": 1}],
)
async def test_arguments_that_the_message_has_not_are_refused(shared: Replica, upstream: Peer, arguments: dict) -> None:
    assert (await refusal(shared.invoke("peer/Echo", arguments))).reason == "ARGUMENTS_INVALID"


@pytest.mark.parametrize("arguments", [{"large": "many"}, {"at": "yesterday"}, {"unsigned": 2**33}])
async def test_what_only_protobuf_can_tell_is_refused(shared: Replica, upstream: Peer, arguments: dict) -> None:
    assert (await refusal(shared.invoke("peer/Echo", arguments))).reason == "ARGUMENTS_INVALID"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"large": "5000000"}, {"large": 5_000_000}),
        ({"large": 5e6}, {"large": 5_000_000}),
        ({"large": str(2**53 + 1)}, {"large": str(2**53 + 1)}),
        ({"unsigned": "20000"}, {"unsigned": 20_000}),
        ({"unsigned": "2e4"}, {"unsigned": 20_000}),
        ({"unsigned": 0}, {"unsigned": 0}),
        ({"colour": 2}, {"colour": "BLUE"}),
        ({"anyJson": [1]}, {"any_json": [1]}),
        ({"any_json": None}, {"any_json": None}),
        ({"name": None, "flag": True}, {"flag": True}),
        ({"counts": {"a": "3"}}, {"counts": {"a": 3}}),
        ({"children": [{"unsigned": "7", "anyJson": 1}]}, {"children": [{"unsigned": 7, "any_json": 1}]}),
        ({"at": "2026-11-21T14:00:00+02:00"}, {"at": "2026-11-21T12:00:00Z"}),
    ],
)
async def test_arguments_are_recorded_in_the_contracts_own_form(
    shared: Replica, upstream: Peer, written: dict, read: dict
) -> None:
    made = await shared.invoke("peer/Echo", written)
    assert (made.status, python(made.input_params)) == ("success", read), made.error


@pytest.mark.parametrize(
    "arguments",
    [{"any_json": 1, "anyJson": 2}, {"ratio": "Infinity"}, {"ratio": "NaN"}, {"children": [{"ratio": "NaN"}]}],
)
async def test_what_has_two_values_or_none_in_json_is_refused(shared: Replica, upstream: Peer, arguments: dict) -> None:
    assert (await refusal(shared.invoke("peer/Echo", arguments))).reason == "ARGUMENTS_INVALID"


@pytest.mark.parametrize(
    ("condition", "arguments"),
    [
        ({"large": {"type": "integer", "exclusiveMinimum": 10_000}}, {"large": "5000000"}),
        ({"large": {"type": "integer", "exclusiveMinimum": 10_000}}, {"large": "9223372036854775807"}),
        ({"large": {"type": "string", "minLength": 17}}, {"large": "9223372036854775807"}),
        ({"unsigned": {"type": "integer", "exclusiveMinimum": 10_000}}, {"unsigned": "20000"}),
        ({"unsigned": {"type": "integer", "exclusiveMinimum": 10_000}}, {"unsigned": "2e4"}),
        ({"colour": {"const": "BLUE"}}, {"colour": 2}),
        ({"any_json": {"const": "x"}}, {"anyJson": "x"}),
    ],
)
async def test_no_spelling_of_an_argument_slips_past_a_condition(
    shared: Replica, upstream: Peer, condition: dict, arguments: dict
) -> None:
    source = {"target": upstream.target, "method": "peer.v1.Peer/Echo"}
    policy = {"mode": "when", "when": {"properties": condition, "required": list(condition)}}
    await shared.update(name="peer/guarded", grpc=source, approval=policy)
    assert (await shared.invoke("peer/guarded", arguments)).status == "awaiting_approval"
    assert (await shared.invoke("peer/guarded", {"name": "x", "unsigned": "3"})).status == "success"


@pytest.mark.parametrize(
    ("method", "arguments", "reason", "part"),
    [
        ("Fail", {}, "UPSTREAM_FAILED", "DATA_LOSS: the peer lost it"),
        ("Slow", {}, "TOOL_TIMEOUT", "1 s"),
    ],
)
async def test_an_error_of_the_peer_fails_the_invocation(
    shared: Replica, upstream: Peer, method: str, arguments: dict, reason: str, part: str
) -> None:
    made = await shared.invoke(f"peer/{method}", arguments)
    assert (made.status, made.error_reason, part in made.error) == ("failed", reason, True), made.error


async def test_a_caller_that_leaves_ends_the_call_to_the_peer(shared: Replica, upstream: Peer) -> None:
    before = upstream.cancelled
    with pytest.raises(grpc.aio.AioRpcError):
        await shared.stub.InvokeTool(invoke_request("peer/Slow"), timeout=0.3)

    async def told() -> bool:
        return upstream.cancelled > before

    await until(told)


@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("peer.v1.Peer/Nope", "no method"),
        ("peer.v1.Nope/Echo", ""),
        ("peer.v1.Peer/Upload", "takes a stream"),
        ("Echo/Echo", ""),
    ],
)
async def test_a_method_that_cannot_be_a_tool_is_refused(
    shared: Replica, upstream: Peer, method: str, part: str
) -> None:
    refused = await refusal(shared.create(name="peer/bad", grpc={"target": upstream.target, "method": method}))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "REFLECTION_FAILED")
    assert part in refused.message


@pytest.mark.parametrize(
    "target", ["127.0.0.1:1", "no-such-host.invalid:1", "127.0.0.1:99999", "a..b:1", f"{'a' * 70}.b:1"]
)
async def test_a_server_that_is_not_there_is_told(shared: Replica, target: str) -> None:
    refused = await refusal(shared.create(name="peer/gone", grpc={"target": target, "method": "peer.v1.Peer/Echo"}))
    assert refused.reason == "REFLECTION_FAILED"


async def test_a_server_without_reflection_is_told(shared: Replica) -> None:
    async with peer(versions=()) as silent:
        refused = await refusal(
            shared.create(name="peer/silent", grpc={"target": silent.target, "method": "peer.v1.Peer/Echo"})
        )
    assert (refused.reason, "UNIMPLEMENTED" in refused.message) == ("REFLECTION_FAILED", True)


async def test_a_tool_outlives_an_outage_of_its_server(shared: Replica) -> None:
    async with peer() as first:
        source = {"target": first.target, "method": "peer.v1.Peer/Echo"}
        request = pb.CreateToolRequest(tool=tool(name="peer/down", grpc=source), idempotency_key="peer-down")
        created = await shared.stub.CreateTool(request)
        assert (await shared.invoke("peer/down", {"name": "x"})).status == "success"
    made = await shared.invoke("peer/down", {"name": "x"})
    assert (made.error_reason, "UNAVAILABLE" in made.error) == ("UPSTREAM_FAILED", True)
    assert await shared.stub.CreateTool(request) == created, "a retry of the registration asks no server again"


async def test_our_own_service_can_be_a_tool(shared: Replica) -> None:
    source = {"target": f"127.0.0.1:{shared.port}", "method": "qmcp.tools.v1.ToolsService/InvokeTool"}
    await shared.update(name="self/invoke", grpc=source)
    made = await shared.invoke("self/invoke", {"name": "echo", "input": {"message": "through itself"}})
    assert made.status == "success", made.error
    assert python(made.result)["result"] == "through itself"


async def test_tools_on_one_address_are_each_called_by_their_own_name(shared: Replica, upstream: Peer) -> None:
    async with tcp_proxy(upstream.port) as line:
        names = [f"{host}:{line.port}" for host in ("localhost", "127.0.0.1", "LOCALHOST")]
        for number, target in enumerate(names):
            await shared.create(name=f"named/{number}", grpc={"target": target, "method": "peer.v1.Peer/Echo"})
        for number in range(len(names)):
            assert (await shared.invoke(f"named/{number}", {})).status == "success"
        for name in names:
            assert line.sent.count(name.encode()) >= 1, name


@pytest.mark.parametrize(
    "arguments",
    [
        {"word": "a", "number": 1},
        {"at": 5},
        {"at": {"seconds": 1}},
        {"at": "0000-00-00T00:00:00Z"},
        {"counts": [1]},
        {"children": {"name": "x"}},
        {"children": [[]]},
        {"children": "x"},
        {"data": "no base64!"},
        {"data": 5},
        {"colour": {}},
        {"name": ["x"]},
        {"large": 1.5},
        {"large": str(2**63)},
        {"children": [None]},
    ],
)
async def test_what_the_message_cannot_have_is_refused_and_nothing_is_sent(
    shared: Replica, upstream: Peer, arguments: dict
) -> None:
    await shared.update(name="peer/Anything", grpc={"target": upstream.target, "method": "peer.v1.Peer/Echo"},
                        input_schema={"type": "object"})  # fmt: skip
    before = len(upstream.metadata)
    refused = await refusal(shared.invoke("peer/Anything", arguments))
    assert (refused.code.name, refused.reason) == ("INVALID_ARGUMENT", "ARGUMENTS_INVALID")
    assert len(upstream.metadata) == before
    recorded = await shared.get(refused.metadata["invocation_id"])
    assert (recorded.status, recorded.error_reason) == ("failed", "ARGUMENTS_INVALID")
