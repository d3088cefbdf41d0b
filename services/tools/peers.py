"""The services that tools calls: access, which knows who calls; hitl, which asks humans; tasks, which gives leases."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC
from typing import Any, TypeVar, cast

import grpc.aio
import orjson
from google.protobuf.struct_pb2 import Struct, Value
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import StatusCode
from grpc_status import rpc_status
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2
from qmcp.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc

from servicekit.channels import channel
from servicekit.deep_json import put
from servicekit.identity.remote_resolver import RemoteKeyResolver, own_key, remote_key_resolver
from servicekit.json_values import document, fill_struct
from servicekit.leased_work import Leases, remote_leases
from servicekit.settings import ServiceSettings
from servicekit.waiting import waiting_for
from services.tools.models import INVOKE, Answer, ApprovalRequest, GrantTerms, Json

SECONDS = 10.0
# The same call again will get the same answer.
FINAL = {
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.OUT_OF_RANGE,
}
REPEATED = "HUMAN_REQUEST_REPEATED"
REJECT = "reject"
APPROVE = "approve"
# Who may make grants.
ADMIN = "tools.admin"

Message = TypeVar("Message")


def access(settings: ServiceSettings) -> AbstractAsyncContextManager[RemoteKeyResolver]:
    """Who may call tools."""
    return remote_key_resolver(settings, "tools", access_service_pb2_grpc.AccessServiceStub, access_service_pb2)


def leases(settings: ServiceSettings, address: str) -> AbstractAsyncContextManager[Leases]:
    """Who says whether callers hold the leases of tasks that they name."""
    return remote_leases(settings, address, "tasks", tasks_service_pb2_grpc.TasksServiceStub, tasks_service_pb2)


class HitlAwayError(Exception):
    """hitl does not answer now, or not to us: worth another try later."""


class HitlRefusedError(Exception):
    """hitl has refused for good; `reason` is one of its error_reason.proto."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Hitl:
    """Human requests. Every method raises HitlAwayError and HitlRefusedError."""

    def __init__(self, stub: "hitl_service_pb2_grpc.HitlServiceAsyncStub | None", key: str) -> None:
        """Takes the stub, None where no address is set, and the key to ask with, empty where none is needed."""
        self._stub = stub
        self._metadata = (("x-api-key", key),) if key else ()

    async def ask(self, asked: ApprovalRequest) -> Answer:
        """Asks, once however often it is called, and says how it stands."""
        policy = asked.policy
        request = hitl_service_pb2.CreateHumanRequestRequest(
            id=asked.id,
            request_type="approval",
            prompt=asked.prompt,
            options=[APPROVE, REJECT],
            timeout_seconds=policy.timeout_seconds or None,
            correlation_id=asked.correlation_id,
            assignees=policy.assignees,
            groups=policy.groups,
            tags=["tool-approval"],
            four_eyes=policy.four_eyes,
            on_behalf_of=asked.principal,
            on_behalf_of_reference=asked.reference,
            on_behalf_of_permission=INVOKE if asked.reference else "",
            # Whoever is asked first must not be able to hand the decision to somebody whom the policy does not name.
            binding=True,
            tool=request_pb2.ToolSubject(name=asked.tool.name, tags=asked.tool.tags, labels=asked.tool.labels),
        )
        put(request, "context", asked.context)
        put(request, "proposed_arguments", asked.arguments)
        if asked.arguments_schema is not None:
            put(request, "arguments_schema", asked.arguments_schema)
        if policy.required <= 1:
            # Where several must agree, one of them does not do without the others later.
            request.grant_offer.response, request.grant_offer.permission = APPROVE, ADMIN
            if asked.proposed is not None:
                request.grant_offer.proposed.CopyFrom(_proposed(asked))
        else:
            request.quorum.CopyFrom(request_pb2.Quorum(required=policy.required, veto=REJECT))
        call = self._reached().CreateHumanRequest(request, timeout=SECONDS, metadata=self._metadata)
        try:
            return _answer(await _answered(call))
        except HitlRefusedError as refused:
            if refused.reason != REPEATED:
                raise
        # It was asked before, by whoever was killed before that was noted, and has been answered since.
        [answer] = await self.wait([asked.id], 1)
        return answer

    async def wait(self, ids: Sequence[str], seconds: int) -> list[Answer]:
        """How these stand, as soon as one has ended or the time is over."""
        request = hitl_service_pb2.WaitForResponseRequest(ids=ids, mode="any", timeout_seconds=seconds)
        call = self._reached().WaitForResponse(request, timeout=seconds + SECONDS, metadata=self._metadata)
        return [_answer(found) for found in (await _answered(call)).requests]

    async def withdraw(self, human_request_id: str, reason: str) -> None:
        """Takes one back."""
        request = hitl_service_pb2.CancelHumanRequestRequest(id=human_request_id, reason=reason)
        await _answered(self._reached().CancelHumanRequest(request, timeout=SECONDS, metadata=self._metadata))

    def _reached(self) -> "hitl_service_pb2_grpc.HitlServiceAsyncStub":
        if self._stub is None:
            raise HitlAwayError("QMCP_HITL_ADDRESS is not set")
        return self._stub


