"""Runs whose missing values are asked for in an interview, over kill -9 of each service."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from qmcp.client import Client
from qmcp.client.documents.models import RunPeople
from qmcp.documents.v1 import documents_service_pb2 as pb
from qmcp.documents.v1 import documents_service_pb2_grpc, run_pb2
from qmcp.questioning.v1 import questioning_service_pb2, questioning_service_pb2_grpc

from tests.contract.running import refusal
from tests.documents.forms import PAYLOAD, entries, template, texts
from tests.documents.service import Replica, replica
from tests.documents.test_people import archive_of, stands
from tests.faults.processes import Replica as Process
from tests.stack import Server, Stack
from tests.wire import until

OFFER = template("{{ customer.name }}, {{ customer.city }}: {{ total - 1 }}")
BOTH = template("【MEETING_TITLE】 by 【ORGANIZER】")
LACKING = {name: value for name, value in PAYLOAD.items() if name != "organizer"}
OPEN = {"auth": "off", "allow_keyless": True}


def request(document: bytes = OFFER, **fields: Any) -> pb.StartRunRequest:
    body = {
        "payload": {"customer": {"city": "Rome"}},
        "options": {"skill": "jinja_template"},
        "people": {"ask_missing": True, "ask_by": "interview"},
        **fields,
    }
    return ParseDict(body, pb.StartRunRequest(template=document))


async def interview_of(stub: documents_service_pb2_grpc.DocumentsServiceStub, run_id: str) -> str:
    """The conversation that a run waits for, as soon as it has begun."""

    async def begun() -> str:
        run = await stub.GetRun(run_pb2.GetRunRequest(id=run_id))
        assert run.status in {"pending", "running", "waiting"}, run
        assert run.human_request_id == ""
        return str(run.conversation_id)

    return str(await until(begun))


async def answer(target: str, conversation_id: str, question_id: str, said: Any, **how: str) -> dict[str, Any]:
    body = {"conversation_id": conversation_id, "answers": [{"question_id": question_id, "answer": said, **how}]}
    async with grpc.aio.insecure_channel(target) as channel:
        stub = questioning_service_pb2_grpc.QuestioningServiceStub(channel)
        step = await stub.AnswerQuestions(ParseDict(body, questioning_service_pb2.AnswerQuestionsRequest()))
    return dict(MessageToDict(step.conversation, preserving_proto_field_name=True))


async def test_an_interview_is_held_over_kill_9_of_either_service_and_the_run_goes_on_with_what_came_of_it(
    postgres: Server, tmp_path: Path
) -> None:
    async with postgres.database("documents") as url, postgres.database("questioning") as theirs:
        questioning = Process(tmp_path, "questioning", theirs, OPEN)
        documents = Process(tmp_path, "documents", url, {**OPEN, "questioning_address": questioning.target})
        try:
            await asyncio.gather(questioning.start(), documents.start())
            async with grpc.aio.insecure_channel(documents.target) as channel:
                stub = documents_service_pb2_grpc.DocumentsServiceStub(channel)
                run_id = (await stub.StartRun(request())).id
                conversation = await interview_of(stub, run_id)
            documents.kill()
            step = await answer(questioning.target, conversation, "/customer.name", "Grace")
            assert (step["owner"], step["status"], step["engine"]) == ("local", "open", "schema")
            questioning.kill()
            await questioning.start()
            assert (await answer(questioning.target, conversation, "/total", "43"))["status"] == "done"
            async with replica(url, questioning_address=questioning.target) as running:
                done = await stands(running, run_id, "completed", "failed")
                archive = await archive_of(running, run_id)
                await _ends_otherwise(running, url, questioning.target)
        finally:
            documents.kill()
            questioning.kill()
    assert (done.outcome, done.conversation_id) == ("ok", "")
    assert isinstance(archive, bytes)
    found = entries(archive)
    assert texts(found["out.docx"]) == ["Grace, Rome: 42"]
    manifest = json.loads(found["manifest.json"])
    assert set(manifest["answers"]) == {"customer.name", "total"}
    assert manifest["answers"]["total"]["conversation_id"] == conversation
    assert manifest["answers"]["total"]["answered_by"] == "local"
    assert "human_request_id" not in manifest["answers"]["total"]


async def _ends_otherwise(running: Replica, url: str, target: str) -> None:
    """An interview that is closed, one that goes on for too long, and one of which nothing is known."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await running.stub.StartRun(request(people={"approve_release": True, "ask_by": "interview"}))
    assert refusal(refused.value).reason == "INVALID_ARGUMENT"
    placeholders = {"payload": LACKING, "options": {"skill": "meeting_notice"}}
    closed, late, unknown = [(await running.stub.StartRun(request(BOTH, **placeholders))).id for _ in range(3)]
    conversations = {each: await interview_of(running.stub, each) for each in (closed, late, unknown)}
    async with grpc.aio.insecure_channel(target) as channel:
        stub = questioning_service_pb2_grpc.QuestioningServiceStub(channel)
        await stub.CloseConversation(questioning_service_pb2.CloseConversationRequest(id=conversations[closed]))
        every = questioning_service_pb2.ListConversationsRequest(ids=list(conversations.values()))
        assert {each.id for each in (await stub.ListConversations(every)).conversations} == {*conversations.values()}
        one = questioning_service_pb2.ListConversationsRequest(ids=[conversations[late], "nobody"])
        assert [each.id for each in (await stub.ListConversations(one)).conversations] == [conversations[late]]
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE run_interviews SET until = now() WHERE run_id = $1", uuid.UUID(late))
    await connection.close()
    await answer(target, conversations[unknown], "/organizer", "I don't know")
    for run_id, code in ((closed, "INTERVIEW_CLOSED"), (late, "INTERVIEW_EXPIRED")):
        ended = await stands(running, run_id, "failed", "completed")
        assert (ended.outcome, ended.error_code) == ("unanswered", code)
    # Asked once, whatever was said.
    assert (await stands(running, unknown, "completed", "failed")).outcome == "missing_required"


def test_an_agent_is_given_its_own_interview_and_may_begin_none_in_the_name_of_another(guarded: Stack) -> None:
    with Client(guarded.edge_url, api_key=guarded.admin_key) as admin:
        key = admin.create_key(f"agent-{uuid.uuid4()}", roles=["agent"]).api_key
    with Client(guarded.edge_url, api_key=key) as agent:
        people = RunPeople(ask_missing=True, ask_by="interview")
        run_id = agent.start_document_run(BOTH, LACKING, people=people).id
        with httpx.Client(base_url=guarded.edge_url, timeout=60, headers={"x-api-key": key}) as http:

            def state(status: str) -> dict[str, Any]:
                with http.stream("GET", f"/v1/documents/runs/{run_id}:watch") as lines:
                    runs = (json.loads(line[5:])["run"] for line in lines.iter_lines() if line.startswith("data:"))
                    for run in runs:
                        if run["status"] == status and (status != "waiting" or run["conversation_id"]):
                            return dict(run)
                raise AssertionError(status)

            conversation = state("waiting")["conversation_id"]
            body = {"answers": [{"question_id": "/organizer", "answer": "Grace"}]}
            assert http.post(f"/v1/conversations/{conversation}:answer", json=body).status_code == 200
            assert state("completed")["outcome"] == "ok"
            denied = http.post("/v1/conversations", json={"on_behalf_of": "somebody"})
        found = entries(agent.download_document_run(run_id))
    assert (denied.status_code, denied.json()["details"][0]["reason"]) == (403, "PERMISSION_DENIED")
    assert texts(found["out.docx"]) == ["Quarter by Grace"]
