"""Runs that ask people: for values that a task lacks and for the approval of a release, over restarts of each service."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from qmcp.client import Client
from qmcp.client.documents.models import RunPeople
from qmcp.client.errors import NotFoundError
from qmcp.documents.v1 import documents_service_pb2 as pb
from qmcp.documents.v1 import documents_service_pb2_grpc, run_pb2

from servicekit.json_values import fill_struct
from tests.contract.running import refusal
from tests.documents.forms import PAYLOAD, entries, template, texts
from tests.documents.service import Replica, replica
from tests.faults.processes import Replica as Process
from tests.stack import Server, Stack
from tests.tools.fake_hitl import FakeHitl
from tests.wire import query, until

BOTH = template("【MEETING_TITLE】 by 【ORGANIZER】", "【ATTENDEES】")
LACKING = {name: value for name, value in PAYLOAD.items() if name != "organizer"}


@pytest.fixture
async def hitl() -> AsyncIterator[FakeHitl]:
    made = FakeHitl()
    async with made.open():
        yield made


async def started(running: Replica, payload: dict[str, Any] | None = None, **people: Any) -> str:
    request = ParseDict({"payload": payload or LACKING, "people": people}, pb.StartRunRequest(template=BOTH))
    return str((await running.stub.StartRun(request)).id)


async def stands(running: Replica, run_id: str, *statuses: str) -> run_pb2.Run:
    """The run, as soon as it stands so."""

    async def found() -> run_pb2.Run | None:
        run = await running.stub.GetRun(run_pb2.GetRunRequest(id=run_id))
        return run if run.status in statuses else None

    run: run_pb2.Run = await until(found)
    return run


async def said(hitl: FakeHitl, request_id: str, response: Any, by: str = "anna") -> Any:
    """Answers what is asked under this id, once it is; gives what was asked."""

    async def asked() -> Any:
        return hitl.asked.get(request_id)

    wanted = await until(asked)
    request = hitl.requests[request_id]
    vote = request.votes.add(id="a", human_request_id=request_id, responded_by=by, decides=True)
    if isinstance(response, str):
        vote.response.string_value = response
    else:
        fill_struct(vote.response.struct_value, response)
    vote.created_at.FromJsonString("2026-01-01T00:00:00Z")
    request.response.CopyFrom(vote)
    await hitl.end(request_id, "responded")
    return wanted


async def archive_of(running: Replica, run_id: str) -> bytes | str:
    try:
        call = running.stub.DownloadRun(run_pb2.DownloadRunRequest(id=run_id))
        return b"".join([each.data async for each in call])
    except grpc.aio.AioRpcError as error:
        return refusal(error).reason


async def test_a_run_asks_for_what_is_missing_and_is_done_with_the_answer_over_restarts_of_both_services(
    postgres: Server,
) -> None:
    hitl = FakeHitl()
    async with postgres.database("documents") as url:
        # hitl is away as the run begins, and documents is not there as the answer is given.
        async with replica(url, hitl_address=hitl.address) as running:
            run_id = await started(running, ask_missing=True, groups=["human"], timeout_seconds=600)
            waiting = await stands(running, run_id, "waiting")
            assert (waiting.human_request_id, hitl.asked) == (f"document-run-{run_id}-values", {})
            async with hitl.open():
                await until(lambda: asked(hitl, waiting.human_request_id))
        wanted = await said(hitl, waiting.human_request_id, {"organizer": "Grace"})
        assert (list(wanted.groups), wanted.timeout_seconds, wanted.on_behalf_of) == (["human"], 600, "local")
        assert "organizer" in wanted.prompt
        schema = wanted.response_schema
        assert list(schema["required"]) == ["organizer"]
        async with hitl.open(), replica(url, hitl_address=hitl.address) as running:
            done = await stands(running, run_id, "completed", "failed")
            assert (done.outcome, done.human_request_id) == ("ok", "")
            archive = await archive_of(running, run_id)
            assert isinstance(archive, bytes)
            found = entries(archive)
            assert texts(found["out.docx"])[0] == "Quarter by Grace"
            manifest = json.loads(found["manifest.json"])
            assert {each["source"] for each in manifest["sources"]} == {
                *("/payload/meeting_title", "/answers/organizer"),
            }
            assert manifest["answers"]["organizer"] == {
                "human_request_id": waiting.human_request_id,
                "answered_by": "anna",
                "answered_at": "2026-01-01T00:00:00Z",
                "value_sha256": hashlib.sha256(b"Grace").hexdigest(),
            }
            assert len(hitl.asked) == 1
        assert await query(url, "SELECT run_id FROM run_inputs") == []


async def test_a_jinja_run_that_waits_asks_by_its_contract_and_goes_on_where_kill_9_ended_its_service(
    postgres: Server, hitl: FakeHitl, tmp_path: Path
) -> None:
    offer = template(
        "{{ customer.name }}, {{ customer.city }}: {{ total - 1 }}", "{% for i in items %}{{ i }} {% endfor %}"
    )
    body = {
        "payload": {"customer": {"city": "Rome"}},
        "options": {"skill": "jinja_template"},
        "people": {"ask_missing": True},
    }
    settings = {"hitl_address": hitl.address, "auth": "off", "allow_keyless": True}
    async with postgres.database("documents") as url:
        process = Process(tmp_path, "documents", url, settings)
        await process.start()
        try:
            async with grpc.aio.insecure_channel(process.target) as channel:
                stub = documents_service_pb2_grpc.DocumentsServiceStub(channel)
                run_id = (await stub.StartRun(ParseDict(body, pb.StartRunRequest(template=offer)))).id
                await until(lambda: asked(hitl, f"document-run-{run_id}-values"))
        finally:
            process.kill()
        answer = {"customer.name": "Grace", "total": 43, "items": ["Desk", "Lamp"]}
        wanted = await said(hitl, f"document-run-{run_id}-values", answer)
        schema = MessageToDict(wanted.response_schema)
        assert schema["required"] == ["customer.name", "total", "items"]
        assert schema["properties"]["total"]["type"] == "number"
        assert schema["properties"]["items"]["type"] == "array"
        async with replica(url, hitl_address=hitl.address) as running:
            done = await stands(running, run_id, "completed", "failed")
            archive = await archive_of(running, run_id)
        assert (done.outcome, len(hitl.asked), isinstance(archive, bytes)) == ("ok", 1, True)
        assert isinstance(archive, bytes)
        found = entries(archive)
        assert texts(found["out.docx"]) == ["Grace, Rome: 42", "Desk Lamp "]
        manifest = json.loads(found["manifest.json"])
        assert {each["source"] for each in manifest["sources"]} == {
            *("/answers/customer.name", "/payload/customer/city", "", "/answers/items/0", "/answers/items/1"),
        }
        assert set(manifest["answers"]) == {"customer.name", "total", "items"}


async def asked(hitl: FakeHitl, request_id: str) -> bool:
    return request_id in hitl.asked


async def test_what_is_rendered_is_held_back_until_its_release_is_approved_and_goes_where_it_is_not(
    postgres: Server, hitl: FakeHitl
) -> None:
    async with (
        postgres.database("documents") as url,
        replica(url, hitl_address=hitl.address) as running,
        replica(url, hitl_address=hitl.address) as other,
    ):
        full: dict[str, Any] = {"payload": PAYLOAD, "approve_release": True, "four_eyes": True, "assignees": ["anna"]}
        approved, rejected, expired = [await started(running, **full) for _ in range(3)]
        for run_id in (approved, rejected, expired):
            held = await stands(other, run_id, "held")
            assert (held.exit_code, held.human_request_id) == (0, f"document-run-{run_id}-release")
            assert await archive_of(running, run_id) == "RUN_NOT_RELEASED"
        wanted = await said(hitl, f"document-run-{approved}-release", "approve")
        assert (list(wanted.options), wanted.four_eyes, wanted.binding) == (["approve", "reject"], True, True)
        assert wanted.context["document_sha256"] == held.document_sha256
        await said(hitl, f"document-run-{rejected}-release", "reject")
        await until(lambda: asked(hitl, f"document-run-{expired}-release"))
        await hitl.end(f"document-run-{expired}-release", "expired")
        assert (await stands(running, approved, "completed")).outcome == "ok"
        assert isinstance(await archive_of(running, approved), bytes)
        for run_id, code in ((rejected, "RELEASE_REJECTED"), (expired, "HUMAN_REQUEST_EXPIRED")):
            ended = await stands(running, run_id, "failed")
            assert (ended.outcome, ended.error_code, ended.archive_bytes) == ("not_released", code, 0)
            assert await archive_of(running, run_id) == "ARCHIVE_NOT_FOUND"
        assert await query(url, "SELECT DISTINCT run_id::text FROM run_archives") == [(approved,)]


async def test_a_run_that_nobody_answers_fails_and_one_that_lacks_nothing_asks_nobody(
    postgres: Server, hitl: FakeHitl
) -> None:
    async with postgres.database("documents") as url, replica(url, hitl_address=hitl.address) as running:
        run_id = await started(running, ask_missing=True)
        waiting = await stands(running, run_id, "waiting")
        await until(lambda: asked(hitl, waiting.human_request_id))
        await hitl.end(waiting.human_request_id, "cancelled")
        ended = await stands(running, run_id, "failed")
        assert (ended.outcome, ended.error_code) == ("unanswered", "HUMAN_REQUEST_CANCELLED")
        whole = await started(running, payload=PAYLOAD, ask_missing=True)
        assert (await stands(running, whole, "completed")).outcome == "ok"
        hitl.refuse = grpc.StatusCode.INVALID_ARGUMENT
        refused = await started(running, ask_missing=True)
        assert (await stands(running, refused, "failed")).error_code == "HUMAN_REQUEST_REFUSED"
        assert len(hitl.asked) == 1
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await started(running)
        assert refusal(error.value).reason == "INVALID_ARGUMENT"


def test_a_question_is_answered_over_http_and_the_run_goes_on(stack: Stack) -> None:
    body = {"template": base64.b64encode(BOTH).decode(), "payload": LACKING, "people": {"ask_missing": True}}
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        run = http.post("/v1/documents/runs", json=body).json()

        def event(status: str) -> dict[str, Any]:
            with http.stream("GET", f"/v1/documents/runs/{run['id']}:watch") as lines:
                for line in lines.iter_lines():
                    if line.startswith("data:") and f'"status":"{status}"' in line.replace(" ", ""):
                        return dict(json.loads(line[5:])["run"])
            raise AssertionError(status)

        waiting = event("waiting")
        answer = {"request_id": waiting["human_request_id"], "response": {"organizer": "Grace"}, "responded_by": "anna"}
        for _ in range(1000):
            answered = http.post("/v1/human/responses", json=answer)
            if answered.status_code != 404:
                break
        assert answered.status_code == 201, answered.text
        assert event("completed")["outcome"] == "ok"
        kept = http.get(f"/v1/documents/runs/{run['id']}:download")
        assert texts(entries(kept.content)["out.docx"])[0] == "Quarter by Grace"
        assert json.loads(entries(kept.content)["manifest.json"])["answers"]["organizer"]["answered_by"]


def test_a_caller_with_a_key_asks_people_by_the_services_own_key_and_the_manifest_names_who_answered(
    guarded: Stack,
) -> None:
    def key(role: str) -> str:
        with Client(guarded.edge_url, api_key=guarded.admin_key) as admin:
            return admin.create_key(f"{role}-{uuid.uuid4()}", roles=[role]).api_key

    people = RunPeople(ask_missing=True, approve_release=True, groups=("human",), four_eyes=True)
    with (
        Client(guarded.edge_url, api_key=key("agent")) as agent,
        Client(guarded.edge_url, api_key=key("human")) as human,
    ):
        run_id = agent.start_document_run(BOTH, LACKING, people=people).id

        def answered(status: str, response: Any) -> str:
            for _ in range(2000):
                run = agent.get_document_run(run_id)
                if run.status == status:
                    try:
                        return human.submit_human_response(run.human_request_id, response).responded_by
                    except NotFoundError:
                        # It waits, and has not been asked yet.
                        pass
                assert run.status != "failed", run
                time.sleep(0.03)
            raise AssertionError(run)

        who = answered("waiting", {"organizer": "Grace"})
        answered("held", "approve")
        for _ in range(2000):
            if agent.get_document_run(run_id).status == "completed":
                break
            time.sleep(0.03)
        found = entries(agent.download_document_run(run_id))
    assert texts(found["out.docx"])[0] == "Quarter by Grace"
    assert json.loads(found["manifest.json"])["answers"]["organizer"]["answered_by"] == who
