"""What the edge does for questions to people: waits and streams that last, forms, statuses, and no token in any log."""

import asyncio
import json
import struct
import subprocess
import time

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from qmcp.hitl.v1.hitl_service_pb2 import (
    GetHumanRequestRequest,
    GetHumanRequestResponse,
    WaitForResponseRequest,
    WatchHumanRequestsRequest,
)
from qmcp.hitl.v1.hitl_service_pb2_grpc import HitlServiceStub

from tests.edge import sse
from tests.edge.conftest import running_edge
from tests.edge.test_pages import Collector

TOKEN = "CANARY-canary-CANARY-canary-CANARY-canary-0"
LINK = f"/v1/human/links/{TOKEN}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def reason(answer):
    return answer.json()["details"][0]["reason"]


def test_questions_and_answers_are_201(http):
    body = {"id": "deploy-1", "request_type": "approval", "prompt": "Deploy?", "options": ["yes", "no"]}
    created = http.post("/v1/human/requests", json=body)
    assert (created.status_code, created.json()["id"]) == (201, "deploy-1")
    answered = http.post("/v1/human/responses", json={"request_id": "deploy-1", "response": "yes"})
    assert (answered.status_code, answered.json()["response"]) == (201, "yes")
    assert http.post("/v1/human/webhooks", json={"url": "https://example.com/"}).status_code == 201
    assert "x-http-status" not in created.headers


def test_a_question_without_an_answer_shows_null(http):
    assert http.get("/v1/human/requests/deploy-1").json()["response"] is None


def test_verbs_and_filters_reach_their_rpcs(http):
    assert http.post("/v1/human/requests/a:cancel", json={"reason": "no"}).json()["cancel_reason"] == "no"
    assert http.post("/v1/human/requests/a:claim", json={"take_over": True}).json()["claimed_by"] == "me"
    assert http.get("/v1/human/requests", params={"status": "pending", "limit": 3}).json()["count"] == 1
    several = http.get("/v1/human/requests:wait", params={"ids": ["a", "b"], "mode": "all"}).json()
    assert [request["id"] for request in several["requests"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("FAILED_PRECONDITION-410", 410),
        ("INVALID_ARGUMENT", 400),
        ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403),
    ],
)
def test_what_is_refused_has_its_status_and_reason(http, code, status):
    answer = http.post("/v1/human/responses", json={"request_id": f"fail-{code}", "response": "yes"})
    assert (answer.status_code, reason(answer)) == (status, "TOLD_TO")
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_a_wait_outlasts_a_quick_call_and_has_a_time_of_its_own(http):
    began = time.monotonic()
    answer = http.get("/v1/human/requests/a:wait", params={"timeout_seconds": 2})
    assert answer.status_code == 200, "quick calls end after a second here"
    assert time.monotonic() - began > 1.9
    seen = answer.json()
    assert seen["done"]
    assert 300 < seen["requests"][0]["timeout_seconds"] <= 330, (
        "the service sees the longest wait and what it needs besides"
    )


def test_reads_and_waits_move_to_another_replica_and_answers_do_not(http):
    name = f"attempts-{time.monotonic_ns()}"
    assert http.get(f"/v1/human/requests/{name}r").status_code == 200
    assert http.get(f"/v1/human/requests/{name}w:wait", params={"timeout_seconds": 1}).status_code == 200
    answered = http.post("/v1/human/responses", json={"request_id": f"{name}a", "response": "yes"})
    assert answered.status_code == 503
    assert http.post(f"/v1/human/requests/{name}c:claim", json={}).status_code == 503


