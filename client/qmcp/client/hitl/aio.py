"""What `AsyncClient` can do with questions to people; `qmcp.client.hitl.sync` has the same for ordinary code."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, TypeVar

from qmcp.client import errors
from qmcp.client.calls import Call, Page
from qmcp.client.hitl import calls, models
from qmcp.client.hitl.following import Wait, Watch
from qmcp.client.legs import Legs
from qmcp.client.retries import Deadline, Retries
from qmcp.hitl.v1.hitl_service_pb2 import WatchHumanRequestsRequest

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")


class AsyncHumanRequests(ABC):
    """The methods about questions to people."""

    _hitl: Any
    _retries: Retries

    @abstractmethod
    async def _send(
        self,
        call: Call[ResultT],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
        stub: Any = None,
    ) -> ResultT: ...

    @abstractmethod
    async def _all(self, first: Call[Page[ItemT]], *, stub: Any = None) -> list[ItemT]: ...

    @abstractmethod
    def _stream(
        self, method: Any, request: Any, timeout: float | None
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]: ...

    async def create_human_request(
        self,
        request_type: str,
        prompt: str,
        *,
        human_request_id: str = "",
        options: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
        timeout_seconds: int = 0,
        correlation_id: str = "",
        response_schema: Mapping[str, Any] | None = None,
        proposed_arguments: Mapping[str, Any] | None = None,
        arguments_schema: Mapping[str, Any] | None = None,
        priority: str = "",
        due_at: datetime | None = None,
        assignees: Sequence[str] = (),
        groups: Sequence[str] = (),
        tags: Sequence[str] = (),
        callback_url: str = "",
        on_expiry: models.ExpiryAction | None = None,
        quorum: models.Quorum | None = None,
        four_eyes: bool = False,
    ) -> models.HumanRequest:
        """Asks people. `human_request_id` is the id that the request shall have; empty lets the service choose.

        `timeout_seconds` 0 means an hour. The same request under the same id returns the first answer.
        """
        call = calls.create_request(
            request_type,
            prompt,
            human_request_id=human_request_id,
            options=options,
            context=context,
            timeout_seconds=timeout_seconds,
            correlation_id=correlation_id,
            response_schema=response_schema,
            proposed_arguments=proposed_arguments,
            arguments_schema=arguments_schema,
            priority=priority,
            due_at=due_at,
            assignees=assignees,
            groups=groups,
            tags=tags,
            callback_url=callback_url,
            on_expiry=on_expiry,
            quorum=quorum,
            four_eyes=four_eyes,
        )
        return await self._send(call, stub=self._hitl)

    async def get_human_request(self, human_request_id: str) -> models.HumanRequest:
        """One request, with the answer that decided it in `response`."""
        return await self._send(calls.get_request(human_request_id), stub=self._hitl)

    async def list_human_requests(
        self,
        limit: int | None = 50,
        *,
        status: str = "",
        request_type: str = "",
        correlation_id: str = "",
        requester: str = "",
        assignee: str = "",
        group: str = "",
        tag: str = "",
    ) -> list[models.HumanRequest]:
        """The newest requests for which all filters hold; `limit` None means all there are."""
        first = calls.list_requests(
            limit,
            status=status,
            request_type=request_type,
            correlation_id=correlation_id,
            requester=requester,
            assignee=assignee,
            group=group,
            tag=tag,
        )
        return await self._all(first, stub=self._hitl)

    async def submit_human_response(
        self,
        human_request_id: str,
        response: Any,
        *,
        comment: str = "",
        edited_arguments: Mapping[str, Any] | None = None,
        responded_by: str = "",
        response_metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> models.HumanResponse:
        """Answers a request. ConflictError where it has been answered, RequestExpiredError where it is too late."""
        call = calls.respond(
            human_request_id,
            response,
            comment=comment,
            edited_arguments=edited_arguments,
            responded_by=responded_by,
            response_metadata=response_metadata,
            idempotency_key=idempotency_key,
        )
        return await self._send(call, stub=self._hitl)

    async def wait_for_human_response(
        self,
        human_request_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
    ) -> models.HumanRequest:
        """The request once it has ended: answered, expired or cancelled. DeadlineExceededError after `timeout`."""
        [request] = await self.wait_for_human_requests([human_request_id], timeout=timeout)
        return request

    async def wait_for_human_requests(
        self,
        human_request_ids: Sequence[str],
        *,
        mode: str = "any",
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
    ) -> list[models.HumanRequest]:
        """The requests as they stand once one of them has ended (`any`) or every one has (`all`).

        It lasts over as many long polls as that takes; a restart of the service does not end it.
        """
        wait = Wait(human_request_ids, mode, Legs(Deadline.within(timeout), self._retries))
        while True:
            call = wait.call()
            try:
                done, requests = await self._send(call, timeout=wait.timeout(), stub=self._hitl)
            except errors.QmcpError as error:
                await asyncio.sleep(wait.legs.cut(error))
                continue
            if done:
                return requests
            await asyncio.sleep(wait.not_yet())

    async def watch_human_requests(
        self,
        *,
        after_sequence: int | None = None,
        kinds: Sequence[str] = (),
        human_request_id: str = "",
        request_type: str = "",
        assignee: str = "",
        group: str = "",
        tag: str = "",
        timeout: float | None = None,  # noqa: ASYNC109 - it is a deadline, which gRPC keeps
    ) -> AsyncGenerator[models.HumanRequestEvent]:
        """Every event for which all filters hold, each once, as it happens; ends after `timeout` seconds only.

        `after_sequence` None means from now on, 0 from the beginning. To go on later, give the last `sequence` seen.
        """
        wanted = WatchHumanRequestsRequest(
            after_sequence=after_sequence,
            kinds=kinds,
            id=human_request_id,
            request_type=request_type,
            assignee=assignee,
            group=group,
            tag=tag,
        )
        watch = Watch(wanted, Legs(Deadline.within(timeout), self._retries))
        while not watch.over():
            cut: errors.QmcpError | None = None
            try:
                async with self._stream(self._hitl.WatchHumanRequests, watch.request(), watch.legs.seconds()) as stream:
                    async for message in stream:
                        event = watch.take(message)
                        if event:
                            yield event
            except errors.QmcpError as error:
                cut = error
            if not watch.over():
                await asyncio.sleep(watch.cut(cut))

    async def list_human_request_events(self, human_request_id: str) -> list[models.HumanRequestEvent]:
        """What happened to a request, oldest first."""
        return await self._all(calls.list_events(human_request_id), stub=self._hitl)

    async def find_similar_human_requests(self, human_request_id: str, *, limit: int = 5) -> list[models.HumanRequest]:
        """Requests that ended and resemble this one, where the operator has switched that on."""
        return await self._send(calls.find_similar(human_request_id, limit), stub=self._hitl)

    async def view_human_request(self, human_request_id: str) -> models.HumanRequest:
        """The request, and on record that the caller has looked at it."""
        return await self._send(calls.view(human_request_id), stub=self._hitl)

    async def claim_human_request(self, human_request_id: str, *, take_over: bool = False) -> models.HumanRequest:
        """Tells the others that the caller is at it."""
        return await self._send(calls.claim(human_request_id, take_over=take_over), stub=self._hitl)

    async def release_human_request(self, human_request_id: str) -> models.HumanRequest:
        """Gives a claim up."""
        return await self._send(calls.release(human_request_id), stub=self._hitl)

    async def assign_human_request(
        self, human_request_id: str, *, assignees: Sequence[str] = (), groups: Sequence[str] = ()
    ) -> models.HumanRequest:
        """Replaces who is asked; with neither, everybody is."""
        return await self._send(calls.assign(human_request_id, assignees, groups), stub=self._hitl)

    async def comment_on_human_request(self, human_request_id: str, comment: str) -> models.HumanRequest:
        """Writes a comment into its history."""
        return await self._send(calls.comment(human_request_id, comment), stub=self._hitl)

    async def remind_of_human_request(self, human_request_id: str) -> models.HumanRequest:
        """Tells those who are asked once more."""
        return await self._send(calls.remind(human_request_id), stub=self._hitl)

    async def cancel_human_request(self, human_request_id: str, reason: str = "") -> models.HumanRequest:
        """Takes a question back."""
        return await self._send(calls.cancel(human_request_id, reason), stub=self._hitl)

    async def create_action_link(
        self, human_request_id: str, person: str, *, timeout_seconds: int = 0
    ) -> models.ActionLink:
        """Makes a link by which this person answers once without an account."""
        return await self._send(calls.create_link(human_request_id, person, timeout_seconds), stub=self._hitl)

    async def create_webhook(self, webhook: models.Webhook, *, idempotency_key: str | None = None) -> models.Webhook:
        """Registers a webhook; its secret is in this answer and nowhere else."""
        return await self._send(calls.create_webhook(webhook, idempotency_key), stub=self._hitl)

    async def get_webhook(self, webhook_id: str) -> models.Webhook:
        """One webhook, without its secret."""
        return await self._send(calls.get_webhook(webhook_id), stub=self._hitl)

    async def list_webhooks(self) -> list[models.Webhook]:
        """All webhooks, newest first."""
        return await self._all(calls.list_webhooks(), stub=self._hitl)

    async def update_webhook(self, webhook: models.Webhook, *, rotate_secret: bool = False) -> models.Webhook:
        """Replaces a webhook's definition; with an etag, only if it is still that one."""
        return await self._send(calls.update_webhook(webhook, rotate_secret=rotate_secret), stub=self._hitl)

    async def delete_webhook(self, webhook_id: str) -> None:
        """Removes a webhook."""
        await self._send(calls.delete_webhook(webhook_id), stub=self._hitl)

    async def list_deliveries(
        self, limit: int | None = 50, *, webhook_id: str = "", human_request_id: str = "", status: str = ""
    ) -> list[models.Delivery]:
        """The newest deliveries for which all filters hold; `limit` None means all there are."""
        first = calls.list_deliveries(limit, webhook_id=webhook_id, human_request_id=human_request_id, status=status)
        return await self._all(first, stub=self._hitl)

    async def retry_delivery(self, delivery_id: str) -> models.Delivery:
        """Sends a delivery again, soon."""
        return await self._send(calls.retry_delivery(delivery_id), stub=self._hitl)
