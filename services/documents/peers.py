"""The services that documents calls: access, which knows its callers; hitl, which asks people; tasks, for leases."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import grpc.aio
import orjson
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from qmcp.access.v1 import access_service_pb2, access_service_pb2_grpc
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2
from qmcp.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc

from servicekit.channels import channel
from servicekit.identity.remote_resolver import RemoteKeyResolver, own_key, remote_key_resolver
from servicekit.json_values import fill_struct, plain
from servicekit.leased_work import Leases, remote_leases
from servicekit.settings import ServiceSettings
from servicekit.waiting import waiting_for
from services.documents.models import VALUES, Decision, OpenRequest

SECONDS = 10.0
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


class HitlAwayError(Exception):
    """hitl does not answer now, or not to us: worth another try later."""


class HitlRefusedError(Exception):
    """hitl has refused for good."""


class Hitl:
    """Human requests. Every method raises HitlAwayError and HitlRefusedError."""

    def __init__(self, stub: "hitl_service_pb2_grpc.HitlServiceAsyncStub | None", key: str) -> None:
        """Takes the stub, None where no address is set, and the key to ask with, empty where none is needed."""
        self._stub = stub
        self._metadata = (("x-api-key", key),) if key else ()

    async def ask(self, asked: OpenRequest, schema: Mapping[str, Any]) -> None:
        """Asks, once however often it is called.

        Args:
            asked: about which run, and whom.
            schema: of the answer, where values are missing.
        """
        people, values = asked.people, asked.kind == VALUES
        request = hitl_service_pb2.CreateHumanRequestRequest(
            id=asked.id,
            request_type="input" if values else "approval",
            prompt=_prompt(asked),
            options=[] if values else ["approve", "reject"],
            context=_struct(_context(asked)),
            response_schema=_struct(schema) if values else None,
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
        await self._answered(self._reached().CreateHumanRequest, request, SECONDS, StatusCode.ALREADY_EXISTS)

    async def wait(self, ids: Sequence[str], seconds: int) -> list[Decision]:
        """How these stand, as soon as one has ended or the time is over."""
        request = hitl_service_pb2.WaitForResponseRequest(ids=ids, mode="any", timeout_seconds=seconds)
        found = await self._answered(self._reached().WaitForResponse, request, seconds + SECONDS)
        return [_decision(each) for each in found.requests]

    def _reached(self) -> "hitl_service_pb2_grpc.HitlServiceAsyncStub":
        if self._stub is None:
            raise HitlAwayError("QMCP_HITL_ADDRESS is not set")
        return self._stub

    async def _answered(self, method: Any, request: Any, seconds: float, done: StatusCode = StatusCode.OK) -> Any:
        call: Awaitable[Any] = method(request, timeout=seconds, metadata=self._metadata)
        try:
            with waiting_for("the hitl service"):
                return await call
        except grpc.aio.AioRpcError as error:
            if error.code() is done:
                return None
            what = f"{error.code().name}: {error.details()}"
            if error.code() in FINAL:
                raise HitlRefusedError(what) from None
            raise HitlAwayError(what) from None


@asynccontextmanager
async def hitl(settings: ServiceSettings, address: str) -> AsyncIterator[Hitl]:
    """Who asks people. Nothing is opened before the first is asked.

    Raises:
        SystemExit: when callers are checked and the key to ask with cannot be read.
    """
    key = own_key(settings)
    if not address:
        yield Hitl(None, key)
        return
    async with channel(address, settings.certificates()) as opened:
        yield Hitl(hitl_service_pb2_grpc.HitlServiceStub(opened), key)


def _prompt(asked: OpenRequest) -> str:
    if asked.kind == VALUES:
        return f"A document ({asked.skill}) lacks {', '.join(asked.fields)}. What shall stand there?"
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