def test_a_watch_comes_as_server_sent_events_at_once_and_outlasts_a_quick_call(http):
    began = time.monotonic()
    events, arrivals = [], []
    with http.stream("GET", "/v1/human/requests:watch", params={"after_sequence": 7, "kinds": "created"}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        for event in sse.parse(answer.iter_lines()):
            events.append(event)
            arrivals.append(time.monotonic() - began)
    assert [event.id for event in events] == ["8", "9", "10", ""]
    assert [event.data.get("last") for event in events] == [False, False, True, None]
    # Not all at the end of what takes a second.
    assert arrivals[2] - arrivals[0] > 0.3


def test_waits_and_watches_take_no_places_from_calls(tmp_path, upstreams):
    with running_edge(tmp_path, upstreams, edge_max_quick_calls=1, edge_max_streams=3, envoy_drain_seconds=0.1) as edge:
        wait = ["curl", "-sS", "-o", "/dev/null", f"{edge.url}/v1/human/requests/a:wait?timeout_seconds=3"]
        waiting = [subprocess.Popen(wait) for _ in range(3)]
        until = time.monotonic() + 5
        while edge.stat("cluster.hitl-streams.upstream_rq_active") < 3 and time.monotonic() < until:
            time.sleep(0.05)
        assert edge.stat("cluster.hitl-streams.upstream_rq_active") == 3
        assert httpx.get(f"{edge.url}/v1/human/requests/a").status_code == 200, "the place of quick calls is free"
        refused = httpx.get(f"{edge.url}/v1/human/requests/b:wait")
        assert (refused.status_code, reason(refused)) == (429, "OVERLOADED")
        assert [each.wait() for each in waiting] == [0, 0, 0]


async def test_native_calls_waits_and_streams_pass(edge):
    async with grpc.aio.insecure_channel(edge.target) as channel:
        stub = HitlServiceStub(channel)
        assert (await stub.GetHumanRequest(GetHumanRequestRequest(id="a"))).request.id == "a"
        assert (await stub.WaitForResponse(WaitForResponseRequest(id="a", timeout_seconds=2))).done
        events = [event async for event in stub.WatchHumanRequests(WatchHumanRequestsRequest(after_sequence=1))]
        assert [event.sequence for event in events] == [2, 3, 4]
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.GetHumanRequest(GetHumanRequestRequest(id="fail-NOT_FOUND"))
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND


def test_grpc_web_calls(http):
    data = GetHumanRequestRequest(id="web").SerializeToString()
    headers = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
    path = "/qmcp.hitl.v1.HitlService/GetHumanRequest"
    answer = http.post(path, content=struct.pack(">BI", 0, len(data)) + data, headers=headers)
    _, length = struct.unpack_from(">BI", answer.content)
    assert GetHumanRequestResponse.FromString(answer.content[5 : 5 + length]).request.id == "web"


def test_a_page_of_an_allowed_origin_may_ask_and_answer(http):
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-api-key"}
    for path in ("/v1/human/requests", "/v1/human/responses", "/v1/human/requests/a:claim"):
        answer = http.options(path, headers={"Origin": "https://app.example.com", **asking})
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"


def test_a_link_is_shown_as_a_page_and_answered_by_a_form(http):
    page = http.get(LINK)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.json()["token"] == TOKEN
    form = "response=approve&comment=100%25+sure%26more"
    sent = http.post(LINK, content=form, headers=FORM).json()
    assert (sent["token"], sent["form"]) == (TOKEN, form)
    assert sent["content_type"].startswith("application/x-www-form-urlencoded")
    as_json = http.post(LINK, json={"response": "approve"}).json()
    assert json.loads(as_json["form"]) == {"response": "approve"}
    assert as_json["content_type"].startswith("application/json")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/xml"])
def test_a_link_takes_forms_and_json_and_nothing_else(http, kind):
    assert http.post(LINK, content="response=yes", headers={"Content-Type": kind}).status_code == 415


@pytest.mark.parametrize("path", ["/v1/human/responses", "/v1/human/requests", "/v1/human/links", f"{LINK}/more"])
def test_forms_are_for_links_alone(http, path):
    assert http.post(path, content="response=yes", headers=FORM).status_code == 415


def test_a_form_past_the_limit_is_413(http):
    assert http.post(LINK, content=b"response=" + b"x" * 1_000_000, headers=FORM).status_code == 413


def test_a_token_travels_in_the_request_alone(http):
    assert TOKEN not in json.dumps(http.get(LINK).json()["metadata"])
    assert TOKEN not in json.dumps(http.post(LINK, content="response=yes", headers=FORM).json()["metadata"])


def send_tokens(url, **headers):
    """Every way in which a token may come, right and wrong."""
    with httpx.Client(headers=headers) as http:
        yield http.get(url + LINK)
        yield http.get(f"{url}{LINK}?from=mail")
        yield http.get(f"{url}{LINK}/")
        yield http.get(f"{url}/v1/human//links/{TOKEN}")
        yield http.get(f"{url}/v1/human/link/{TOKEN}")
        yield http.get(f"{url}/human/links/{TOKEN}")
        yield http.get(f"{url}/v1/human/l%69nks/{TOKEN}")
        yield http.get(f"{url}/v1/human%2Flinks%2F{TOKEN}")
        yield http.post(url + LINK, content="response=yes", headers=FORM)
        yield http.post(url + LINK, json={"response": "yes"})
        yield http.post(url + LINK, content="response=yes", headers={"Content-Type": "text/plain"})
        yield http.post(url + LINK, content=b"x" * 5_000_000, headers=FORM)
        yield http.put(url + LINK, content=b"x" * 5_000_000)
        yield http.request("GET", url + LINK, content=b"x" * 5_000_000)
        yield http.delete(url + LINK)
        yield http.options(url + LINK, headers={"Origin": "https://a.example.com"})


def test_no_token_is_in_the_log_whatever_becomes_of_the_request(tmp_path):
    with running_edge(tmp_path, envoy_drain_seconds=0.1) as edge:
        statuses = [answer.status_code for answer in send_tokens(edge.url)]
        httpx.get(f"{edge.url}/v1/human/requests?status=pending")
        edge.backend.kill()
        edge.backend.wait()
        gone = httpx.get(edge.url + LINK)
        edge.envoy.terminate()
        edge.envoy.wait(10)
        written = edge.log.read_text() + (tmp_path / "log").read_text()
    assert {200, 400, 404, 413, 415} <= set(statuses)
    assert gone.status_code == 503
    assert TOKEN not in written
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    about = [line for line in lines if line["path"] == "/v1/human/links/{token}"]
    assert len(about) == len(statuses) + 1
    assert {line["rpc"].rpartition("/")[2] for line in about if line.get("rpc")} == {
        "ShowActionLink",
        "AnswerActionLink",
    }
    assert any(line["path"] == "/v1/human/requests" for line in lines), "other paths are there, without their queries"


async def test_no_token_is_in_a_trace(tmp_path, upstreams):
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    def call():
        with running_edge(
            tmp_path, upstreams, otlp_endpoint=f"http://127.0.0.1:{port}", envoy_drain_seconds=0.1
        ) as edge:
            parent = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
            list(send_tokens(edge.url))
            list(send_tokens(edge.url, **parent))
            httpx.get(f"{edge.url}/v1/tools", headers={"X-Request-ID": "the-last"})
            # Envoy sends spans every five seconds.
            until = time.monotonic() + 15
            while "the-last" not in str(collector.spans) and time.monotonic() < until:
                time.sleep(0.1)

    await asyncio.to_thread(call)
    await server.stop(0)
    assert "the-last" in str(collector.spans)
    traced = [span for span in collector.spans if span.trace_id.hex() == "a" * 32]
    assert traced, "whoever traces sees the link opened"
    assert TOKEN not in str(collector.spans)
