"""What the client does with each kind of answer, sync and async alike."""

import inspect
import socket
import time
from typing import Any

import grpc
import pytest
from google.api.httpbody_pb2 import HttpBody
from google.rpc import status_pb2
from qmcp.client import (
    AsyncClient,
    Client,
    ConflictError,
    DeadlineExceededError,
    ExportCutOffError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    Retries,
    ToolNotFoundError,
    UnavailableError,
)
from qmcp.tools.v1 import invocation_pb2, tool_pb2
from qmcp.tools.v1 import tools_service_pb2 as api

from tests.client.scripted import Refuse, Scripted

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def ended(**fields: Any) -> invocation_pb2.Invocation:
    return invocation_pb2.Invocation(**{"id": "i1", "tool_name": "echo", "status": "success", **fields})


def event(sequence: int, *, last: bool = False, **fields: Any) -> invocation_pb2.InvocationEvent:
    return invocation_pb2.InvocationEvent(sequence=sequence, last=last, **fields)


def test_values_come_back_plain_with_whole_numbers_as_integers(service: Scripted, client: Any) -> None:
    answer = ended(duration_ms=0)
    answer.result.struct_value.update({"n": 3, "f": 0.5, "l": [1, None, True, "x"], "d": {}})
    service.answers["InvokeTool"] = [answer]
    invocation = client.invoke_tool("echo", {"deep": {"list": [1, 2.5, "x", None, False], "empty": {}}})
    assert invocation.result == {"n": 3, "f": 0.5, "l": [1, None, True, "x"], "d": {}}
    assert type(invocation.result["n"]) is int
    assert invocation.duration_ms == 0
    assert invocation.succeeded
    assert dict(service.requests[0].input)["deep"]["list"][1] == 2.5
    assert service.metadata[0]["x-api-key"] == "k3y"
    assert service.metadata[0]["x-correlation-id"] == "c0ffee00"


def test_a_retry_carries_the_same_request_id_and_two_calls_do_not(service: Scripted, client: Any) -> None:
    service.answers["InvokeTool"] = [Refuse(UNAVAILABLE), Refuse(UNAVAILABLE, "UNAVAILABLE"), ended(), ended()]
    client.invoke_tool("echo")
    client.invoke_tool("echo")
    first, second, third, other = (request.idempotency_key for request in service.requests)
    assert first
    assert first == second == third != other


def test_a_request_id_of_the_caller_is_kept(service: Scripted, client: Any) -> None:
    service.answers["InvokeTool"] = [Refuse(UNAVAILABLE), ended()]
    client.invoke_tool("echo", idempotency_key="mine")
    assert [request.idempotency_key for request in service.requests] == ["mine", "mine"]


def test_a_full_queue_is_waited_for_as_long_as_it_asks(service: Scripted, client: Any) -> None:
    service.answers["InvokeTool"] = [Refuse(EXHAUSTED, "TOOL_BUSY", retry_after=0.3), ended()]
    began = time.monotonic()
    client.invoke_tool("echo")
    assert time.monotonic() - began >= 0.3


def test_exhaustion_without_a_time_to_come_back_is_not_retried(service: Scripted, client: Any) -> None:
    service.answers["InvokeTool"] = [Refuse(EXHAUSTED)]
    with pytest.raises(OverloadedError):
        client.invoke_tool("echo")
    assert len(service.requests) == 1


def test_retries_end_with_the_error_itself(service: Scripted, client: Any) -> None:
    service.answers["GetTool"] = [Refuse(UNAVAILABLE, "UNAVAILABLE")] * 4
    with pytest.raises(UnavailableError) as caught:
        client.get_tool("echo")
    assert len(service.requests) == 4
    assert (caught.value.reason, caught.value.request_id) == ("UNAVAILABLE", "1234abcd")


def test_no_retry_begins_that_the_deadline_would_cut(service: Scripted, client: Any) -> None:
    service.answers["InvokeTool"] = [Refuse(EXHAUSTED, "TOOL_BUSY", retry_after=60), ended()]
    with pytest.raises(OverloadedError):
        client.invoke_tool("echo", timeout=30)
    assert len(service.requests) == 1


def test_what_may_not_be_done_twice_is_not_sent_twice(service: Scripted, client: Any) -> None:
    service.answers["DeleteTool"] = [Refuse(UNAVAILABLE)]
    with pytest.raises(UnavailableError):
        client.delete_tool("echo")
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, "TOOL_NOT_FOUND", ToolNotFoundError),
        (grpc.StatusCode.NOT_FOUND, "INVOCATION_NOT_FOUND", NotFoundError),
        (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", ConflictError),
        (grpc.StatusCode.ABORTED, "ETAG_MISMATCH", ConflictError),
        (grpc.StatusCode.INVALID_ARGUMENT, "ARGUMENTS_INVALID", InvalidRequestError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", DeadlineExceededError),
    ],
)
def test_a_refusal_is_an_exception_with_all_that_was_said(
    service: Scripted, client: Any, code: Any, reason: str, kind: type[Exception]
) -> None:
    service.answers["InvokeTool"] = [Refuse(code, reason, field="input.message")]
    with pytest.raises(kind) as caught:
        client.invoke_tool("echo")
    error: Any = caught.value
    assert type(error) is kind
    assert (error.code, error.reason, error.request_id) == (code.name, reason, "1234abcd")
    assert [(violation.field, violation.description) for violation in error.field_violations] == [
        ("input.message", "is wrong"),
    ]
    assert "input.message" in str(error)


