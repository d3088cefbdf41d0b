"""The services that documents calls: access knows its callers; hitl and questioning ask people; tasks gives leases."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import grpc.aio
import orjson
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2
from qmcp.questioning.v1 import conversation_pb2, questioning_service_pb2, questioning_service_pb2_grpc
from qmcp.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc

from servicekit.channels import channel
from servicekit.identity.remote_resolver import RemoteKeyResolver, own_key, remote_key_resolver
from servicekit.json_values import document, fill_struct, plain
from servicekit.leased_work import Leases, remote_leases
from servicekit.settings import ServiceSettings
from servicekit.waiting import waiting_for
from services.documents.models import VALUES, Decision, Interviewed, OpenInterview, OpenRequest

SECONDS = 10.0
# As many values are named to people in a sentence; the form has all of them.
MAX_NAMED = 20
# The same call again will get the same answer.
FINAL = {
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.OUT_OF_RANGE,
}
# What whoever started a run must still have when people answer.
RUN = "documents.run"

Message = TypeVar("Message")


def access(settings: ServiceSettings) -> AbstractAsyncContextManager[RemoteKeyResolver]:
    """Who may call documents."""
    return remote_key_resolver(settings, "documents", access_service_pb2_grpc.AccessServiceStub, access_service_pb2)


def leases(settings: ServiceSettings, address: str) -> AbstractAsyncContextManager[Leases]:
    """Who says whether callers hold the leases of tasks that they name."""
    return remote_leases(settings, address, "tasks", tasks_service_pb2_grpc.TasksServiceStub, tasks_service_pb2)


class PeerAwayError(Exception):
    """A service does not answer now, or not to us: worth another try later."""


class PeerRefusedError(Exception):
    """A service has refused for good."""


class Hitl:
    """Human requests. Every method raises PeerAwayError and PeerRefusedError."""

    def __init__(self, stub: "hitl_service_pb2_grpc.HitlServiceAsyncStub | None", key: str) -> None:
        """Takes the stub, None where no address is set, and the key to ask with, empty where none is needed."""
        self._stub = stub
        self._metadata = (("x-api-key", key),) if key else ()

    async def ask(self, asked: OpenRequest) -> None:
        """Asks, once however often it is called."""
        people, values = asked.people, asked.kind == VALUES
        request = hitl_service_pb2.CreateHumanRequestRequest(
            id=asked.id,
            request_type="input" if values else "approval",
            prompt=_prompt(asked),
            options=[] if values else ["approve", "reject"],
            context=_struct(_context(asked)),
            response_schema=_struct(asked.schema) if values else None,
            timeout_seconds=people.timeout_seconds or None,
            correlation_id=asked.correlation_id,
            assignees=people.assignees,
            groups=people.groups,
            tags=["document"],
            # Nobody says of their own document that it is good; what it lacks they may know.
            four_eyes=people.four_eyes and not values,
            on_behalf_of=asked.principal,
            on_behalf_of_reference=asked.reference,
            on_behalf_of_permission=RUN if asked.reference else "",
            binding=True,
        )
        # It may have been asked before, by whoever was killed before that was noted, and have ended since.
        call = self._reached().CreateHumanRequest(request, timeout=SECONDS, metadata=self._metadata)
        with waiting_for("the hitl service"):
            await _answer(call, StatusCode.ALREADY_EXISTS)

    async def wait(self, ids: Sequence[str], seconds: int) -> list[Decision]:
        """How these stand, as soon as one has ended or the time is over."""
        request = hitl_service_pb2.WaitForResponseRequest(ids=ids, mode="any", timeout_seconds=seconds)
        call = self._reached().WaitForResponse(request, timeout=seconds + SECONDS, metadata=self._metadata)
        with waiting_for("the hitl service"):
            found = await _answer(call)
        return [_decision(each) for each in found.requests]

    def _reached(self) -> "hitl_service_pb2_grpc.HitlServiceAsyncStub":
        if self._stub is None:
            raise PeerAwayError("QMCP_HITL_ADDRESS is not set")
        return self._stub


class Questioning:
    """Interviews. Every method raises PeerAwayError and PeerRefusedError."""

    def __init__(self, stub: "questioning_service_pb2_grpc.QuestioningServiceAsyncStub | None", key: str) -> None:
        """As Hitl."""
        self._stub = stub
        self._metadata = (("x-api-key", key),) if key else ()

    async def begin(self, wanted: OpenInterview) -> str:
        """Begins one, once however often it is called within a day; gives the id of the conversation."""
        lacking = ", ".join(wanted.schema["required"][:MAX_NAMED])
        request = questioning_service_pb2.CreateConversationRequest(
            topic=f"Values for a document ({wanted.skill})",
            context=f"A document ({wanted.skill}) lacks {lacking}.",
            goal=conversation_pb2.Goal(schema=_struct(wanted.schema)),
            metadata={"document_run_id": wanted.run_id},
            on_behalf_of=wanted.principal,
            idempotency_key=f"document-run-{wanted.run_id}",
        )
        begun = await self._answered(self._reached().CreateConversation, request, wanted.correlation_id)
        return str(begun.id)

    async def statuses(self, ids: Sequence[str]) -> dict[str, str]:
        """How these stand, at most 100; those that there are not any more are not there."""
        request = questioning_service_pb2.ListConversationsRequest(ids=ids, page_size=len(ids))
        found = await self._answered(self._reached().ListConversations, request)
        return {each.id: each.status for each in found.conversations}

    async def result(self, conversation_id: str) -> Interviewed:
        """What came of one."""
        request = questioning_service_pb2.GetConversationRequest(id=conversation_id)
        found = await self._answered(self._reached().GetConversation, request)
        values = orjson.loads(found.result_json) if found.result_json else document(found.result, "result")
        return Interviewed(found.id, found.status, values, found.updated_at.ToJsonString())

    def _reached(self) -> "questioning_service_pb2_grpc.QuestioningServiceAsyncStub":
        if self._stub is None:
            raise PeerAwayError("QMCP_QUESTIONING_ADDRESS is not set")
        return self._stub

    async def _answered(self, method: Any, request: Any, correlation_id: str = "") -> Any:
        told = (("x-correlation-id", correlation_id),) if correlation_id else ()
        with waiting_for("the questioning service"):
            return await _answer(method(request, timeout=SECONDS, metadata=(*self._metadata, *told)))


async def _answer(call: Awaitable[Any], done: StatusCode = StatusCode.OK) -> Any:
    """What a call is answered; None where it ends with the code by which it is done."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if error.code() is done:
            return None
        what = f"{error.code().name}: {error.details()}"
        if error.code() in FINAL:
            raise PeerRefusedError(what) from None
        raise PeerAwayError(what) from None


