"""Both ids stand on every response, whoever made it."""

import re
import socket

import grpc
import pytest
from qmcp.tools.v1.tools_service_pb2 import GetToolRequest, InvokeToolRequest
from qmcp.tools.v1.tools_service_pb2_grpc import ToolsServiceStub

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MADE = re.compile(UUID4)


def raw(edge, request):
    """Sends bytes that no client library would send; returns the head of the answer."""
    with socket.create_connection(("127.0.0.1", edge.port), timeout=5) as connection:
        connection.sendall(request)
        return connection.recv(65536).decode().lower()


@pytest.mark.promise("Q31", "Q32")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/tools", 200),
        ("GET", "/health", 200),
        ("GET", "/metrics", 200),
        ("GET", "/metrics/json", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs", 200),
        ("GET", "/ready", 200),
        ("GET", "/", 307),
        ("POST", "/v1/tools/created/201:invoke", 201),
        ("GET", "/v1/tools?bogus=1", 400),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/nowhere", 404),
        ("POST", "/v1/tools/fail/NOT_FOUND:invoke", 404),
        ("POST", "/v1/tools/fail/INTERNAL:invoke", 500),
        ("POST", "/v1/tools/fail/UNAVAILABLE:invoke", 503),
        ("GET", "/v1/tools/sleep/9", 504),
        ("GET", "/v1/invocations/1:watch", 200),
        ("GET", "/v1/invocations/missing:watch", 404),
    ],
)
def test_every_response_has_both_ids(http, method, path, status):
    answer = http.request(method, path)
    assert answer.status_code == status
    assert MADE.fullmatch(answer.headers["x-request-id"])
    assert MADE.fullmatch(answer.headers["x-correlation-id"])
    assert len(answer.headers.get_list("x-request-id")) == 1


@pytest.mark.promise("Q31")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\r\n\r\n", "400"),
        (b"GET http:/%zz HTTP/1.1\r\nHost: a\r\n\r\n", "40"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nunder_score: 1\r\n\r\n", "400"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nlong: " + b"x" * 70_000 + b"\r\n\r\n", "431"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 200 + b"\r\n", "431"),
        (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "40"),
    ],
)
def test_what_is_refused_before_any_filter_has_both_ids_too(edge, request_, status):
    answer = raw(edge, request_)
    assert answer.startswith(f"http/1.1 {status}")
    told = re.search(rf"\nx-request-id: ({UUID4})\r", answer)
    assert told
    assert re.search(rf"\nx-correlation-id: {UUID4}\r", answer)
    assert '"edge.qmcp"' in answer
    assert f'"request_id":"{told[1]}"' in answer


@pytest.mark.promise("Q30")
def test_the_callers_own_ids_come_back_and_reach_the_service(http):
    ids = {"X-Request-ID": "my-request", "X-Correlation-ID": "3f2a-mine"}
    answer = http.post("/v1/tools/echo:invoke", json={}, headers=ids)
    assert answer.headers["x-request-id"] == "my-request"
    assert answer.headers["x-correlation-id"] == "3f2a-mine"
    seen = answer.json()["result"]["metadata"]
    assert (seen["x-request-id"], seen["x-correlation-id"]) == ("my-request", "3f2a-mine")


