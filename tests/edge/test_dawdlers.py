"""Callers who begin a request and do not end it: they hold nothing that others need, and are let go of in time."""

import asyncio
import json
import time

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from qmcp.tools.v1.tools_service_pb2 import InvokeToolRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from tests.servicekit import raw_http2

# More than there are places for invocations.
DAWDLERS = 120
GUARD_SECONDS = 60.0
HEAD = b"POST /v1/tools/echo:invoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
RPC = "/qmcp.tools.v1.ToolsService/InvokeTool"
OVER_GRPC = {"content-type": b"application/grpc", "te": b"trailers"}
OVER_WEB = {"content-type": b"application/grpc-web+proto"}
AS_JSON = {"content-type": b"application/json"}
# What a connection of HTTP/1.1 sends, and no more than that.
UNFINISHED = (
    HEAD + b"Content-Length: 900000\r\n\r\n{",
    HEAD + b"Content-Length: 900000\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    HEAD + b"Content-Length: 1000\r\n\r\n" + b"{" + b" " * 998,
)
# What a stream of HTTP/2 sends: path, headers, and how much of the body.
STREAMS = (
    ("/v1/tools/echo:invoke", AS_JSON, b""),
    ("/v1/tools/echo:invoke", AS_JSON, b"{"),
    (RPC, OVER_GRPC, b""),
    (RPC, OVER_GRPC, b"\0\0\0\x10\0{"),
    (RPC, OVER_GRPC, b"\0\0\0\0\0"),
    (RPC, OVER_WEB, b""),
)


async def until_taken_in(edge, requests):
    give_up = time.monotonic() + GUARD_SECONDS
    while await asyncio.to_thread(edge.stat, "http.edge.downstream_rq_active") < requests:
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)


async def neighbours_are_served(edge):
    async with httpx.AsyncClient(base_url=edge.url, timeout=GUARD_SECONDS) as http:
        answers = await asyncio.gather(*(http.post("/v1/tools/echo:invoke", json={}) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
    async with grpc.aio.insecure_channel(edge.target) as channel:
        answer = await ToolsServiceStub(channel).InvokeTool(InvokeToolRequest(name="echo"))
        assert answer.tool_name == "echo"
    assert await asyncio.to_thread(edge.stat, "cluster.tools.upstream_rq_active") == 0


async def test_bodies_that_do_not_come_take_no_place_and_end_with_408(edge):
    connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", edge.port) for _ in range(DAWDLERS)))
    for number, (_, writer) in enumerate(connections):
        writer.write(UNFINISHED[number % len(UNFINISHED)])
    await until_taken_in(edge, DAWDLERS)
    await neighbours_are_served(edge)
    async with asyncio.timeout(GUARD_SECONDS):
        answers = await asyncio.gather(*(reader.read() for reader, _ in connections))
    for _, writer in connections:
        await raw_http2.closed(writer)
    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
    told = json.loads(answers[0].partition(b"\r\n\r\n")[2])
    assert told["details"][0]["reason"] == "REQUEST_TIMEOUT"


async def test_large_bodies_that_are_not_all_here_are_bounded_and_small_ones_are_not(edge):
    """Each would hold its length of the edge's memory, for as long as it may take to arrive."""
    connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", edge.port) for _ in range(200)))
    for number, (_, writer) in enumerate(connections):
        writer.write(UNFINISHED[number % 3])
    async with asyncio.timeout(GUARD_SECONDS):
        done, waiting = await asyncio.wait(
            [asyncio.create_task(reader.read(12)) for reader, _ in connections], return_when=asyncio.FIRST_COMPLETED
        )
        assert {task.result() for task in done} == {b"HTTP/1.1 429"}
        await neighbours_are_served(edge)
        ended = await asyncio.gather(*done, *waiting)
    for _, writer in connections:
        await raw_http2.closed(writer)
    assert set(ended) == {b"HTTP/1.1 429", b"HTTP/1.1 408"}
    body = {"input": {"text": "x" * 200_000}}
    async with httpx.AsyncClient(base_url=edge.url, timeout=GUARD_SECONDS) as http, asyncio.timeout(GUARD_SECONDS):
        while (answer := await http.post("/v1/tools/echo:invoke", json=body)).status_code != 200:
            info, retry = answer.json()["details"]
            assert (answer.status_code, info["reason"]) == (429, "OVERLOADED")
            assert (answer.headers["retry-after"], retry["retry_delay"]) == ("1", "1s")
            await asyncio.sleep(0.2)


async def test_streams_that_do_not_end_take_no_place_and_are_ended(edge):
    begun = [await raw_http2.begin(edge.port, *sent, DAWDLERS) for sent in STREAMS]
    await until_taken_in(edge, DAWDLERS * len(STREAMS))
    await neighbours_are_served(edge)
    answers = [await each.answers() for each in begun]
    assert [len(each) for each in answers] == [DAWDLERS] * len(STREAMS)
    assert all(answer for each in answers for answer in each)


async def test_a_body_that_comes_byte_by_byte_is_ended_all_the_same(edge):
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(HEAD + b"Content-Length: 900000\r\n\r\n{")
    answer = asyncio.create_task(reader.readline())
    async with asyncio.timeout(GUARD_SECONDS):
        while not answer.done():
            writer.write(b" ")
            await asyncio.sleep(0.05)
    await raw_http2.closed(writer)
    assert await answer == b"HTTP/1.1 408 Request Timeout\r\n"


async def test_a_native_caller_who_dawdles_is_told_so_in_grpcs_words(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        call = channel.stream_unary(RPC)()
        await call.write(InvokeToolRequest(name="echo").SerializeToString())
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await asyncio.wait_for(call, GUARD_SECONDS)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    status = rpc_status.from_call(late.value)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("edge.qmcp", "REQUEST_TIMEOUT")
    assert status.message == late.value.details() == "The request did not arrive in time."
