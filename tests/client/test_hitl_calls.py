"""What the client does about questions to people: waits and watches that go on, answers, and refusals; sync and async."""

from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from qmcp.client import (
    Client,
    ConflictError,
    DeadlineExceededError,
    ExpiryAction,
    NotFoundError,
    NotPossibleError,
    Quorum,
    RequestExpiredError,
    Retries,
    UnavailableError,
)
from qmcp.hitl.v1 import hitl_service_pb2 as api
from qmcp.hitl.v1 import link_pb2, request_pb2

from tests.client.scripted import Refuse, Scripted

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def asked(**fields: Any) -> request_pb2.HumanRequest:
    given = {"id": "h1", "request_type": "approval", "prompt": "Go?", "status": "pending", **fields}
    return ParseDict(given, request_pb2.HumanRequest())


def answered(**fields: Any) -> request_pb2.HumanRequest:
    response = {"id": "r1", "human_request_id": "h1", "response": "yes", "responded_by": "alice", "decides": True}
    return asked(status="responded", response={**response, **fields}, proposed_arguments={"replicas": 2})


def waited(*requests: request_pb2.HumanRequest, done: bool = True) -> api.WaitForResponseResponse:
    return api.WaitForResponseResponse(done=done, requests=requests)


def event(sequence: int, kind: str = "created", **fields: Any) -> request_pb2.HumanRequestEvent:
    return request_pb2.HumanRequestEvent(sequence=sequence, kind=kind, human_request_id="h1", **fields)


def test_a_question_is_sent_with_all_that_was_said_and_once_whatever_happens(service: Scripted, client: Any) -> None:
    service.answers["CreateHumanRequest"] = [Refuse(UNAVAILABLE), asked()]
    made = client.create_human_request(
        "approval",
        "Go?",
        human_request_id="h1",
        options=["yes", "no"],
        context={"n": 1},
        proposed_arguments={"replicas": 2},
        assignees=["alice"],
        on_expiry=ExpiryAction(action="answer", default_response="no"),
        quorum=Quorum(required=2, veto="no"),
        four_eyes=True,
    )
    assert (made.id, made.ended, made.response) == ("h1", False, None)
    first, second = service.requests
    assert first == second
    assert first.idempotency_key
    assert (first.id, list(first.options), dict(first.context)) == ("h1", ["yes", "no"], {"n": 1})
    assert (first.on_expiry.action, first.on_expiry.default_response.string_value) == ("answer", "no")
    assert (first.quorum.required, first.quorum.veto, first.four_eyes) == (2, "no", True)


def test_an_answer_is_a_value_and_a_retry_of_it_is_known(service: Scripted, client: Any) -> None:
    given = ParseDict({"id": "r1", "response": {"count": 3, "ok": True}}, request_pb2.HumanResponse())
    service.answers["CreateHumanResponse"] = [Refuse(UNAVAILABLE), given]
    response = client.submit_human_response("h1", {"count": 3, "ok": True}, comment="fine", edited_arguments={"n": 2})
    assert response.response == {"count": 3, "ok": True}
    first, second = service.requests
    assert first == second
    assert first.idempotency_key
    assert dict(first.edited_arguments) == {"n": 2}


def test_the_arguments_to_go_on_with_are_the_edited_ones(service: Scripted, client: Any) -> None:
    edited = answered(edited_arguments={"replicas": 3})
    service.answers["GetHumanRequest"] = [
        api.GetHumanRequestResponse(request=answered()),
        api.GetHumanRequestResponse(request=edited),
    ]
    assert client.get_human_request("h1").arguments == {"replicas": 2}
    assert client.get_human_request("h1").arguments == {"replicas": 3}


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.NOT_FOUND, "HUMAN_REQUEST_NOT_FOUND", NotFoundError),
        (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_RESPONDED", ConflictError),
        (grpc.StatusCode.FAILED_PRECONDITION, "HUMAN_REQUEST_EXPIRED", RequestExpiredError),
        (grpc.StatusCode.FAILED_PRECONDITION, "HUMAN_REQUEST_CANCELLED", NotPossibleError),
    ],
)
def test_refused_answers_are_exceptions(
    service: Scripted, client: Any, code: Any, reason: str, kind: type[Exception]
) -> None:
    service.answers["CreateHumanResponse"] = [Refuse(code, reason)]
    with pytest.raises(kind) as caught:
        client.submit_human_response("h1", "yes")
    assert type(caught.value) is kind