def test_a_list_is_read_to_its_last_page(service: Scripted, client: Any) -> None:
    service.answers["ListTools"] = [
        api.ListToolsResponse(tools=[tool_pb2.Tool(name="a")], next_page_token="p2"),
        api.ListToolsResponse(tools=[tool_pb2.Tool(name="b")]),
    ]
    assert [tool.name for tool in client.list_tools()] == ["a", "b"]
    assert [request.page_token for request in service.requests] == ["", "p2"]


def test_a_limit_is_neither_passed_nor_missed(service: Scripted, client: Any) -> None:
    page = api.ListInvocationsResponse(invocations=[ended(id=str(n)) for n in range(500)], next_page_token="more")
    rest = api.ListInvocationsResponse(invocations=[ended(id="x")], next_page_token="more")
    service.answers["ListInvocations"] = [page, rest]
    assert len(client.list_invocations(501)) == 501
    assert [request.page_size for request in service.requests] == [500, 1]


def test_a_watch_that_is_cut_goes_on_without_gap_or_repetition(service: Scripted, client: Any) -> None:
    progress = invocation_pb2.Progress(progress=1, total=2)
    heartbeat = invocation_pb2.InvocationEvent.Heartbeat()
    again = status_pb2.Status(code=UNAVAILABLE.value[0], message="Shutting down.")
    service.answers["WatchInvocation"] = [
        [event(1, invocation=ended(status="running")), event(1, heartbeat=heartbeat), Refuse(UNAVAILABLE)],
        [event(2, progress=progress)],
        [event(3, last=True, error=again)],
        [event(2, progress=progress), event(3, invocation=ended(), last=True)],
    ]
    seen = list(client.watch_invocation("i1"))
    assert [one.sequence for one in seen] == [1, 2, 3]
    assert seen[1].progress.total == 2
    assert seen[2].invocation.succeeded
    assert [request.after_sequence for request in service.requests] == [0, 1, 2, 2]


def test_a_watch_of_nothing_fails_at_once(service: Scripted, client: Any) -> None:
    service.answers["WatchInvocation"] = [Refuse(grpc.StatusCode.NOT_FOUND, "INVOCATION_NOT_FOUND")]
    with pytest.raises(NotFoundError):
        list(client.watch_invocation("i1"))


def test_a_watch_gives_up_when_nothing_comes_any_more(service: Scripted, address: str) -> None:
    service.answers["WatchInvocation"] = [[]] * 9
    with Client(address, retries=Retries(attempts=2)) as client, pytest.raises(UnavailableError, match="ended before"):
        list(client.watch_invocation("i1"))
    assert len(service.requests) == 2


def test_waiting_returns_the_ended_invocation(service: Scripted, client: Any) -> None:
    service.answers["WatchInvocation"] = [[event(1, invocation=ended(status="failed", error="boom"), last=True)]]
    assert client.wait_for_invocation("i1").error == "boom"


def test_an_export_reads_lines_across_chunks_and_stops_at_its_end(service: Scripted, client: Any) -> None:
    text = b'{"id":"a","result":"\\"done\\"","duration_ms":1}\n{"id":"b","new_field":1}\n{"done":true,"count":2}\n'
    service.answers["ExportInvocations"] = [[HttpBody(data=text[:20]), HttpBody(data=text[20:])]]
    assert [invocation.id for invocation in client.export_invocations()] == ["a", "b"]


def test_an_export_without_its_last_line_is_an_error(service: Scripted, client: Any) -> None:
    service.answers["ExportInvocations"] = [[HttpBody(data=b'{"id":"a"}\n')]]
    with pytest.raises(ExportCutOffError, match="after 1 lines"):
        list(client.export_invocations())


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"a": {"b": [0, 2**60]}}, "a.b[1]"),
        ({"a": float("nan")}, "a"),
        ({"a": object()}, "a"),
        ({"a": {1: 2}}, "a"),
    ],
)
def test_what_json_cannot_hold_is_refused_before_it_is_sent(client: Any, value: Any, named: str) -> None:
    with pytest.raises(ValueError, match="^" + named.replace("[", r"\[")):
        client.invoke_tool("echo", value)


def test_nobody_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with Client(f"127.0.0.1:{taken.getsockname()[1]}") as client, pytest.raises(UnavailableError) as caught:
            client.get_tool("echo")
    assert (caught.value.code, caught.value.reason) == ("UNAVAILABLE", "")


def test_both_clients_have_the_same_methods_and_parameters() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        return {name: list(inspect.signature(method).parameters) for name, method in methods if name[0] != "_"}

    assert public(Client) == public(AsyncClient)
