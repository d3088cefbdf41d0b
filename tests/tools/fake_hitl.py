"""A stand-in for hitl: a servicer of the generated base class that does what the proto says, and people who answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import protovalidate
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2

from devstack import ports
from servicekit.deep_json import put

pb = hitl_service_pb2


class FakeHitl(hitl_service_pb2_grpc.HitlServiceServicer):
    """Keeps requests as long as it lives, whether it is served or not."""

    def __init__(self) -> None:
        self.port = ports.free()
        self.requests: dict[str, request_pb2.HumanRequest] = {}
        # As they came in: body by id, and every call with its key.
        self.asked: dict[str, pb.CreateHumanRequestRequest] = {}
        self.calls: list[tuple[str, str]] = []
        self.waited_for: list[list[str]] = []
        self.withdrawn: list[str] = []
        self._changed = asyncio.Condition()
        # What the next CreateHumanRequest ends with.
        self.refuse: grpc.StatusCode | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        hitl_service_pb2_grpc.add_HitlServiceServicer_to_server(self, server)
        server.add_insecure_port(self.address)
        await server.start()
        try:
            yield
        finally:
            await server.stop(None)

    # What the service does.

    async def CreateHumanRequest(self, request: Any, context: Any) -> Any:
        self._called("CreateHumanRequest", context)
        protovalidate.validate(request)
        if self.refuse is not None:
            await refuse(context, self.refuse, "REFUSED_HERE")
        standing = self.asked.get(request.id)
        if standing is not None:
            if standing != request:
                await refuse(context, grpc.StatusCode.ALREADY_EXISTS, "HUMAN_REQUEST_EXISTS")
            if self.requests[request.id].status != "pending":
                await refuse(context, grpc.StatusCode.ALREADY_EXISTS, "HUMAN_REQUEST_REPEATED")
            return self.requests[request.id]
        self.asked[request.id] = request
        made = request_pb2.HumanRequest(
            id=request.id,
            status="pending",
            options=request.options,
            requester=request.on_behalf_of,
            proposed_arguments=request.proposed_arguments,
            quorum=request.quorum if request.HasField("quorum") else None,
        )
        self.requests[request.id] = made
        await self._tell()
        return made

    async def WaitForResponse(self, request: Any, context: Any) -> Any:
        self._called("WaitForResponse", context)
        protovalidate.validate(request)
        self.waited_for.append(list(request.ids))
        if any(identity not in self.requests for identity in request.ids):
            await refuse(context, grpc.StatusCode.NOT_FOUND, "HUMAN_REQUEST_NOT_FOUND")
        done = False
        try:
            async with asyncio.timeout(request.timeout_seconds), self._changed:
                await self._changed.wait_for(
                    lambda: any(self.requests[identity].status != "pending" for identity in request.ids)
                )
                done = True
        except TimeoutError:
            pass
        return pb.WaitForResponseResponse(done=done, requests=[self.requests[identity] for identity in request.ids])

    async def CancelHumanRequest(self, request: Any, context: Any) -> Any:
        self._called("CancelHumanRequest", context)
        protovalidate.validate(request)
        standing = self.requests.get(request.id)
        if standing is None:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "HUMAN_REQUEST_NOT_FOUND")
        if standing.status != "pending":
            await refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "HUMAN_REQUEST_ENDED")
        self.withdrawn.append(request.id)
        await self.end(request.id, "cancelled", request.reason)
        return standing

    # What people do.

    async def asked_about(self, invocation_id: str, seconds: float = 15) -> pb.CreateHumanRequestRequest:
        """The question about an invocation, once it has been asked."""
        identity = f"invocation-{invocation_id}"
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: identity in self.asked)
        return self.asked[identity]

    async def answer(
        self,
        invocation_id: str,
        response: str,
        by: str = "anna",
        comment: str = "",
        edited: dict[str, Any] | None = None,
        grant: request_pb2.ResponseGrant | None = None,
    ) -> None:
        """Answers as a person would; with a quorum this is a vote."""
        await self.asked_about(invocation_id)
        request = self.requests[f"invocation-{invocation_id}"]
        assert request.status == "pending"
        assert response in request.options
        vote = request.votes.add(
            id=f"answer-{len(request.votes)}", human_request_id=request.id, responded_by=by, comment=comment
        )
        vote.response.string_value = response
        vote.created_at.FromDatetime(datetime.now(UTC))
        if edited is not None:
            put(vote, "edited_arguments", edited)
        if grant is not None:
            vote.grant.CopyFrom(grant)
        same = sum(one.response.string_value == response for one in request.votes)
        needed = request.quorum.required if request.HasField("quorum") else 1
        if same >= needed or response == request.quorum.veto:
            vote.decides = True
            request.response.CopyFrom(vote)
            await self.end(request.id, "responded")

    async def end(self, identity: str, status: str, reason: str = "") -> None:
        """Ends a request: `expired` when its time is up, `cancelled` when somebody takes it back."""
        request = self.requests[identity]
        request.status = status
        request.cancel_reason = reason
        request.ended_at.FromDatetime(datetime.now(UTC))
        await self._tell()

    def pending(self) -> list[str]:
        return [identity for identity, request in self.requests.items() if request.status == "pending"]

    def _called(self, method: str, context: Any) -> None:
        self.calls.append((method, dict(context.invocation_metadata()).get("x-api-key", "")))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def refuse(context: Any, code: grpc.StatusCode, reason: str) -> None:
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="hitl.qmcp"))
    number: Any = code_pb2.Code.Value(code.name)
    await context.abort_with_status(
        rpc_status.to_status(status_pb2.Status(code=number, message="No.", details=[detail]))
    )
