"""The edge in front of the real hitl service: what the original's users rely on, with the original's own bodies."""

import asyncio
import json
import shutil
import subprocess
import threading
import time
import uuid
from pathlib import Path

import asyncpg
import grpc
import httpx
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.edge import sse

SERVICE = "qmcp.hitl.v1.HitlService"


@pytest.fixture
def http(stack):
    with httpx.Client(base_url=stack.edge_url, timeout=60) as client:
        yield client


@pytest.fixture
def name():
    return f"deploy-{uuid.uuid4()}"


def ask(http, name, **fields):
    """The original's body, as its guide has it."""
    body = {
        "id": name,
        "request_type": "approval",
        "prompt": "Deploy to production?",
        "options": ["approve", "reject"],
        "context": {"version": "1.2.3"},
        "timeout_seconds": 3600,
        "correlation_id": "flow-1",
    }
    return http.post("/v1/human/requests", json={**body, **fields})


def answer(http, name, response="approve", **fields):
    return http.post("/v1/human/responses", json={"request_id": name, "response": response, **fields})


def reason(refused):
    assert refused.headers["content-type"] == "application/json"
    return next(detail["reason"] for detail in refused.json()["details"] if detail.get("domain"))


@pytest.mark.promise("Q13", "Q29")
def test_a_question_is_201_and_on_record_with_all_that_was_asked(http, name):
    created = ask(http, name)
    assert created.status_code == 201
    shown = created.json()
    assert {"id", "request_type", "prompt", "status", "created_at", "expires_at"} <= set(shown)
    assert (shown["id"], shown["status"]) == (name, "pending")
    record = http.get(f"/v1/human/requests/{name}").json()
    assert set(record) == {"request", "response"}
    assert record["response"] is None
    request = record["request"]
    assert (request["prompt"], request["options"]) == ("Deploy to production?", ["approve", "reject"])
    assert (request["context"], request["timeout_seconds"]) == ({"version": "1.2.3"}, 3600)
    assert (request["status"], request["correlation_id"]) == ("pending", "flow-1")


@pytest.mark.promise("Q14", "Q17", "Q29", "Q36")
def test_an_answer_is_201_and_on_record_with_who_gave_it_and_what_they_said_of_it(http, name):
    ask(http, name)
    metadata = {"source": "slack", "thread": {"id": 7}}
    given = answer(http, name, responded_by="alice@example.com", response_metadata=metadata)
    assert given.status_code == 201
    assert {"id", "request_id", "response", "responded_by", "created_at"} <= set(given.json())
    assert (given.json()["response"], given.json()["responded_by"]) == ("approve", "alice@example.com")
    record = http.get(f"/v1/human/requests/{name}").json()
    assert record["request"]["status"] == "responded"
    assert record["response"]["id"] == given.json()["id"]
    assert record["response"]["responded_by"] == "alice@example.com"
    assert record["response"]["response_metadata"] == metadata
    history = http.get(f"/v1/human/requests/{name}/events").json()["events"]
    assert [event["kind"] for event in history] == ["created", "decided"]


@pytest.mark.promise("Q29")
def test_an_id_that_is_taken_is_409_and_the_same_question_again_is_not(http, name):
    first = ask(http, name).json()
    again = ask(http, name)
    assert (again.status_code, again.json()["created_at"]) == (201, first["created_at"])
    other = ask(http, name, prompt="Another question?")
    assert (other.status_code, reason(other)) == (409, "HUMAN_REQUEST_EXISTS")


@pytest.mark.promise("Q29")
def test_refused_answers_have_the_originals_statuses(http, name):
    ask(http, name)
    wrong = answer(http, name, "perhaps")
    assert (wrong.status_code, reason(wrong)) == (400, "RESPONSE_INVALID")
    nowhere = answer(http, f"{name}-none")
    assert (nowhere.status_code, reason(nowhere)) == (404, "HUMAN_REQUEST_NOT_FOUND")
    assert http.get(f"/v1/human/requests/{name}-none").status_code == 404
    assert answer(http, name, "reject", responded_by="alice").status_code == 201
    second = answer(http, name, "approve", responded_by="bob")
    assert (second.status_code, reason(second)) == (409, "ALREADY_RESPONDED")
    assert http.get(f"/v1/human/requests/{name}").json()["response"]["response"] == "reject"


