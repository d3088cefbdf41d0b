"""The gRPC edge of the hitl service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from grpc.aio import ServicerContext
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, request_pb2

from servicekit import idempotency
from servicekit.calls import current_call
from servicekit.postgres import Connection, Database
from services.hitl import errors
from services.hitl.asking import Requests
from services.hitl.decisions import Decisions
from services.hitl.feed import Feed
from services.hitl.handling import Handling
from services.hitl.messages import requests as messages
from services.hitl.waiting import Waiting

Context = ServicerContext[Any, Any]


class HitlServicer(hitl_service_pb2_grpc.HitlServiceServicer):
    """See protos/qmcp/hitl/v1/hitl_service.proto, where every method is documented."""

    def __init__(
        self,
        database: Database,
        requests: Requests,
        decisions: Decisions,
        handling: Handling,
        waiting: Waiting,
        feed: Feed,
        *,
        keyless: bool,
    ) -> None:
        self._database = database
        self._requests = requests
        self._decisions = decisions
        self._handling = handling
        self._waiting = waiting
        self._feed = feed
        self._keyless = keyless

    async def CreateHumanRequest(
        self, request: hitl_service_pb2.CreateHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        question = messages.question_from(request, current_call.get())
        if idempotency.request_id_of(request):

            async def ask(connection: Connection) -> request_pb2.HumanRequest:
                return messages.request_to(await self._requests.ask_in(connection, question))

            asked = await self._once("CreateHumanRequest", request, ask)
        else:
            asked = messages.request_to(await self._requests.ask(question))
        await _created(context)
        return asked

    async def GetHumanRequest(
        self, request: hitl_service_pb2.GetHumanRequestRequest, context: Context
    ) -> hitl_service_pb2.GetHumanRequestResponse:
        return messages.answered_request_to(await self._requests.get(request.id))

    async def ListHumanRequests(
        self, request: hitl_service_pb2.ListHumanRequestsRequest, context: Context
    ) -> hitl_service_pb2.ListHumanRequestsResponse:
        page, token = await self._requests.page(
            messages.filter_from(request), request.page_size or request.limit, request.page_token, request.offset
        )
        return hitl_service_pb2.ListHumanRequestsResponse(
            requests=map(messages.request_to, page), next_page_token=token, count=len(page)
        )

    async def CreateHumanResponse(
        self, request: hitl_service_pb2.CreateHumanResponseRequest, context: Context
    ) -> request_pb2.HumanResponse:
        answer = messages.answer_from(request, current_call.get(), keyless=self._keyless)
        response = messages.response_to(await self._decisions.answer(answer))
        await _created(context)
        return response

    async def WaitForResponse(
        self, request: hitl_service_pb2.WaitForResponseRequest, context: Context
    ) -> hitl_service_pb2.WaitForResponseResponse:
        ids = list(dict.fromkeys([*filter(None, [request.id]), *request.ids]))
        if not ids:
            raise errors.invalid("id", "must name the request to wait for, or `ids` several")
        done, found = await self._waiting.wait(ids, until_all=request.mode == "all", seconds=request.timeout_seconds)
        return hitl_service_pb2.WaitForResponseResponse(done=done, requests=map(messages.request_to, found))

    async def WatchHumanRequests(
        self, request: hitl_service_pb2.WatchHumanRequestsRequest, context: Context
    ) -> AsyncIterator[request_pb2.HumanRequestEvent]:
        after = request.after_sequence if request.HasField("after_sequence") else None
        sequence = after or 0
        async for happened in self._feed.watch(messages.event_filter_from(request), after):
            if isinstance(happened, int):
                sequence = happened
                yield messages.heartbeat_to(sequence)
            else:
                event, standing = happened
                sequence = event.sequence
                yield messages.event_to(event, standing)
        yield messages.heartbeat_to(sequence, last=True)

    async def ListHumanRequestEvents(
        self, request: hitl_service_pb2.ListHumanRequestEventsRequest, context: Context
    ) -> hitl_service_pb2.ListHumanRequestEventsResponse:
        page, token = await self._requests.history(request.id, request.page_size, request.page_token)
        return hitl_service_pb2.ListHumanRequestEventsResponse(
            events=map(messages.event_to, page), next_page_token=token
        )

    async def ViewHumanRequest(
        self, request: hitl_service_pb2.ViewHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        return messages.request_to(await self._handling.view(request.id, current_call.get().principal))

    async def ClaimHumanRequest(
        self, request: hitl_service_pb2.ClaimHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_call.get().principal
        return messages.request_to(await self._handling.claim(request.id, by, take_over=request.take_over))

    async def ReleaseHumanRequest(
        self, request: hitl_service_pb2.ReleaseHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        return messages.request_to(await self._handling.release(request.id, current_call.get().principal))

    async def AssignHumanRequest(
        self, request: hitl_service_pb2.AssignHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_call.get().principal
        assigned = await self._handling.assign(request.id, list(request.assignees), list(request.groups), by)
        return messages.request_to(assigned)

    async def CommentOnHumanRequest(
        self, request: hitl_service_pb2.CommentOnHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_call.get().principal

        async def comment(connection: Connection) -> request_pb2.HumanRequest:
            return messages.request_to(await self._handling.comment(connection, request.id, request.comment, by))

        return await self._once("CommentOnHumanRequest", request, comment)

    async def RemindOfHumanRequest(
        self, request: hitl_service_pb2.RemindOfHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_call.get().principal

        async def remind(connection: Connection) -> request_pb2.HumanRequest:
            return messages.request_to(await self._handling.remind(connection, request.id, by))

        return await self._once("RemindOfHumanRequest", request, remind)

    async def CancelHumanRequest(
        self, request: hitl_service_pb2.CancelHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_call.get().principal
        return messages.request_to(await self._handling.cancel(request.id, request.reason, by))

    async def _once(
        self, method: str, request: Any, effect: Callable[[Connection], Awaitable[request_pb2.HumanRequest]]
    ) -> request_pb2.HumanRequest:
        """Has the effect unless this request_id has had it, in one transaction with the record of it."""
        principal, request_id = current_call.get().principal.name, idempotency.request_id_of(request)
        async with self._database.transaction() as connection:
            return await idempotency.once(
                connection,
                principal,
                method,
                request_id,
                request,
                request_pb2.HumanRequest,
                lambda: effect(connection),
            )


async def _created(context: Context) -> None:
    """201 over HTTP."""
    await context.send_initial_metadata((("x-http-status", "201"),))
