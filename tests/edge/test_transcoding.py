"""HTTP/JSON to gRPC and back: names, statuses, headers, streams."""

import time

import httpx
import pytest

from tests.edge import sse


@pytest.mark.promise("Q26")
def test_tools_are_listed_with_snake_case_and_every_plain_field(http):
    answer = http.get("/v1/tools")
    assert answer.status_code == 200
    tool = answer.json()["tools"][0]
    assert tool["name"] == "echo"
    assert {"title", "timeout_seconds", "max_concurrency", "tags", "labels"} <= set(tool)


@pytest.mark.parametrize("name", ["echo", "a/b", "server/group/tool", "a.b", "a-b_c", "invoke", "v1/tools", "a/invoke"])
def test_names_with_slashes_reach_the_right_rpc_by_every_route(http, name):
    invoked = http.post(f"/v1/tools/{name}:invoke", json={})
    assert invoked.json()["tool_name"] == name
    assert http.post(f"/v1/tools/{name}", json={}).json()["invocation_id"] == f"called {name}"
    assert http.post(f"/v1/tools/{name}:start", json={}).json()["id"] == f"started {name}"
    assert http.get(f"/v1/tools/{name}").json()["name"] == name
    assert http.put(f"/v1/tools/{name}", json={}).json()["name"] == name
    assert http.delete(f"/v1/tools/{name}").json() == {}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a%2Fb", "a/b"),
        ("a%2fb%2Fc", "a/b/c"),
        ("a//b", "a/b"),
        ("a%20b", "a b"),
        ("%C3%A4", "ä"),
        ("x/../y", "y"),
        ("a%2Eb", "a.b"),
        ("a+b", "a+b"),
        ("a:b", "a:b"),
        ("a:cancel", "a:cancel"),
    ],
)
def test_odd_names_mean_what_they_say(http, path, name):
    answer = http.post(f"/v1/tools/{path}:invoke", json={})
    assert (answer.status_code, answer.json().get("tool_name")) == (200, name)


def test_climbing_out_of_the_api_leads_nowhere(edge):
    for path in ("/v1/tools/../../metrics/../qmcp.tools.v1.ToolsService/ListTools", "/v1/%2e%2e/%2e%2e/nothing"):
        answer = httpx.post(f"{edge.url}{path}", json={})
        assert answer.status_code == 404


@pytest.mark.promise("Q27")
def test_the_originals_route_calls_a_tool(http):
    answer = http.post("/v1/tools/echo", json={"input": {"message": "hello"}})
    assert answer.status_code == 200
    assert answer.json()["invocation_id"] == "called echo"


@pytest.mark.promise("Q28")
def test_invocations_take_their_filters_from_the_query_in_either_spelling(http):
    assert (
        http.get("/v1/invocations", params={"limit": 7, "tool_name": "echo", "status": "success"}).json()["count"] == 7
    )
    assert http.get("/v1/invocations", params={"limit": 7, "toolName": "echo"}).status_code == 200
    assert http.get("/v1/invocations", params={"created_after": "2026-01-01T00:00:00Z"}).status_code == 200
    assert http.get("/v1/invocations", params={"created_after": "yesterday"}).status_code == 400


def test_collection_verbs_do_not_clash_with_ids(http):
    assert http.get("/v1/invocations/abc").json()["id"] == "abc"
    assert http.post("/v1/invocations/abc:cancel", json={}).json()["status"] == "cancelled"
    assert http.get("/v1/invocations:summary").status_code == 501
    assert http.get("/v1/receipts:key").status_code == 501


@pytest.mark.parametrize(
    ("code", "status", "number"),
    [
        ("CANCELLED", 499, 1),
        ("UNKNOWN", 500, 2),
        ("INVALID_ARGUMENT", 400, 3),
        ("DEADLINE_EXCEEDED", 504, 4),
        ("NOT_FOUND", 404, 5),
        ("ALREADY_EXISTS", 409, 6),
        ("PERMISSION_DENIED", 403, 7),
        ("RESOURCE_EXHAUSTED", 429, 8),
        ("FAILED_PRECONDITION", 400, 9),
        ("ABORTED", 409, 10),
        ("OUT_OF_RANGE", 400, 11),
        ("UNIMPLEMENTED", 501, 12),
        ("INTERNAL", 500, 13),
        ("UNAVAILABLE", 503, 14),
        ("DATA_LOSS", 500, 15),
        ("UNAUTHENTICATED", 401, 16),
    ],
)
def test_a_services_error_keeps_its_details_and_has_the_status_of_its_code(http, code, status, number):
    answer = http.post(f"/v1/tools/fail/{code}:invoke", json={})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["code"], body["message"]) == (number, "told to fail")
    assert body["details"][:1] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "TOLD_TO",
            "domain": "tools.qmcp",
            "metadata": {"request_id": "12345678"},
        }
    ]


def test_the_time_to_wait_is_a_header_too(http):
    answer = http.post("/v1/tools/fail/RESOURCE_EXHAUSTED:invoke", json={})
    assert answer.json()["details"][1]["retry_delay"] == "2.500s"
    assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize("status", [408, 410, 413, 418, 422])
def test_a_service_may_name_the_status_of_an_error(http, status):
    answer = http.post(f"/v1/tools/fail/INVALID_ARGUMENT/{status}:invoke", json={})
    assert answer.status_code == status
    assert answer.json()["details"][0]["reason"] == "TOLD_TO"
    assert "x-http-status" not in answer.headers