@pytest.mark.promise("Q29")
@pytest.mark.parametrize("seconds", [59, 86_401, -1])
def test_a_time_that_is_too_short_or_too_long_is_refused(http, name, seconds):
    refused = ask(http, name, timeout_seconds=seconds)
    assert refused.status_code == 400
    assert "timeout_seconds" in refused.text


async def make_late(stack, name):
    """Moves the end of a request into the past: the shortest time that may be given is a minute."""
    connection = await asyncpg.connect(stack.database_url("hitl"))
    try:
        change = "UPDATE human_requests SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1"
        assert await connection.execute(change, name) == "UPDATE 1"
    finally:
        await connection.close()


@pytest.mark.promise("Q13", "Q29")
def test_an_answer_that_comes_too_late_is_410_and_lists_show_what_is_overdue_as_expired(stack, http, name):
    ask(http, name)
    asyncio.run(make_late(stack, name))
    late = answer(http, name)
    assert (late.status_code, reason(late)) == (410, "HUMAN_REQUEST_EXPIRED")
    record = http.get(f"/v1/human/requests/{name}").json()
    assert (record["request"]["status"], record["response"]) == ("expired", None)
    listed = http.get("/v1/human/requests", params={"status": "expired", "limit": 500}).json()
    assert name in {request["id"] for request in listed["requests"]}


@pytest.mark.promise("Q29")
def test_questions_are_listed_by_status_and_type_with_the_length_of_the_page(http, name):
    kind = f"kind-{uuid.uuid4()}"
    for number in range(3):
        ask(http, f"{name}-{number}", request_type=kind)
    answer(http, f"{name}-1")
    pending = http.get("/v1/human/requests", params={"status": "pending", "request_type": kind}).json()
    assert [request["id"] for request in pending["requests"]] == [f"{name}-2", f"{name}-0"]
    assert pending["count"] == 2
    paged = http.get("/v1/human/requests", params={"request_type": kind, "limit": 1, "offset": 1}).json()
    assert [request["id"] for request in paged["requests"]] == [f"{name}-1"]
    assert http.get("/v1/human/requests", params={"status": "nonsense"}).status_code == 400


@pytest.mark.promise("Q15")
def test_the_correlation_id_of_the_header_is_kept_with_the_question_and_that_of_the_body_goes_before_it(http, name):
    header = {"X-Correlation-ID": "from-the-header"}
    for body, expected in (({}, "from-the-header"), ({"correlation_id": "from-the-body"}, "from-the-body")):
        asked = {"id": f"{name}-{expected}", "request_type": "input", "prompt": "Well?", **body}
        http.post("/v1/human/requests", json=asked, headers=header).raise_for_status()
        found = http.get("/v1/human/requests", params={"correlation_id": expected, "limit": 500}).json()["requests"]
        assert asked["id"] in {request["id"] for request in found}


@pytest.mark.promise("Q23", "Q36")
def test_questions_and_answers_are_counted_under_the_originals_names(http, name):
    def count(action):
        counters = http.get("/metrics/json").json()["counters"]
        return counters.get("qmcp_hitl_requests_total", {}).get(f'action="{action}",type="review"', 0)

    before = {action: count(action) for action in ("created", "responded")}
    for number in range(3):
        ask(http, f"{name}-{number}", request_type="review")
    answer(http, f"{name}-0")
    assert {action: count(action) - before[action] for action in before} == {"created": 3, "responded": 1}


