"""Interviews over HTTP through Envoy and from the command line: no model, no network beyond this machine."""

from typing import Any

import httpx
import pytest

from tests.client.command import qmcp
from tests.questioning.forms import FILLED, SAID, SUPPLIER
from tests.questioning.test_information_gain import ANIMALS
from tests.stack import Stack


@pytest.fixture
def http(stack: Stack) -> Any:
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        yield http


def test_an_interview_over_http_fills_a_schema_of_twelve_fields_and_revises(http: httpx.Client) -> None:
    begun = http.post("/v1/conversations", json={"goal": {"schema": SUPPLIER}, "user_id": "http"})
    assert begun.status_code == 201
    conversation = begun.json()["id"]
    asked = http.post("/v1/questions:generate", json={"conversation_id": conversation, "question_count": 1}).json()
    questions, number = asked["questions"], 0
    while questions:
        answer = {"question_id": questions[0]["id"], "answer": SAID[questions[0]["id"]]}
        step = http.post(f"/v1/conversations/{conversation}:answer", json={"answers": [answer]}).json()
        questions, number = step["questions"], number + 1
    assert (number, step["conversation"]["stopped"], step["conversation"]["result"]) == (12, "complete", FILLED)
    changed = {"answer": {"question_id": "/kind", "answer": "goods"}}
    revised = http.post(f"/v1/conversations/{conversation}:revise", json=changed).json()
    assert revised["questions"] == []
    assert "tags" not in revised["conversation"]["result"]
    explained = http.get(f"/v1/conversations/{conversation}:explain", params={"question_id": "/country"}).json()
    assert explained["question"]["reason"] == "It decides what else is needed."
    refused = http.post(
        f"/v1/conversations/{conversation}:answer", json={"answers": [{"question_id": "/nothing", "answer": "x"}]}
    )
    assert (refused.status_code, refused.json()["details"][0]["reason"]) == (404, "QUESTION_NOT_FOUND")


def test_the_originals_routes_take_its_requests_and_answer_in_its_form(http: httpx.Client) -> None:
    request = {
        "user_id": "u1",
        "context": "A move to new offices",
        "previous_messages": [],
        "metadata": {"source": "test"},
        "conversation_id": None,
        "auto_follow_up": False,
    }
    initial = http.post("/mcp-internal/question", json=request).json()
    assert [each["question_number"] for each in initial["questions"]] == [1, 2, 3, 4, 5]
    assert initial["questions"][0]["metadata"].keys() == {"importance", "information_to_look_for"}
    fields = (
        "current_question",
        "conversation_id",
        "session_id",
        "current_question_number",
        "total_questions_in_batch",
    )
    assert all(initial[name] for name in (*fields, "total_questions_estimated", "next_batch_needed", "metadata"))
    said = [
        {"role": "assistant", "content": initial["questions"][0]["question_text"], "timestamp": "2027-01-01T00:00:00"},
        {"role": "user", "content": "More light for everybody"},
    ]
    on = {"conversation_id": initial["conversation_id"], "previous_messages": said, "auto_follow_up": True}
    follow = http.post("/mcp-internal/question/follow-up", json=on).json()
    assert follow["metadata"]["question_type"] == "follow_up"
    assert "goals" not in {each["id"] for each in follow["questions"]}
    assert http.post("/mcp-internal/question/follow-up", json={"context": "x"}).status_code == 400
    automatic = http.post("/mcp-internal/question/automatic", json={"context": "x", "max_rounds": 2}).json()
    assert automatic["total_questions"] == len(automatic["all_questions_combined"]) == 7
    assert automatic["follow_up_questions"]["questions"]
    documented = http.post("/mcp/sequential-questioning", json={"context": "A move"}).json()
    assert documented["question"] == documented["current_question"]
    assert {"generation_time", "tokens_used", "similar_contexts"} <= documented["metadata"].keys()


def test_the_command_asks_here_and_now_and_keeps_the_result_apart_from_the_questions(stack: Stack) -> None:
    env = {**stack.env, "QMCP_URL": stack.edge_url}
    ended = qmcp(
        "interview", "start", "--schema", "-", "--no-ask", env=env, stdin=httpx.Response(200, json=SUPPLIER).text
    )
    conversation = ended.out.strip()
    asked = qmcp("interview", "resume", conversation, env=env, stdin="nowhere\nGermany\n")
    # Nobody answers any more; what was said is kept.
    assert asked.code != 0
    assert "Germany, France" in asked.err
    shown = qmcp("interview", "show", conversation, "--json", env=env).json
    assert shown["conversation"]["result"]["country"] == "Germany"
    assert conversation in qmcp("interview", "list", "--json", env=env).out
    assert qmcp("interview", "bank", "lint", "-", env=env, stdin=httpx.Response(200, json=ANIMALS).text).code == 0


def test_a_bank_is_saved_asked_by_taught_and_accepted_from_the_command_line(stack: Stack) -> None:
    env = {**stack.env, "QMCP_URL": stack.edge_url}
    bank = httpx.Response(200, json={**ANIMALS, "name": "by-command"}).text
    saved = qmcp("interview", "bank", "save", "-", "--json", env=env, stdin=bank).json
    begun = qmcp("interview", "start", "--bank-name", "by-command", "--no-ask", env=env).out.strip()
    assert qmcp("interview", "resume", begun, env=env, stdin="yes\nyes\nyes\n").code == 0
    started = qmcp("interview", "show", begun, "--json", env=env).json["conversation"]
    assert (started["bank_version"], started["stopped"]) == (1, "certain")
    learned = qmcp("interview", "bank", "learn", saved["id"], "--weight", "5", "--json", env=env).json
    assert (learned["status"], learned["interviews"]) == ("proposed", 1)
    assert qmcp("interview", "bank", "accept", learned["id"], env=env).out.split()[1:] == [
        "by-command",
        "2",
        "accepted",
    ]
    assert "likelihood" in qmcp("interview", "bank", "show", learned["id"], env=env).out
    listed = qmcp("interview", "bank", "list", "by-command", "--json", env=env).json
    assert [each["version"] for each in listed] == [2, 1]
    assert qmcp("interview", "bank", "delete", learned["id"], env=env).code == 0
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        assert http.get(f"/v1/banks/{learned['id']}").status_code == 404
        assert http.get("/v1/banks", params={"name": "by-command"}).json()["banks"][0]["version"] == 1