def test_a_service_may_name_the_status_of_a_success_and_nonsense_is_dropped(http):
    created = http.post("/v1/tools", json={"name": "new"})
    assert created.status_code == 201
    assert created.json()["name"] == "new"
    assert "x-http-status" not in created.headers
    assert http.post("/v1/tools/created/nonsense:invoke", json={}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/tools/echo:invoke", "/v1/tools/fail/NOT_FOUND:invoke", "/v1/tools/fail/INTERNAL:invoke"]
)
def test_answers_in_json_carry_no_headers_of_grpc(http, path):
    answer = http.post(path, json={})
    assert not [name for name in answer.headers if name.startswith(("grpc-", "x-envoy-", "x-http-status"))]


def test_a_status_that_grpc_made_itself_gets_a_reason(http):
    answer = http.get("/v1/receipts:key")
    assert answer.status_code == 501
    assert answer.json()["details"][0]["reason"] == "UNIMPLEMENTED"


def test_the_service_sees_the_original_method_and_path(http):
    seen = http.post("/v1/tools/a/b:invoke?", json={}).json()["result"]["metadata"]
    assert seen["x-envoy-original-method"] == "POST"
    assert seen["x-envoy-original-path"].rstrip("?") == "/v1/tools/a/b:invoke"


def test_callers_headers_arrive_as_metadata(http):
    sent = {
        "Idempotency-Key": "k1",
        "X-API-Key": "secret",
        "Authorization": "Bearer t",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    }
    seen = http.post("/v1/tools/echo:invoke", json={}, headers=sent).json()["result"]["metadata"]
    for name, value in sent.items():
        assert seen[name.lower()] == value


def test_without_a_deadline_of_the_callers_the_service_sees_the_edges(http):
    seen = http.post("/v1/tools/echo:invoke", json={}).json()["result"]["deadline"]
    assert 2 < seen <= 3
    shorter = http.post("/v1/tools/echo:invoke", json={}, headers={"grpc-timeout": "500m"}).json()["result"]["deadline"]
    assert 0.3 < shorter <= 0.5
    longer = http.post("/v1/tools/echo:invoke", json={}, headers={"grpc-timeout": "90S"}).json()["result"]["deadline"]
    assert 2 < longer <= 3


@pytest.mark.parametrize(
    ("given", "told"), [({}, "3000m"), ({"grpc-timeout": "500m"}, "500m"), ({"grpc-timeout": "90S"}, "3000m")]
)
def test_the_service_is_told_the_deadline_too_by_which_it_knows_how_long_a_call_stood_in_its_queue(http, given, told):
    forged = {"x-qmcp-allowed": "3600S", "x-qmcp-admitted": "1"}
    seen = http.post("/v1/tools/echo:invoke", json={}, headers=given | forged).json()["result"]["metadata"]
    assert seen["x-qmcp-allowed"] == told
    assert "x-qmcp-admitted" not in seen


def test_a_watch_comes_as_server_sent_events_at_once_and_outlives_a_quick_calls_time(http):
    began = time.monotonic()
    arrivals = []
    with http.stream("GET", "/v1/invocations/1:watch") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert "content-encoding" not in answer.headers
        events = []
        for event in sse.parse(answer.iter_lines()):
            events.append(event)
            arrivals.append(time.monotonic() - began)
    assert [event.id for event in events] == ["1", "2", "3", ""]
    assert events[-2].data["last"]
    assert events[-1].name == "end"
    # Not all at the end of what takes most of a second.
    assert arrivals[2] - arrivals[0] > 0.1


def test_an_error_before_the_first_event_is_a_status(http):
    answer = http.get("/v1/invocations/missing:watch")
    assert answer.status_code == 404
    assert answer.json()["details"][0]["reason"] == "TOLD_TO"


def test_a_stream_that_breaks_off_shows_no_last_event(http):
    """HTTP/1.1 has no place for an error after the first message: hence the in-band last event."""
    answer = http.get("/v1/invocations/broken:watch")
    assert answer.status_code == 200
    assert [event.id for event in sse.parse(answer.text.splitlines())] == ["1", "2", "3"]


def test_an_export_comes_as_it_is_in_pieces(http):
    with http.stream("GET", "/v1/invocations:export", headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        began = time.monotonic()
        pieces = [(time.monotonic() - began, piece) for piece in answer.iter_raw()]
    assert b"".join(piece for _, piece in pieces) == b'{"number": 0}\n{"number": 1}\n{"number": 2}\n'
    assert pieces[-1][0] - pieces[0][0] > 0.3


def test_a_caller_that_goes_away_ends_the_call_in_the_service(http):
    def cancelled():
        return http.post("/v1/tools/counted/cancelled:invoke", json={}).json()["result"]["attempts"]

    before = cancelled()
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/tools/sleep/2:invoke", json={}, timeout=0.3)
    until = time.monotonic() + 1
    while cancelled() == before and time.monotonic() < until:
        time.sleep(0.05)
    assert cancelled() == before + 1


def test_large_answers_are_compressed_for_who_asks(http):
    plain = http.post("/v1/tools/big/50000:invoke", json={}, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    small = http.post("/v1/tools/big/50000:invoke", json={}, headers={"Accept-Encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.json()["result"]["big"] == "x" * 50000


def test_http2_without_tls_works(edge):
    with httpx.Client(base_url=edge.url, http1=False, http2=True) as client:
        answer = client.get("/v1/tools")
    assert answer.http_version == "HTTP/2"
    assert answer.status_code == 200


def test_reads_are_tried_again_and_writes_are_not(http):
    read = http.get(f"/v1/tools/attempts/r{time.monotonic_ns()}")
    assert (read.status_code, read.json()["title"]) == (200, "2")
    written = http.post(f"/v1/tools/attempts/w{time.monotonic_ns()}:invoke", json={})
    assert written.status_code == 503
