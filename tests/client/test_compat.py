"""The original's client, as code that was written against it uses it: parameters, answers, errors, waits."""

import copy
import dataclasses
import inspect
import pickle
import threading
import uuid
from collections.abc import Iterator

import httpx
import pytest
import qmcp.client
from qmcp.client import Client, InvalidRequestError, NotFoundError, QmcpError, compat, mcp_client
from qmcp.client.compat import (
    ConflictError,
    HumanRequest,
    HumanResponse,
    MCPClient,
    MCPClientError,
    RequestExpiredError,
    Row,
    ToolDefinition,
    ToolNotFoundError,
    ToolResult,
    WaitTimeoutError,
)

from devstack import ports
from tests.stack import Stack


@pytest.fixture
def client(stack: Stack) -> Iterator[MCPClient]:
    with MCPClient(stack.edge_url, timeout=60) as made:
        yield made


@pytest.fixture
def name() -> str:
    return f"compat-{uuid.uuid4()}"


def parameters(method: str) -> list[str]:
    return list(inspect.signature(getattr(MCPClient, method)).parameters)[1:]


def test_it_is_imported_from_where_it_was() -> None:
    assert qmcp.client.MCPClient is mcp_client.MCPClient is MCPClient
    assert all(getattr(mcp_client, name) is getattr(compat, name) for name in mcp_client.__all__)
    of_package = (
        "MCPClientError",
        "HumanRequestConflictError",
        "HumanRequestExpiredError",
        "HumanRequestNotFoundError",
    )
    assert all(getattr(qmcp.client, name) is getattr(compat, name) for name in of_package)
    assert issubclass(MCPClientError, Exception)
    assert all(issubclass(kind, MCPClientError) for kind in (ToolNotFoundError, RequestExpiredError, ConflictError))


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("__init__", ["base_url", "timeout"]),
        ("invoke_tool", ["tool_name", "input_params", "correlation_id"]),
        (
            "create_human_request",
            ["request_id", "request_type", "prompt", "options", "context", "timeout_seconds", "correlation_id"],
        ),
        ("get_human_request", ["request_id"]),
        ("submit_human_response", ["request_id", "response", "responded_by", "metadata"]),
        ("wait_for_human_response", ["request_id", "poll_interval", "timeout"]),
        ("wait_for_response", ["request_id", "timeout", "poll_interval"]),
        (
            "request_human_approval",
            [
                *("request_id", "prompt", "options", "context", "timeout_seconds"),
                *("poll_interval", "wait_timeout", "correlation_id"),
            ],
        ),
        ("list_invocations", ["tool_name", "status", "limit", "offset"]),
        ("get_invocation", ["invocation_id"]),
    ],
)
def test_its_methods_take_what_they_took(method: str, names: list[str]) -> None:
    assert parameters(method) == names


def test_answers_are_read_by_key_and_by_attribute(client: MCPClient) -> None:
    health = client.health()
    assert health["status"] == health.status == "healthy"
    done = client.invoke_tool("echo", {"message": "hi"})
    assert isinstance(done, ToolResult)
    assert done == {"result": "hi", "error": None, "invocation_id": done.invocation_id}
    row = client.get_invocation(done.invocation_id)
    assert (row.tool_name, row["status"], row.error, row.correlation_id) == ("echo", "success", None, None)
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        _ = row.nothing
    tools = client.list_tools()
    assert all(set(tool) == {"name", "description", "input_schema"} for tool in tools)
    assert {type(tool) for tool in tools} == {ToolDefinition}


def test_answers_are_classes_that_callers_make_for_themselves_too() -> None:
    made = ToolResult("hi", None, "1")
    assert (made, dataclasses.asdict(made)) == ({"result": "hi", "error": None, "invocation_id": "1"}, dict(made))
    assert repr(made) == "ToolResult(result='hi', error=None, invocation_id='1')"
    asked = HumanRequest(id="1", request_type="input", prompt="Well?", status="pending", created_at="now")
    assert (asked.options, asked["context"], asked.expires_at) == (None, None, None)
    asked.status = "responded"
    assert asked["status"] == asked.status == "responded"
    assert copy.deepcopy(asked) == asked == pickle.loads(pickle.dumps(asked))
    assert HumanResponse("1", "2", "yes", None, "now").created_at == "now"
    with pytest.raises(MCPClientError, match=r"^my own sentence$"):
        raise ToolNotFoundError("my own sentence")


def test_what_is_empty_is_sent_as_the_original_sent_it(client: MCPClient, name: str) -> None:
    asked = client.create_human_request(name, "input", "Well?", [], {}, correlation_id="")
    assert (asked.options, asked.context) == (None, None), "the answer to a creation says nothing of them"
    request, response = client.get_human_request(name)
    assert (request.options, request.context, request.correlation_id, response) == (None, {}, None, None)
    assert client.submit_human_response(name, "", "", {}).response == ""
    answered = client.get_human_request(name)
    assert answered[0] is answered["request"] is answered.request
    assert answered["response"].response == client.wait_for_response(name).response == ""
    assert client.list_invocations(tool_name="", status="", limit=1) == client.list_invocations(limit=1)


def test_the_audit_is_listed_by_tool_and_status_and_in_pages(client: MCPClient) -> None:
    made = [client.invoke_tool("planner", {"goal": f"tea {number}"}).invocation_id for number in range(3)]
    listed = client.list_invocations(tool_name="planner", status="success", limit=2)
    assert [row.id for row in listed] == made[:0:-1]
    assert client.list_invocations(tool_name="planner", limit=1, offset=2)[0].id == made[0]
    assert client.list_invocations(tool_name="no-such-tool-ran") == []
    with pytest.raises(InvalidRequestError):
        client.list_invocations(limit=0)