@asynccontextmanager
async def hitl(settings: ServiceSettings, address: str) -> AsyncIterator[Hitl]:
    """Who asks humans. Nothing is opened before the first asked.

    Raises:
        SystemExit: when callers are checked and the key to ask with cannot be read.
    """
    key = own_key(settings)
    if not address:
        yield Hitl(None, key)
        return
    async with channel(address, settings.certificates()) as opened:
        yield Hitl(hitl_service_pb2_grpc.HitlServiceStub(opened), key)


async def _answered(call: Awaitable[Message]) -> Message:
    try:
        with waiting_for("the hitl service"):
            return await call
    except grpc.aio.AioRpcError as error:
        reason = _reason(error)
        if error.code() in FINAL or reason == "NOT_REQUESTER":
            raise HitlRefusedError(reason or error.code().name, error.details() or "") from None
        raise HitlAwayError(f"{error.code().name}: {error.details()}") from None


def _reason(error: grpc.aio.AioRpcError) -> str:
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # What stands between us and hitl may answer with less than a status.
        return ""
    info = ErrorInfo()
    return next((info.reason for detail in (status.details if status else ()) if detail.Unpack(info)), "")


def _answer(request: request_pb2.HumanRequest) -> Answer:
    if request.status != "responded":
        return Answer(
            human_request_id=request.id,
            status=cast("Any", request.status),
            ended_at=request.ended_at.ToDatetime(tzinfo=UTC) if request.HasField("ended_at") else None,
            comment=request.cancel_reason,
        )
    decisive = request.response
    said = decisive.response.string_value
    others = [vote for vote in request.votes if vote.response.string_value == said and vote.id != decisive.id]
    return Answer(
        human_request_id=request.id,
        status="responded",
        response=said,
        answered_by=tuple(dict.fromkeys(vote.responded_by for vote in (*others, decisive))),
        ended_at=decisive.created_at.ToDatetime(tzinfo=UTC),
        comment=decisive.comment,
        edited=tuple(_edited(vote) for vote in (*others, decisive)),
        grant=_grant(decisive.grant) if decisive.HasField("grant") else None,
    )


def _grant(message: request_pb2.ResponseGrant) -> GrantTerms:
    return GrantTerms(
        tools=tuple(message.tools),
        arguments=document(message.arguments, "grant.arguments") if message.HasField("arguments") else None,
        uses=message.uses if message.HasField("uses") else None,
        expires_at=message.expires_at.ToDatetime(tzinfo=UTC),
        any_version=message.any_version,
        reason=message.reason,
    )


def _edited(vote: request_pb2.HumanResponse) -> dict[str, Json] | None:
    if vote.edited_arguments_json:
        edited: dict[str, Json] = orjson.loads(vote.edited_arguments_json)
        return edited
    return _python_struct(vote.edited_arguments) if vote.HasField("edited_arguments") else None


def _python_struct(struct: Struct) -> dict[str, Json]:
    return {key: _python(value) for key, value in struct.fields.items()}


def _python(value: Value) -> Json:
    """A Value with all numbers as doubles; whether they are numbers at all the domain finds out."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return _python_struct(value.struct_value)
        case "list_value":
            return [_python(item) for item in value.list_value.values]
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)


def _proposed(asked: ApprovalRequest) -> request_pb2.ProposedGrant:
    assert asked.proposed is not None
    message = request_pb2.ProposedGrant(
        tools=[asked.tool.name],
        principal=asked.principal,
        uses=asked.proposed.uses,
        duration_seconds=asked.proposed.duration_seconds,
        approvals=asked.proposed.approvals,
    )
    fill_struct(message.arguments, asked.proposed.arguments)
    return message