@asynccontextmanager
async def hitl(settings: ServiceSettings, address: str) -> AsyncIterator[Hitl]:
    """Who asks people. Nothing is opened before the first is asked.

    Raises:
        SystemExit: when callers are checked and the key to ask with cannot be read.
    """
    async with _reaching(settings, address) as opened:
        yield Hitl(hitl_service_pb2_grpc.HitlServiceStub(opened) if opened else None, own_key(settings))


@asynccontextmanager
async def questioning(settings: ServiceSettings, address: str) -> AsyncIterator[Questioning]:
    """Who interviews; raises as `hitl`."""
    async with _reaching(settings, address) as opened:
        stub = questioning_service_pb2_grpc.QuestioningServiceStub(opened) if opened else None
        yield Questioning(stub, own_key(settings))


@asynccontextmanager
async def _reaching(settings: ServiceSettings, address: str) -> AsyncIterator[grpc.aio.Channel | None]:
    if not address:
        yield None
        return
    async with channel(address, settings.certificates()) as opened:
        yield opened


def _prompt(asked: OpenRequest) -> str:
    if asked.kind == VALUES:
        more = f" and {len(asked.fields) - MAX_NAMED} more" if len(asked.fields) > MAX_NAMED else ""
        return f"A document ({asked.skill}) lacks {', '.join(asked.fields[:MAX_NAMED])}{more}. What shall stand there?"
    return f"May the document ({asked.skill}) that {asked.principal} has had made be given out?"


def _context(asked: OpenRequest) -> dict[str, Any]:
    of_both = {"run_id": asked.run_id, "skill": asked.skill, "template_sha256": asked.template_sha256}
    if asked.kind == VALUES:
        return of_both
    return {**of_both, "document_sha256": asked.document_sha256, "exit_code": asked.exit_code}


def _struct(values: Mapping[str, Any]) -> Struct:
    struct = Struct()
    fill_struct(struct, values)
    return struct


def _decision(request: request_pb2.HumanRequest) -> Decision:
    if request.status != "responded":
        return Decision(request.id, request.status)
    said = request.response
    response = orjson.loads(said.response_json) if said.response_json else plain(said.response, "response")
    return Decision(request.id, request.status, response, said.responded_by, said.created_at.ToJsonString())
