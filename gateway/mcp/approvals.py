"""The human request behind an invocation, as a form for the caller's own user: where it is theirs to answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import grpc
import grpc.aio
from google.protobuf import json_format, struct_pb2
from mcp_types import ElicitRequest, ElicitRequestFormParams
from qmcp.hitl.v1 import request_pb2
from qmcp.hitl.v1.hitl_service_pb2 import CreateHumanResponseRequest, GetHumanRequestRequest
from qmcp.hitl.v1.hitl_service_pb2_grpc import HitlServiceStub
from qmcp.tools.v1 import invocation_pb2

from gateway.mcp import failures
from gateway.mcp.callers import Caller
from gateway.mcp.channels import Channels
from gateway.mcp.documents import whole
from gateway.mcp.failures import Failure

SERVICE = "hitl"
SEE, ANSWER = "hitl.read", "hitl.respond"
# Whom services see where nobody is asked who they are.
KEYLESS = "local"
# By this name the form is asked and answered.
KEY = "approval"
# What one decides on must be there to read; what is longer is for the request itself.
MAX_SHOWN = 4_096
# The invocation knows the id of its request before there is one.
LOOK_AGAIN_SECONDS = 0.1
# Another decided, or it is too late: the invocation says what came of it.
DECIDED = frozenset({"ALREADY_RESPONDED", "HUMAN_REQUEST_EXPIRED", "HUMAN_REQUEST_CANCELLED"})
FORM = {
    "type": "object",
    "properties": {
        "confirm": {"type": "boolean", "title": "Approve", "description": "Whether it may run as shown."},
        "comment": {"type": "string", "title": "Comment", "maxLength": 8192},
    },
    "required": ["confirm"],
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user made of the form."""

    approves: bool
    comment: str = ""


class UnreadableError(Exception):
    """What came back is no answer to the form."""


class Approvals:
    """The hitl service, asked and answered in the name of a caller."""

    def __init__(self, channels: Channels, *, seconds: float) -> None:
        """`seconds`: how long a call may take, and how long a request may be on its way."""
        self._channels = channels
        self._seconds = seconds

    @property
    def _stub(self) -> Any:
        return self._channels.stub(SERVICE, HitlServiceStub)

    async def form(self, caller: Caller, invocation: invocation_pb2.Invocation, *, wait: bool) -> ElicitRequest | None:
        """The question, or None where it is not the caller's to answer; `wait`: until it is asked."""
        if not (caller.may(SEE) and caller.may(ANSWER)):
            return None
        with anyio.move_on_after(self._seconds if wait else None):
            while True:
                try:
                    request = await self._request(caller, invocation.approval.human_request_id)
                except grpc.aio.AioRpcError as error:
                    if error.code() != grpc.StatusCode.NOT_FOUND:
                        return None
                else:
                    return _form(request) if _is_asked(caller, request) else None
                if not wait:
                    return None
                await anyio.sleep(LOOK_AGAIN_SECONDS)
        return None

    async def _request(self, caller: Caller, request_id: str) -> request_pb2.HumanRequest:
        answer = await self._stub.GetHumanRequest(
            GetHumanRequestRequest(id=request_id), metadata=caller.metadata, timeout=self._seconds
        )
        found: request_pb2.HumanRequest = answer.request
        return found

    async def give(self, caller: Caller, invocation: invocation_pb2.Invocation, answer: Answer) -> Failure | None:
        """Answers with the caller's own credential; why hitl refused, where it did."""
        request = CreateHumanResponseRequest(
            human_request_id=invocation.approval.human_request_id,
            response=struct_pb2.Value(string_value="approve" if answer.approves else "reject"),
            comment=answer.comment,
        )
        try:
            await self._stub.CreateHumanResponse(request, metadata=caller.metadata, timeout=self._seconds)
        except grpc.aio.AioRpcError as error:
            failure = failures.of(error)
            return None if failure.reason in DECIDED else failure
        return None


def _is_asked(caller: Caller, request: request_pb2.HumanRequest) -> bool:
    """Whether hitl would take their answer; it judges again when it is given."""
    name = caller.principal or KEYLESS
    named = not (request.assignees or request.groups) or name in request.assignees
    among = named or not caller.roles.isdisjoint(request.groups)
    return request.status == "pending" and among and not (request.four_eyes and request.requester == name)


def _form(request: request_pb2.HumanRequest) -> ElicitRequest | None:
    proposed = (
        json.loads(request.proposed_arguments_json)
        if request.proposed_arguments_json
        else whole(json_format.MessageToDict(request.proposed_arguments))
    )
    shown = f"{request.prompt}\n{json.dumps(proposed, ensure_ascii=False, indent=2)}"
    if len(shown) > MAX_SHOWN:
        return None
    return ElicitRequest(params=ElicitRequestFormParams(message=shown, requested_schema=FORM))


def read(response: Any) -> Answer | None:
    """What came back for the form; None where the user closed it undecided.

    Raises:
        UnreadableError: where it is no answer to it.
    """
    said = response.model_dump() if hasattr(response, "model_dump") else response
    action = said.get("action") if isinstance(said, Mapping) else None
    if action == "cancel":
        return None
    if action == "decline":
        return Answer(approves=False)
    content = said.get("content") if action == "accept" else None
    confirm = content.get("confirm") if isinstance(content, Mapping) else None
    comment = content.get("comment") if isinstance(content, Mapping) else None
    if not isinstance(confirm, bool) or not isinstance(comment, str | None):
        raise UnreadableError
    return Answer(confirm, comment or "")