def test_errors_are_of_their_kind_and_of_httpx(client: MCPClient, name: str) -> None:
    with pytest.raises(ToolNotFoundError) as unknown:
        client.invoke_tool("nothing", {})
    assert isinstance(unknown.value, httpx.HTTPStatusError)
    assert unknown.value.response.json()["detail"] == unknown.value.message
    assert "not found" in str(unknown.value)
    with pytest.raises(NotFoundError) as missing:
        client.get_human_request(name)
    assert (missing.value.reason, missing.value.request_id != "") == ("HUMAN_REQUEST_NOT_FOUND", True)
    with pytest.raises(httpx.HTTPStatusError) as refused:
        client.create_human_request(name, "approval", "Deploy?", timeout_seconds=0)
    assert refused.value.response.status_code == 400
    assert refused.value.request.method == "POST"
    with pytest.raises(MCPClientError, match="timeout_seconds"):
        client.create_human_request(name, "approval", "Deploy?", timeout_seconds=5)


def test_who_is_not_there_is_told_as_that() -> None:
    with MCPClient(f"http://127.0.0.1:{ports.free()}", timeout=5) as client:
        with pytest.raises(QmcpError, match="does not answer") as away:
            client.health()
        assert isinstance(away.value, httpx.ConnectError)


@pytest.mark.promise("Q13", "Q14")
def test_a_question_is_asked_and_answered(client: MCPClient, name: str) -> None:
    asked = client.create_human_request(name, "approval", "Deploy?", ["approve", "reject"], {"v": 1}, 120, "work-1")
    assert isinstance(asked, HumanRequest)
    assert (asked.id, asked.status) == (name, "pending")
    before = client.get_human_request(name)
    assert isinstance(before.request, Row)
    assert (before.request.options, before.request.context, before.request.timeout_seconds) == (
        ["approve", "reject"],
        {"v": 1},
        120,
    )
    assert (before.request.correlation_id, before.response) == ("work-1", None)
    with pytest.raises(ConflictError, match="already exists"):
        client.create_human_request(name, "approval", "Another?")
    with pytest.raises(InvalidRequestError, match="must be one of"):
        client.submit_human_response(name, "perhaps")
    given = client.submit_human_response(name, "approve", "ann", {"from": "mail"})
    assert isinstance(given, HumanResponse)
    assert (given.request_id, given.response, given.responded_by) == (name, "approve", "ann")
    after = client.get_human_request(name)
    assert (after.request.status, after.response.response_metadata) == ("responded", {"from": "mail"})
    with pytest.raises(ConflictError, match="already been responded to"):
        client.submit_human_response(name, "reject")
    with pytest.raises(ConflictError, match="has ended"):
        client.create_human_request(name, "approval", "Deploy?", ["approve", "reject"], {"v": 1}, 120, "work-1")


def test_what_was_not_said_is_none(client: MCPClient, name: str) -> None:
    client.create_human_request(name, "input", "Well?")
    assert client.submit_human_response(name, "yes").responded_by is None
    found = client.get_human_request(name)
    assert (found.request.options, found.request.correlation_id, found.request.context) == (None, None, {})
    assert (found.response.responded_by, found.response.response_metadata) == (None, {})


@pytest.mark.parametrize("poll_interval", [0.05, 1, 5.0, 1000])
def test_a_wait_finds_an_answer_that_was_there_and_one_that_comes(
    client: MCPClient, stack: Stack, name: str, poll_interval: float
) -> None:
    client.create_human_request(name, "input", "Well?")
    with pytest.raises(TimeoutError) as late:
        client.wait_for_human_response(name, poll_interval=poll_interval, timeout=0.2)
    assert isinstance(late.value, WaitTimeoutError)
    told: list[HumanResponse] = []
    waiting = threading.Thread(target=lambda: told.append(client.wait_for_human_response(name, poll_interval)))
    waiting.start()
    with MCPClient(stack.edge_url, timeout=60) as other:
        given = other.submit_human_response(name, "yes")
    waiting.join(60)
    assert [each.id for each in told] == [given.id]
    assert client.wait_for_human_response(name).id == given.id


@pytest.mark.parametrize("poll_interval", [0.05, 30])
def test_a_wait_ends_when_the_question_is_cancelled(
    client: MCPClient, stack: Stack, name: str, poll_interval: float
) -> None:
    client.create_human_request(name, "approval", "Deploy?")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            client.wait_for_human_response(name, poll_interval)
        except QmcpError as error:
            ended.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    with Client(stack.grpc_target) as other:
        other.cancel_human_request(name)
    waiting.join(60)
    assert [type(each).__name__ for each in ended] == ["RequestExpiredError"]
    with pytest.raises(RequestExpiredError, match="is cancelled"):
        client.wait_for_human_response(name)
    with pytest.raises(RequestExpiredError):
        client.submit_human_response(name, "approve")


def test_an_approval_is_asked_for_and_waited_for_in_one_call(client: MCPClient, name: str) -> None:
    with pytest.raises(WaitTimeoutError):
        client.request_human_approval(name, "Deploy?", timeout_seconds=60, poll_interval=0.1, wait_timeout=0.3)
    client.submit_human_response(name, "approve")
    with pytest.raises(ConflictError, match="has ended"):
        # The answer to the last deployment is none to this one.
        client.request_human_approval(name, "Deploy?", timeout_seconds=60)