def test_a_wait_goes_on_over_polls_cuts_and_restarts_until_it_is_decided(service: Scripted, client: Any) -> None:
    service.answers["WaitForResponse"] = [
        waited(asked(), done=False),
        Refuse(UNAVAILABLE),
        Refuse(grpc.StatusCode.DEADLINE_EXCEEDED),
        waited(answered()),
    ]
    assert client.wait_for_human_response("h1", timeout=30).response.responded_by == "alice"
    assert [list(request.ids) for request in service.requests] == [["h1"]] * 4
    assert all(1 <= request.timeout_seconds <= 30 for request in service.requests)


def test_a_wait_for_several_says_what_it_waits_for(service: Scripted, client: Any) -> None:
    service.answers["WaitForResponse"] = [waited(answered(), asked(id="h2"))]
    found = client.wait_for_human_requests(["h1", "h2"], mode="any")
    assert [request.ended for request in found] == [True, False]
    assert service.requests[0].mode == "any"


def test_a_wait_ends_when_its_time_is_over(service: Scripted, client: Any) -> None:
    service.answers["WaitForResponse"] = [waited(asked(), done=False)] * 20
    with pytest.raises((DeadlineExceededError, UnavailableError)):
        client.wait_for_human_response("h1", timeout=0.4)
    assert 1 <= len(service.requests) < 20


def test_a_wait_for_nothing_fails_at_once(service: Scripted, client: Any) -> None:
    service.answers["WaitForResponse"] = [Refuse(grpc.StatusCode.NOT_FOUND, "HUMAN_REQUEST_NOT_FOUND")]
    with pytest.raises(NotFoundError):
        client.wait_for_human_response("h1")


def test_a_wait_that_nobody_takes_gives_up(service: Scripted, address: str) -> None:
    service.answers["WaitForResponse"] = [Refuse(UNAVAILABLE)] * 9
    with Client(address, retries=Retries(attempts=3)) as client, pytest.raises(UnavailableError):
        client.wait_for_human_response("h1")
    assert len(service.requests) == 3


def test_a_watch_goes_on_from_the_last_event_and_shows_each_once(service: Scripted, address: str) -> None:
    service.answers["WatchHumanRequests"] = [
        [event(7, "heartbeat"), event(8, request=asked()), Refuse(UNAVAILABLE)],
        [event(8), event(9, "claimed"), event(9, "heartbeat", last=True)],
        [event(9, "failed", last=True)],
        [event(10, "decided", request=answered())],
    ]
    seen = []
    with Client(address) as client:
        for each in client.watch_human_requests(kinds=["created"], tag="t"):
            seen.append(each)
            if each.kind == "decided":
                break
    assert [(each.sequence, each.kind) for each in seen] == [(8, "created"), (9, "claimed"), (10, "decided")]
    assert seen[2].request is not None
    assert seen[2].request.responded
    first, *rest = service.requests
    assert not first.HasField("after_sequence"), "from now on"
    assert [request.after_sequence for request in rest] == [8, 9, 9]
    assert all((list(request.kinds), request.tag) == (["created"], "t") for request in service.requests)


def test_a_watch_that_was_cut_before_anything_happened_misses_nothing(service: Scripted, client: Any) -> None:
    service.answers["WatchHumanRequests"] = [[event(41, "heartbeat"), Refuse(UNAVAILABLE)], *[[event(42)]] * 200]
    seen = client.watch_human_requests(timeout=1.5)
    assert [each.sequence for each in seen] == [42]
    assert service.requests[1].after_sequence == 41


def test_a_watch_gives_up_when_nobody_answers(service: Scripted, address: str) -> None:
    service.answers["WatchHumanRequests"] = [[Refuse(UNAVAILABLE)]] * 9
    with Client(address, retries=Retries(attempts=2)) as client, pytest.raises(UnavailableError):
        list(client.watch_human_requests())
    assert len(service.requests) == 2


def test_a_link_is_not_asked_for_twice_since_only_the_first_answer_has_it(service: Scripted, client: Any) -> None:
    service.answers["CreateActionLink"] = [Refuse(UNAVAILABLE), link_pb2.ActionLink(path="/v1/human/links/x")]
    with pytest.raises(UnavailableError):
        client.create_action_link("h1", "alice")
    assert "/links/" not in repr(client.create_action_link("h1", "alice"))