def test_who_waits_is_told_at_once_and_longer_than_a_quick_call_may_take(http, stack, name):
    ask(http, name)
    told = {}

    def wait():
        with httpx.Client(base_url=stack.edge_url, timeout=90) as client:
            told["answer"] = client.get(f"/v1/human/requests/{name}:wait", params={"timeout_seconds": 60}).json()

    waiting = threading.Thread(target=wait)
    waiting.start()
    until = time.monotonic() + 20
    while "qmcp_hitl_waiters" in http.get("/metrics").text and time.monotonic() < until:
        if any(
            line.startswith("qmcp_hitl_waiters{") and float(line.rpartition(" ")[2]) >= 1
            for line in http.get("/metrics").text.splitlines()
        ):
            break
        time.sleep(0.05)
    assert waiting.is_alive()
    answer(http, name)
    waiting.join(30)
    assert not waiting.is_alive(), "the wait was to last 60 s: it is woken, not over"
    assert told["answer"]["done"]
    assert told["answer"]["requests"][0]["response"]["response"] == "approve"


def test_a_watch_shows_what_happens_and_goes_on_where_it_stopped(http, stack, name):
    kinds = []
    seen = ""
    with http.stream("GET", "/v1/human/requests:watch", params={"id": name}) as events:
        assert events.headers["content-type"] == "text/event-stream"
        for event in sse.parse(events.iter_lines()):
            if event.comment == "heartbeat":
                # It is there from now on.
                with httpx.Client(base_url=stack.edge_url, timeout=60) as other:
                    ask(other, name)
                continue
            kinds.append(event.data["kind"])
            seen = event.id
            break
    answer(http, name)
    # As EventSource comes back: with the id of the last event in a header.
    again = {"Last-Event-ID": seen}
    with http.stream("GET", "/v1/human/requests:watch", params={"id": name}, headers=again) as events:
        kinds.append(next(event.data["kind"] for event in sse.parse(events.iter_lines()) if event.data))
    assert kinds == ["created", "decided"]


def test_an_id_that_no_event_has_cannot_be_resumed_from(http):
    refused = http.get("/v1/human/requests:watch", headers={"Last-Event-ID": "yesterday"})
    assert (refused.status_code, reason(refused)) == (400, "INVALID_REQUEST")


async def test_reflection_names_every_service_and_describes_its_methods(stack):
    async with grpc.aio.insecure_channel(stack.grpc_target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
        ]
        listed, described = [answer async for answer in stub.ServerReflectionInfo(iter(asked))]
    names = {service.name for service in listed.list_services_response.service}
    assert {"qmcp.tools.v1.ToolsService", "qmcp.access.v1.AccessService", SERVICE} <= names
    assert b"WaitForResponse" in described.file_descriptor_response.file_descriptor_proto[0]


def test_grpcurl_asks_and_answers_without_knowing_the_contract(stack, name):
    grpcurl = shutil.which("grpcurl") or shutil.which("grpcurl", path=Path.home() / "go" / "bin")
    if grpcurl is None:
        pytest.skip("NOT TESTED: grpcurl is not installed (go install github.com/fullstorydev/grpcurl/cmd/grpcurl)")

    def call(method, **fields):
        line = [grpcurl, "-plaintext", "-d", json.dumps(fields), stack.grpc_target, f"{SERVICE}/{method}"]
        return json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)

    assert call("CreateHumanRequest", id=name, request_type="input", prompt="Well?")["status"] == "pending"
    assert call("CreateHumanResponse", request_id=name, response="yes")["decides"]


def test_a_request_is_claimed_commented_on_and_cancelled_by_its_verbs(http, name):
    ask(http, name)
    assert http.post(f"/v1/human/requests/{name}:claim", json={}).json()["claimed_by"] == "local"
    assert http.post(f"/v1/human/requests/{name}:comment", json={"comment": "Hm."}).status_code == 200
    cancelled = http.post(f"/v1/human/requests/{name}:cancel", json={"reason": "Not needed."})
    assert (cancelled.json()["status"], cancelled.json()["cancel_reason"]) == ("cancelled", "Not needed.")
    late = answer(http, name)
    assert (late.status_code, reason(late)) == (410, "HUMAN_REQUEST_CANCELLED")