def test_made_ids_reach_the_service_and_differ_from_call_to_call(http):
    answers = [http.post("/v1/tools/echo:invoke", json={}) for _ in range(20)]
    for answer in answers:
        seen = answer.json()["result"]["metadata"]
        assert seen["x-request-id"] == answer.headers["x-request-id"]
        assert seen["x-correlation-id"] == answer.headers["x-correlation-id"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 20
    assert answers[0].headers["x-request-id"] != answers[0].headers["x-correlation-id"]


def test_an_id_is_kept_exactly_up_to_128_characters(http):
    for mine in ("a" * 128, "~ !#[]{}", "7"):
        answer = http.get("/v1/tools", headers={"X-Request-ID": mine, "X-Correlation-ID": mine})
        assert answer.status_code == 200
        assert (answer.headers["x-request-id"], answer.headers["x-correlation-id"]) == (mine, mine)


@pytest.mark.parametrize("header", ["X-Request-ID", "X-Correlation-ID"])
@pytest.mark.parametrize("path", ["/v1/tools", "/v1/human/links/secret", "/health", "/nowhere"])
@pytest.mark.parametrize("id_", [b"a" * 129, b"a" * 1000, b"caf\xc3\xa9", b"a\tb"])
def test_an_id_that_cannot_be_kept_is_refused(http, header, path, id_):
    answer = http.get(path, headers={header.encode(): id_})
    assert answer.status_code == 400
    error = answer.json()
    assert error["code"] == 3
    assert error["details"][0]["reason"] == "ID_INVALID"
    assert header.lower() in error["message"]


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization", "Idempotency-Key"])
@pytest.mark.parametrize("path", ["/v1/tools", "/v1/human/links/secret", "/health", "/nowhere"])
@pytest.mark.parametrize("value", [b"qmcp_secret\xa0", b"qmcp_secret\xc2\xa0", b"caf\xc3\xa9", b"a\tb"])
def test_a_header_that_is_not_printable_ascii_is_refused_before_any_service_sees_it(http, header, path, value):
    answer = http.get(path, headers={header.encode(): value})
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (400, "HEADER_INVALID")
    assert answer.json()["message"] == f"{header.lower()} must be printable ASCII."


def test_a_credential_of_any_length_and_none_are_let_to_the_services(http):
    for headers in ({}, {"X-API-Key": "k" * 4_000}, {"Authorization": ""}, {"Idempotency-Key": "~ !"}):
        assert http.get("/v1/tools", headers=headers).status_code == 200


def test_an_empty_id_is_as_good_as_none(http):
    empty = http.get("/v1/tools", headers={"X-Request-ID": "", "X-Correlation-ID": ""})
    assert MADE.fullmatch(empty.headers["x-request-id"])
    assert MADE.fullmatch(empty.headers["x-correlation-id"])


def test_tracing_leaves_a_uuid_of_the_callers_as_it_is(http):
    mine = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
    assert http.get("/v1/tools", headers={"X-Request-ID": mine}).headers["x-request-id"] == mine


async def test_native_grpc_has_both_ids_when_it_succeeds_and_when_it_fails(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        stub = ToolsServiceStub(channel)
        call = stub.GetTool(GetToolRequest(name="echo"))
        await call
        assert MADE.fullmatch(dict(await call.initial_metadata())["x-request-id"])
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.InvokeTool(InvokeToolRequest(name="fail/NOT_FOUND"), metadata=(("x-request-id", "mine"),))
        both = {*failed.value.initial_metadata(), *failed.value.trailing_metadata()}
        assert ("x-request-id", "mine") in both


def test_only_the_edge_may_say_what_only_it_knows(http):
    spoofed = {
        "x-qmcp-principal": "root",
        "X-Qmcp-Anything": "1",
        "x-envoy-original-path": "/elsewhere",
        "x-envoy-max-retries": "9",
        "x-http-status": "299",
        "x-forwarded-client-cert": "By=me",
    }
    answer = http.post("/v1/tools/echo:invoke", json={}, headers=spoofed)
    assert answer.status_code == 200
    seen = answer.json()["result"]["metadata"]
    assert not {"x-qmcp-principal", "x-qmcp-anything", "x-qmcp-seed", "x-envoy-max-retries", "x-http-status"} & set(
        seen
    )
    assert "x-forwarded-client-cert" not in seen
    assert seen["x-envoy-original-path"] == "/v1/tools/echo:invoke"


async def test_a_native_caller_cannot_pose_as_a_transcoded_one(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        answer = await ToolsServiceStub(channel).InvokeTool(
            InvokeToolRequest(name="echo"), metadata=(("x-envoy-original-path", "/x"), ("x-qmcp-principal", "root"))
        )
    seen = answer.result.struct_value["metadata"]
    assert "x-envoy-original-path" not in seen
    assert "x-qmcp-principal" not in seen
