"""`qmcp human`, the clients and the original's client against the real system."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from qmcp.client import AsyncClient, Client, ConflictError, InvalidRequestError, NotFoundError
from qmcp.client.compat import MCPClient
from qmcp.client.errors import DeadlineExceededError, RequestExpiredError

from tests.client.command import ROOT, Ended, qmcp
from tests.stack import Stack

Command = Callable[..., Ended]


@pytest.fixture
def command(stack: Stack) -> Command:
    def run(*words: str, **options: Any) -> Ended:
        return qmcp(*words, env={**stack.env, "QMCP_URL": stack.edge_url, **options.pop("env", {})}, **options)

    return run


@pytest.fixture
def name() -> str:
    return f"cli-{uuid.uuid4()}"


@pytest.fixture(params=["edge", "service"])
def target(request: pytest.FixtureRequest, stack: Stack) -> str:
    return stack.grpc_target if request.param == "edge" else stack.target("hitl")


def soon(stack: Stack, name: str, act: Callable[[Client], object]) -> threading.Thread:
    """Does something as soon as the request is there."""

    def do() -> None:
        with Client(stack.grpc_target) as client:
            for event in client.watch_human_requests(after_sequence=0, human_request_id=name, timeout=60):
                if event.kind == "created":
                    act(client)
                    return

    thread = threading.Thread(target=do)
    thread.start()
    return thread


def answer_soon(stack: Stack, name: str, response: str) -> threading.Thread:
    """Answers as soon as the request is there."""
    return soon(stack, name, lambda client: client.submit_human_response(name, response, responded_by="alice"))


def test_a_question_is_asked_waited_for_and_answered_with_edited_arguments(target: str, name: str) -> None:
    with Client(target) as client:
        asked = client.create_human_request(
            "approval", "Scale?", human_request_id=name, options=["yes", "no"], proposed_arguments={"replicas": 2}
        )
        assert (
            client.create_human_request(
                "approval", "Scale?", human_request_id=name, options=["yes", "no"], proposed_arguments={"replicas": 2}
            ).created_at
            == asked.created_at
        )
        with pytest.raises(DeadlineExceededError):
            client.wait_for_human_response(name, timeout=1.2)
        with pytest.raises(InvalidRequestError):
            client.submit_human_response(name, "perhaps")
        client.submit_human_response(name, "yes", edited_arguments={"replicas": 3}, comment="Three.")
        ended = client.wait_for_human_response(name, timeout=30)
        assert ended.response is not None
        assert (ended.response.response, ended.response.comment, ended.arguments) == ("yes", "Three.", {"replicas": 3})
        with pytest.raises(ConflictError):
            client.submit_human_response(name, "no")
        assert name in {each.id for each in client.list_human_requests(status="responded")}
        assert [event.kind for event in client.list_human_request_events(name)] == ["created", "decided"]


async def test_the_async_client_waits_for_many_at_once(stack: Stack, name: str) -> None:
    async with AsyncClient(stack.grpc_target) as client:
        names = [f"{name}-{number}" for number in range(20)]
        await asyncio.gather(*(client.create_human_request("input", "?", human_request_id=each) for each in names))
        waiting = [asyncio.create_task(client.wait_for_human_response(each, timeout=60)) for each in names]
        await asyncio.gather(*(client.submit_human_response(each, each) for each in names))
        ended = await asyncio.gather(*waiting)
        assert [each.response.response for each in ended if each.response] == names


def test_the_command_asks_shows_answers_and_tells_by_its_code(command: Command, name: str) -> None:
    words = ["Deploy?", "--type", "approval", "--option", "yes", "--option", "no", "--id", name]
    asked = command("human", "ask", *words, "--arguments", '{"replicas": 2, "zone": "a"}', "--tag", name)
    assert (asked.code, asked.out) == (0, f"{name}\n")
    assert name in command("human", "list", "--tag", name).out
    assert [each["id"] for each in command("human", "list", "--tag", name, "--json").json] == [name]
    assert "Deploy?" in command("human", "show", name).out
    assert command("human", "claim", name).out == f"{name} is claimed by local.\n"
    assert command("human", "claim", name, "--release").out == f"{name} is free.\n"
    assert command("human", "comment", name, "Looks fine.").code == 0
    wrong = command("human", "answer", name, "perhaps")
    assert (wrong.code, "qmcp human show" in wrong.err) == (2, True)
    given = command("human", "answer", name, "yes", "--edit", "replicas:=3", "--comment", "Three.", "--json")
    assert (given.code, given.json["edited_arguments"]) == (0, {"replicas": 3, "zone": "a"})
    assert command("human", "answer", name, "no").code == 4
    assert command("human", "answer", f"{name}-none", "no").code == 3
    assert command("human", "list", "--tag", name, "--json").json == [], "what is pending, unless --all"
    assert [each["id"] for each in command("human", "list", "--all", "--tag", name, "--json").json] == [name]
    shown = command("human", "show", name, "--history", "--json").json
    assert shown["request"]["response"]["comment"] == "Three."
    assert [event["kind"] for event in shown["events"]] == ["created", "claimed", "released", "commented", "decided"]
    assert command("human", "cancel", name).code == 4


def test_the_command_answers_with_values_and_whole_arguments(command: Command, name: str) -> None:
    command("human", "ask", "How many?", "--id", name, "--arguments", "-", stdin='{"a": 1}')
    clash = command("human", "answer", name, ":3", "--edit", "a=1", "--arguments", "{}")
    assert clash.code == 2
    given = command("human", "answer", name, ':{"count": 3}', "--arguments", '{"b": 2}', "--json").json
    assert (given["response"], given["edited_arguments"]) == ({"count": 3}, {"b": 2})
    assert command("human", "answer", name, ":{oops").code == 2


def test_the_command_waits_for_the_answer_and_prints_it_alone(command: Command, stack: Stack, name: str) -> None:
    answering = answer_soon(stack, name, "go")
    asked = command("human", "ask", "Well?", "--id", name, "--wait", "--timeout", "50")
    answering.join(60)
    assert (asked.code, asked.out) == (0, "go\n"), asked.err
    assert name in asked.err
    again = command("human", "ask", "Well?", "--id", name, "--wait", "--timeout", "20")
    assert (again.code, again.out) == (4, ""), "the same question again, to which the old answer is none"
    assert "has ended" in again.err


def test_the_command_stops_waiting_when_the_question_is_taken_back(command: Command, stack: Stack, name: str) -> None:
    cancelling = soon(stack, name, lambda client: client.cancel_human_request(name, "Not needed."))
    ended = command("human", "ask", "Well?", "--id", name, "--wait", "--timeout", "50")
    cancelling.join(60)
    assert ended.code == 1
    assert "Not needed." in ended.err


def test_the_command_shows_events_as_they_happen(stack: Stack, command: Command, name: str) -> None:
    line = [sys.executable, "-c", "from qmcp.client.cli import main; main()", "human", "watch", "--json"]
    env = {**os.environ, **stack.env, "QMCP_URL": stack.edge_url}
    watching = subprocess.Popen([*line, "--after", "0", "--id", name], env=env, cwd=ROOT, stdout=subprocess.PIPE)
    assert watching.stdout is not None
    try:
        command("human", "ask", "Seen?", "--id", name)
        first = json.loads(watching.stdout.readline())
        assert (first["kind"], first["human_request_id"], first["request"]["prompt"]) == ("created", name, "Seen?")
        command("human", "answer", name, "seen")
        second = json.loads(watching.stdout.readline())
        assert (second["kind"], second["request"]["response"]["response"]) == ("decided", "seen")
        assert second["sequence"] > first["sequence"]
    finally:
        watching.terminate()
        watching.wait(20)
        watching.stdout.close()
    resumed = command("human", "watch", "--after", str(first["sequence"]), "--id", name, "--timeout", "2")
    assert resumed.code == 0, resumed.err
    assert "decided" in resumed.out
    assert "created" not in resumed.out


@pytest.mark.promise("Q13", "Q14", "Q17", "Q29")
def test_the_originals_client_asks_and_answers_as_it_did(stack: Stack, name: str) -> None:
    with MCPClient(stack.edge_url, timeout=30) as client:
        asked = client.create_human_request(
            name, "approval", "Deploy?", options=["approve", "reject"], context={"v": 1}, correlation_id="old1"
        )
        assert set(asked) >= {"id", "request_type", "prompt", "status", "created_at", "expires_at"}
        found = client.get_human_request(name)
        assert found["response"] is None
        assert found["request"] == {
            **asked,
            "options": ["approve", "reject"],
            "context": {"v": 1},
            "timeout_seconds": 3600,
            "correlation_id": "old1",
        }
        with pytest.raises(ConflictError):
            client.create_human_request(name, "approval", "Something else?")
        with pytest.raises(NotFoundError):
            client.get_human_request(f"{name}-none")
        with pytest.raises(InvalidRequestError):
            client.submit_human_response(name, "perhaps")
        with pytest.raises(DeadlineExceededError):
            client.wait_for_human_response(name, poll_interval=1, timeout=1)
        given = client.submit_human_response(name, "approve", responded_by="alice", metadata={"by": "mail"})
        assert set(given) >= {"id", "request_id", "response", "responded_by", "created_at"}
        assert client.wait_for_human_response(name) == {**given, "response_metadata": {"by": "mail"}}
        assert client.get_human_request(name)["response"]["responded_by"] == "alice"
        with pytest.raises(ConflictError):
            client.submit_human_response(name, "reject")


@pytest.mark.promise("Q29")
def test_the_originals_client_asks_for_an_approval_in_one_call(stack: Stack, name: str) -> None:
    answering = answer_soon(stack, name, "reject")
    with MCPClient(stack.edge_url, timeout=30) as client:
        response = client.request_human_approval(name, "Deploy?", timeout_seconds=60)
        answering.join(60)
        assert (response["response"], response["responded_by"]) == ("reject", "alice")
        client.create_human_request(f"{name}-2", "approval", "Deploy?")
        with Client(stack.grpc_target) as other:
            other.cancel_human_request(f"{name}-2")
        with pytest.raises(RequestExpiredError):
            client.wait_for_human_response(f"{name}-2")
        with pytest.raises(RequestExpiredError):
            client.submit_human_response(f"{name}-2", "approve")


def test_lists_tell_that_there_is_more_than_they_show(command: Command, stack: Stack, name: str) -> None:
    with Client(stack.grpc_target) as client:
        for number in range(3):
            client.create_human_request("review", "?", human_request_id=f"{name}-{number}", correlation_id=name)
    few = command("human", "list", "--correlation-id", name, "--limit", "2", "--json")
    assert ([each["id"] for each in few.json], "--limit 4" in few.err) == ([f"{name}-2", f"{name}-1"], True)
    all_of_them = command("human", "list", "--correlation-id", name, "--limit", "3", "--json")
    assert (len(all_of_them.json), all_of_them.err) == (3, "")


def test_the_command_registers_webhooks_and_shows_their_secret_once(command: Command) -> None:
    made = command("human", "webhooks", "create", "https://hooks.example.com/q", "--kind", "decided", "--json")
    assert made.code == 0, made.err
    assert made.json["secret"].startswith("whsec_")
    assert "only time" in made.err
    listed = {each["id"]: each for each in command("human", "webhooks", "list", "--json").json}
    assert (listed[made.json["id"]]["kinds"], listed[made.json["id"]]["secret"]) == (["decided"], "")
    assert "hooks.example.com" in command("human", "webhooks", "list").out
    assert command("human", "webhooks", "create", "http://127.0.0.1:9/").code == 2
    rotated = command("human", "webhooks", "rotate", made.json["id"], "--grace", "60")
    assert rotated.out.startswith("whsec_")
    assert rotated.out.strip() != made.json["secret"]
    assert command("human", "webhooks", "delete", made.json["id"]).code == 0
    assert command("human", "webhooks", "delete", made.json["id"]).code == 3


def test_the_command_lists_deliveries(command: Command, name: str) -> None:
    hook = command("human", "webhooks", "create", "https://hooks.example.com/q", "--type", name[:64], "--json").json
    try:
        command("human", "ask", "Told?", "--type", name[:64], "--id", name)
        [delivery] = command("human", "deliveries", "--webhook", hook["id"], "--json").json
        assert (delivery["human_request_id"], delivery["event_kind"]) == (name, "created")
        assert delivery["url"] == "https://hooks.example.com/q"
        assert name in command("human", "deliveries", "--id", name).out
        assert command("human", "deliveries", "--retry", "00000000-0000-7000-8000-000000000000").code == 3
    finally:
        command("human", "webhooks", "delete", hook["id"])