def test_whoever_asks_needs_a_key_with_the_permission(guarded, name):
    with httpx.Client(base_url=guarded.edge_url, timeout=60) as http:
        nobody = ask(http, name)
        assert (nobody.status_code, reason(nobody)) == (401, "UNAUTHENTICATED")
        admin = {"x-api-key": guarded.admin_key}
        keys = {
            role: http.post("/v1/keys", json={"owner": f"the-{role}", "roles": [role]}, headers=admin).json()["api_key"]
            for role in ("agent", "human", "reader")
        }
        http.headers["x-api-key"] = keys["agent"]
        assert ask(http, name).status_code == 201
        refused = answer(http, name)
        assert (refused.status_code, reason(refused)) == (403, "PERMISSION_DENIED")
        http.headers["x-api-key"] = keys["human"]
        assert ask(http, f"{name}-2").status_code == 403
        given = answer(http, name, responded_by="somebody-else")
        assert given.json()["responded_by"] == "the-human", "the verified principal stands"
        http.headers["x-api-key"] = keys["reader"]
        assert http.get(f"/v1/human/requests/{name}").json()["request"]["requester"] == "the-agent"


def test_an_approval_is_between_who_wants_it_and_who_gives_it_and_to_all_others_as_if_it_were_not(guarded, name):
    admin = {"x-api-key": guarded.admin_key}
    tool = {"http": {"url": "https://api.example.com/"}, "approval": {"mode": "always"}}
    with httpx.Client(base_url=guarded.edge_url, timeout=60) as http:
        ada, bob, anna = (
            {"x-api-key": http.post("/v1/keys", json={"owner": who, "roles": [role]}, headers=admin).json()["api_key"]}
            for who, role in ((f"ada-{name}", "agent"), (f"bob-{name}", "agent"), (f"anna-{name}", "human"))
        )
        assert http.put(f"/v1/tools/{name}", json=tool, headers=admin).status_code == 201
        begun = http.post(f"/v1/tools/{name}:invoke", json={"input": {"secret": name}}, headers=ada)
        assert begun.json()["status"] == "awaiting_approval"
        invocation, question = begun.json()["id"], begun.json()["approval"]["human_request_id"]
        give_up = time.monotonic() + 60
        while name not in (asked := http.get("/v1/human/requests", headers=anna).text):
            assert time.monotonic() < give_up, asked
            time.sleep(0.1)
        of_ada = [
            ("GET", f"/v1/invocations/{invocation}"),
            ("GET", f"/v1/invocations/{invocation}:watch"),
            ("POST", f"/v1/invocations/{invocation}:cancel"),
            ("GET", f"/v1/receipts/{invocation}"),
            ("GET", f"/v1/human/requests/{question}"),
            ("GET", f"/v1/human/requests/{question}:wait"),
            ("GET", f"/v1/human/requests/{question}/events"),
            ("POST", f"/v1/human/requests/{question}:cancel"),
        ]
        for method, path in of_ada:
            seen = http.request(method, path, headers=bob, json={} if method == "POST" else None)
            assert seen.status_code == 404, (path, seen.text)
        for path in ("/v1/invocations", "/v1/invocations:summary", "/v1/invocations:export", "/v1/human/requests"):
            assert name not in http.get(path, headers=bob).text
            assert name in http.get(path, headers=ada).text or path == "/v1/invocations:summary"
        http.headers.update(anna)
        assert answer(http, question, "reject").status_code == 201
        while (ended := http.get(f"/v1/invocations/{invocation}", headers=ada).json())["status"] != "rejected":
            assert time.monotonic() < give_up, ended
            time.sleep(0.1)
        # By its id, for whoever has decided on it.
        assert http.get(f"/v1/invocations/{invocation}").json()["status"] == "rejected"
