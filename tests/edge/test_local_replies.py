"""What the edge refuses itself: exact statuses, and a body in the form that the services' own errors have."""

import json
import subprocess
import time
from itertools import islice

import grpc
import httpx
import pytest
from google.rpc.status_pb2 import Status
from qmcp.tools.v1.tools_service_pb2 import GetToolRequest, InvokeToolRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

from gateway import services
from tests.edge.conftest import running_edge
from tests.version import VERSION


def reason(answer):
    """Checks the form of an error and returns its domain and reason."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(body) - {"detail"} == {"code", "message", "details"}
    assert isinstance(body["code"], int)
    assert body["message"]
    info = body["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["metadata"]["request_id"] == answer.headers["x-request-id"]
    return info["domain"], info["reason"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b'{"input": 3}', ""),
        (b'{"name"', ""),
        (b"\xff\xfe", ""),
        (b'{"correlation_id": {}}', ""),
    ],
)
def test_a_body_that_is_no_json_of_the_message_is_400(http, body, words):
    answer = http.post("/v1/tools/echo:invoke", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert reason(answer) == ("edge.qmcp", "BAD_REQUEST")
    assert answer.json()["code"] == 3


def test_an_unknown_query_parameter_is_400_and_named(http):
    answer = http.get("/v1/tools", params={"bogus": "1"})
    assert answer.status_code == 400
    assert "bogus" in answer.json()["message"]


def test_a_path_that_cannot_be_read_is_400_in_words(http):
    answer = http.get("/v1/tools/a%00b")
    assert answer.status_code == 400
    assert reason(answer) == ("edge.qmcp", "BAD_REQUEST")


def test_a_target_of_another_scheme_is_403_and_told_as_such(edge):
    line = ["curl", "-sS", "--max-time", "60", "--request-target", f"https://127.0.0.1:{edge.port}/v1/tools", edge.url]
    answer = json.loads(subprocess.run(line, capture_output=True, check=True).stdout)
    assert answer["details"][0]["reason"] == "SCHEME_NOT_ALLOWED"


def test_a_query_value_of_the_wrong_type_is_400(http):
    assert http.get("/v1/tools", params={"page_size": "many"}).status_code == 400


def test_a_path_and_a_body_that_disagree_are_400(http):
    answer = http.put("/v1/tools/one", json={"name": "other"})
    assert answer.status_code == 400
    assert reason(answer) == ("edge.qmcp", "BAD_REQUEST")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/v1/nowhere"),
        ("POST", "/qmcp.tools.v1.ToolsService/ListTools"),
        ("GET", "/healthy"),
        ("GET", "/docs/../etc/passwd"),
        ("OPTIONS", "/v1/nowhere"),
        ("PATCH", "/v1/tools/echo:nothing"),
    ],
)
def test_a_method_and_path_that_mean_nothing_are_404(http, method, path):
    answer = http.request(method, path)
    assert answer.status_code == 404
    assert reason(answer) == ("edge.qmcp", "ROUTE_NOT_FOUND")
    assert answer.json()["code"] == 5


@pytest.mark.parametrize("path", ["/v1/tools", "/v1/tools/echo", "/v1/tools/echo:invoke", "/v1/receipts:verify"])
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/jsonx", "multipart/form-data"],
)
def test_a_body_that_is_not_declared_as_json_is_415(http, path, content_type):
    answer = http.post(path, content=b"{}", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert reason(answer) == ("edge.qmcp", "CONTENT_TYPE_UNSUPPORTED")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/merge-patch+json",
    ],
)
def test_json_is_known_by_all_its_names(http, content_type):
    assert http.post("/v1/tools/echo:invoke", content=b"{}", headers={"Content-Type": content_type}).status_code == 200


def test_a_post_without_body_or_type_is_an_empty_message(http):
    assert http.post("/v1/tools/echo:invoke").status_code == 200


@pytest.mark.parametrize("path", ["/v1/tools", "/v1/tools/echo:invoke", "/docs", "/nowhere"])
@pytest.mark.parametrize("size", [17_000, 50_000])
def test_headers_past_the_limit_are_431(http, path, size):
    for headers in (
        {"x-note": "x" * size},
        {"x-api-key": "k" * size},
        {f"x-{n}": "x" * (size // 20) for n in range(20)},
    ):
        answer = http.get(path, headers=headers)
        assert answer.status_code == 431
        assert reason(answer) == ("edge.qmcp", "HEADERS_TOO_LARGE")


@pytest.mark.parametrize("protocol", ["websocket", "WebSocket", "something/1"])
@pytest.mark.parametrize("path", ["/v1/tools", "/v1/invocations/x:watch", "/docs", "/nowhere"])
def test_who_wants_another_protocol_is_told_that_there_is_none(http, protocol, path):
    headers = {"connection": "Upgrade", "upgrade": protocol, "sec-websocket-version": "13", "sec-websocket-key": "eA=="}
    answer = http.get(path, headers=headers)
    assert answer.status_code == 501
    assert reason(answer) == ("edge.qmcp", "UPGRADE_UNSUPPORTED")


@pytest.mark.parametrize("size", [1_000_001, 5_000_000])
def test_a_body_past_the_limit_is_413_with_a_declared_length(http, size):
    answer = http.post("/v1/tools/echo:invoke", content=b" " * size, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert reason(answer) == ("edge.qmcp", "BODY_TOO_LARGE")


def test_a_body_past_the_limit_is_413_in_chunks(http):
    chunks = (b" " * 100_000 for _ in range(30))
    answer = http.post("/v1/tools/echo:invoke", content=chunks, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert reason(answer) == ("edge.qmcp", "BODY_TOO_LARGE")


def test_a_body_just_under_the_limit_passes(http):
    body = b'{"input": {"a": "' + b"x" * 999_900 + b'"}}'
    answer = http.post("/v1/tools/echo:invoke", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert len(answer.json()["input_params"]["a"]) == 999_900


def test_a_large_answer_comes_whole(http):
    answer = http.post("/v1/tools/big/3000000:invoke", json={})
    assert answer.status_code == 200
    assert len(answer.json()["result"]["big"]) == 3_000_000


@pytest.mark.promise("M04", "M05")
def test_a_call_past_its_time_is_504(http):
    began = time.monotonic()
    answer = http.get("/v1/tools/sleep/9")
    assert answer.status_code == 504
    assert time.monotonic() - began > 0.9
    assert reason(answer) == ("edge.qmcp", "DEADLINE_EXCEEDED")


def test_an_invocation_may_take_longer_than_a_quick_call_but_not_for_ever(http):
    assert http.post("/v1/tools/sleep/1.5:invoke", json={}).status_code == 200
    began = time.monotonic()
    assert http.post("/v1/tools/sleep/9:invoke", json={}).status_code == 504
    assert time.monotonic() - began > 2.9


def test_a_caller_may_limit_its_own_time_over_http(http):
    # Two seconds are within what the edge allows: without the caller's limit this is a 200.
    answer = http.post("/v1/tools/sleep/2:invoke", json={}, headers={"grpc-timeout": "200m"})
    assert answer.status_code == 504
    assert answer.json()["code"] == 4


def test_a_service_that_is_gone_is_503_without_a_word_about_its_address(tmp_path):
    with running_edge(tmp_path, envoy_drain_seconds=0.1) as edge:
        edge.backend.kill()
        edge.backend.wait()
        answer = httpx.get(f"{edge.url}/v1/tools")
        assert answer.status_code == 503
        assert reason(answer) == ("edge.qmcp", "UPSTREAM_UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        assert "127.0.0.1" not in answer.text
        # Who sent protobuf, as OTLP has it, is told in protobuf, also of what was on its way as gRPC.
        export = httpx.post(f"{edge.url}/v1/metrics", headers={"content-type": "application/x-protobuf"})
        assert (export.status_code, export.headers["content-type"]) == (503, "application/x-protobuf")
        assert Status.FromString(export.content) == Status(code=14, message=answer.json()["message"])
        assert export.headers["retry-after"] == "1"
        health = httpx.get(f"{edge.url}/health")
        assert health.status_code == 503
        gone = dict.fromkeys(services.names(), "UNAVAILABLE")
        assert health.json() == {"status": "unhealthy", "version": VERSION, "services": gone}
        metrics = httpx.get(f"{edge.url}/metrics")
        assert metrics.status_code == 200
        assert 'service="tools"} 0' in metrics.text


def test_past_its_number_of_calls_in_flight_the_edge_refuses_at_once(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, edge_max_invocations=2, envoy_drain_seconds=0.1) as edge:
        line = ["curl", "-sS", "-o", "/dev/null", "-X", "POST", f"{edge.url}/v1/tools/sleep/2:invoke"]
        busy = [subprocess.Popen(line) for _ in range(2)]
        time.sleep(0.5)
        refused = httpx.post(f"{edge.url}/v1/tools/echo:invoke", json={})
        assert all(each.poll() is None for each in busy), "refused while they run, not after"
        assert refused.status_code == 429
        assert reason(refused) == ("edge.qmcp", "OVERLOADED")
        assert refused.headers["retry-after"] == "1"
        assert httpx.get(f"{edge.url}/v1/tools").status_code == 200, "quick calls have places of their own"
        for each in busy:
            assert each.wait() == 0
        assert httpx.post(f"{edge.url}/v1/tools/echo:invoke", json={}).status_code == 200


MCP_LIMITS = "tools/list=20, tools/call=20, tools/call:mail=1, unnamed=1"
_MODERN = {"mcp-protocol-version": "2026-07-28"}
_CALL = _MODERN | {"mcp-method": "tools/call"}
# What has one each, and what of the same address is not counted with it.
MCP_REQUESTS = (
    (_CALL | {"mcp-name": "mail"}, (_CALL | {"mcp-name": "echo"}, _MODERN | {"mcp-method": "tools/list"})),
    # Clients of before, and whoever would be taken for another: by a name in another form, or by two of a header.
    ({}, (_CALL | {"mcp-name": "echo"},)),
    (_CALL | {"mcp-name": "=?base64?bWFpbA==?="}, (_CALL | {"mcp-name": "echo"},)),
    ({"mcp-protocol-version": "2025-11-25", "mcp-method": "tools/list"}, (_CALL | {"mcp-name": "mail"},)),
    ([*_CALL.items(), ("mcp-name", "echo"), ("mcp-name", "mail")], ()),
    ([*_CALL.items(), ("mcp-name", "echo"), ("mcp-name", "=?base64?bWFpbA==?=")], ()),
    ([("mcp-protocol-version", "2025-11-25"), *_CALL.items(), ("mcp-name", "echo")], ()),
    ([*_CALL.items(), ("mcp-name", "echo"), ("mcp-protocol-version", "2025-11-25")], ()),
    (_CALL | {"mcp-name": "echo,mail"}, ()),
)


@pytest.mark.promise("M04", "M05")
def test_past_its_rate_an_address_is_429_until_it_waits(tmp_path, upstreams):
    # Whoever looked whether it has started took from the bucket of 127.0.0.1, on a busy machine all there was.
    other = httpx.HTTPTransport(local_address="127.0.0.2")
    with (
        running_edge(
            tmp_path, upstreams, edge_rate_limit_per_minute=30, edge_mcp_limits=MCP_LIMITS, envoy_drain_seconds=0.1
        ) as edge,
        httpx.Client(base_url=edge.url, transport=other, timeout=60) as http,
    ):
        # It fills while it is drawn from, one every two seconds: how many more than it holds depends on the machine.
        answers = (http.get("/v1/tools") for _ in range(1_000))
        statuses = [answer.status_code for answer in islice(answers, 30)]
        assert statuses == [200] * 30, "the bucket holds thirty"
        refused = next(answer for answer in answers if answer.status_code != 200)
        assert (refused.status_code, reason(refused)) == (429, ("edge.qmcp", "RATE_LIMITED"))
        assert "retry-after" in refused.headers
        for address, (limited, others) in enumerate(MCP_REQUESTS, 3):
            with httpx.Client(
                base_url=edge.url, transport=httpx.HTTPTransport(local_address=f"127.0.0.{address}"), timeout=60
            ) as client:
                # Nothing answers behind it: what is let through is 503.
                first, second = (client.post("/mcp", headers=limited) for _ in range(2))
                assert (first.status_code, second.status_code) == (503, 429), limited
                told = second.json()
                assert (told["jsonrpc"], told["id"], told["error"]["data"]["reason"]) == ("2.0", None, "RATE_LIMITED")
                assert told["error"]["data"]["retry_after"] == second.headers["retry-after"]
                assert 1 <= int(second.headers["retry-after"]) <= 60
                for headers in others:
                    assert client.post("/mcp", headers=headers).status_code == 503, headers


async def test_what_is_refused_of_native_calls_are_grpc_statuses_with_plain_messages(edge, tmp_path):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        unknown = channel.unary_unary("/qmcp.nothing.v1.Service/Method")
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await unknown(b"")
        assert missing.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "{" not in missing.value.details()
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await ToolsServiceStub(channel).GetTool(GetToolRequest(name="sleep/9"))
        assert late.value.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
        assert "{" not in late.value.details()
        big = InvokeToolRequest(name="echo")
        big.input["a"] = "x" * 5_000_000
        with pytest.raises(grpc.aio.AioRpcError) as large:
            await ToolsServiceStub(channel).InvokeTool(big)
        assert large.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
