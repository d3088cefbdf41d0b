"""Native gRPC and gRPC-Web through the edge, with the tools that people use."""

import shutil
import struct
import subprocess
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import Parse
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from qmcp.tools.v1.invocation_pb2 import Invocation, InvocationEvent
from qmcp.tools.v1.tools_service_pb2 import InvokeToolRequest, ListToolsRequest, WatchInvocationRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

SERVICE = "qmcp.tools.v1.ToolsService"


async def test_a_unary_call_passes(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        answer = await ToolsServiceStub(channel).ListTools(ListToolsRequest())
    assert answer.tools[0].name == "echo"


async def test_an_error_keeps_its_code_and_details(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await ToolsServiceStub(channel).InvokeTool(InvokeToolRequest(name="fail/NOT_FOUND/410"))
    assert failed.value.code() == grpc.StatusCode.NOT_FOUND
    status = rpc_status.from_call(failed.value)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == "TOLD_TO"


async def test_a_stream_passes_and_its_error_comes_after_its_messages(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        stub = ToolsServiceStub(channel)
        events = [event async for event in stub.WatchInvocation(WatchInvocationRequest(id="1"))]
        assert [event.sequence for event in events] == [1, 2, 3]
        broken = stub.WatchInvocation(WatchInvocationRequest(id="broken"))
        assert [(await broken.read()).sequence for _ in range(3)] == [1, 2, 3]
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await broken.read()
    assert failed.value.code() == grpc.StatusCode.INTERNAL


async def test_a_callers_deadline_holds(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await ToolsServiceStub(channel).InvokeTool(InvokeToolRequest(name="sleep/2"), timeout=0.2)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_message_larger_than_the_limit_for_json_bodies_is_the_services_affair(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        request = InvokeToolRequest(name="echo")
        request.input["a"] = "x" * 2_000_000
        answer = await ToolsServiceStub(channel).InvokeTool(request)
    assert len(answer.input_params["a"]) == 2_000_000


async def test_health_and_reflection_pass(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([asked]))
        async for answer in answers:
            assert SERVICE in {service.name for service in answer.list_services_response.service}


def web_frames(body):
    """Takes a gRPC-Web body apart into its messages and its trailers."""
    messages, trailers, place = [], {}, 0
    while place < len(body):
        flag, length = struct.unpack_from(">BI", body, place)
        payload = body[place + 5 : place + 5 + length]
        place += 5 + length
        if flag & 0x80:
            trailers = dict(line.split(":", 1) for line in payload.decode().strip().split("\r\n"))
        else:
            messages.append(payload)
    return messages, trailers


def web_call(http, method, message):
    data = message.SerializeToString()
    headers = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
    return http.post(f"/{SERVICE}/{method}", content=struct.pack(">BI", 0, len(data)) + data, headers=headers)


def test_grpc_web_calls(http):
    answer = web_call(http, "InvokeTool", InvokeToolRequest(name="echo"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/grpc-web")
    messages, trailers = web_frames(answer.content)
    assert Invocation.FromString(messages[0]).tool_name == "echo"
    assert trailers["grpc-status"].strip() == "0"
    assert "x-request-id" in answer.headers


def test_grpc_web_sees_errors_even_within_a_stream(http):
    failed = web_call(http, "InvokeTool", InvokeToolRequest(name="fail/NOT_FOUND/410"))
    assert failed.status_code == 200
    _, trailers = web_frames(failed.content)
    assert (failed.headers.get("grpc-status") or trailers["grpc-status"]).strip() == "5"
    broken = web_call(http, "WatchInvocation", WatchInvocationRequest(id="broken"))
    messages, trailers = web_frames(broken.content)
    assert [InvocationEvent.FromString(message).sequence for message in messages] == [1, 2, 3]
    assert trailers["grpc-status"].strip() == "13"


def test_grpcurl_works_against_the_edge(edge):
    grpcurl = shutil.which("grpcurl") or shutil.which("grpcurl", path=Path.home() / "go" / "bin")
    if grpcurl is None:
        pytest.skip("grpcurl is not installed: go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest")
    listed = subprocess.run([grpcurl, "-plaintext", edge.target, "list"], capture_output=True, text=True, check=True)
    assert SERVICE in listed.stdout
    called = subprocess.run(
        [grpcurl, "-plaintext", "-d", '{"name": "echo"}', edge.target, f"{SERVICE}/InvokeTool"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert Parse(called.stdout, Invocation()).tool_name == "echo"
    described = subprocess.run(
        [grpcurl, "-plaintext", edge.target, "describe", SERVICE], capture_output=True, text=True, check=True
    )
    assert "InvokeTool" in described.stdout
