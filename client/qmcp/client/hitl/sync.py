# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with questions to people."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from qmcp.client.calling.conversion import from_message, to_message, to_optional, to_timestamp
from qmcp.client.calling.json_values import to_object_or_text, to_value_or_text
from qmcp.client.calling.resumption import Resumption
from qmcp.client.calling.retries import Deadline
from qmcp.client.calling.sync import Calls
from qmcp.client.errors import QmcpError
from qmcp.client.hitl.following import EventFollower, ResponseWait
from qmcp.client.hitl.models import (
    ActionLink,
    Contact,
    Delivery,
    ExpiryAction,
    HumanRequest,
    HumanRequestEvent,
    HumanResponse,
    Quorum,
    ResponseGrant,
    Webhook,
)
from qmcp.hitl.v1 import contact_pb2, request_pb2, webhook_pb2
from qmcp.hitl.v1 import hitl_service_pb2 as api


class Hitl(Calls):
    """The calls of the hitl service."""

    def create_human_request(
        self,
        request_type: str,
        prompt: str,
        *,
        human_request_id: str = "",
        options: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
        timeout_seconds: int | None = None,
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
        on_expiry: ExpiryAction | None = None,
        quorum: Quorum | None = None,
        four_eyes: bool = False,
        task_id: str = "",
        fencing_token: int = 0,
    ) -> HumanRequest:
        """Asks people. `human_request_id` is the id that the request shall have; empty lets the service choose.

        `timeout_seconds` None means an hour. The same request under the same id is the one that is
        pending, and ConflictError when it has ended. With a task and the `fencing_token` of its lease, it is asked
        only while the caller holds that.
        """
        request = api.CreateHumanRequestRequest(
            id=human_request_id,
            request_type=request_type,
            prompt=prompt,
            options=options,
            **to_object_or_text("context", context),
            timeout_seconds=timeout_seconds,
            correlation_id=correlation_id,
            **to_object_or_text("response_schema", response_schema),
            **to_object_or_text("proposed_arguments", proposed_arguments),
            **to_object_or_text("arguments_schema", arguments_schema),
            priority=priority,
            due_at=to_timestamp(due_at),
            assignees=assignees,
            groups=groups,
            tags=tags,
            callback_url=callback_url,
            on_expiry=to_optional(on_expiry, request_pb2.ExpiryAction()),
            quorum=to_optional(quorum, request_pb2.Quorum()),
            four_eyes=four_eyes,
            task_id=task_id,
            fencing_token=fencing_token,
        )
        return self._call(request, HumanRequest)

    def get_human_request(self, human_request_id: str) -> HumanRequest:
        """One request, with the answer that decided it in `response`."""
        answer = self._send(api.GetHumanRequestRequest(id=human_request_id))
        return from_message(HumanRequest, answer.request)

    def list_human_requests(
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
    ) -> list[HumanRequest]:
        """The newest requests for which all filters hold; `limit` None means all there are."""
        request = api.ListHumanRequestsRequest(
            status=status,
            request_type=request_type,
            correlation_id=correlation_id,
            requester=requester,
            assignee=assignee,
            group=group,
            tag=tag,
        )
        return self._list(request, HumanRequest, limit=limit)

    def submit_human_response(
        self,
        human_request_id: str,
        response: Any,
        *,
        comment: str = "",
        edited_arguments: Mapping[str, Any] | None = None,
        responded_by: str = "",
        response_metadata: Mapping[str, Any] | None = None,
        grant: ResponseGrant | None = None,
        idempotency_key: str | None = None,
    ) -> HumanResponse:
        """Answers a request. ConflictError where it has been answered, RequestExpiredError where it is too late.

        With a `grant`, the requester may do the same again without anybody being asked, where the request offers that.
        """
        request = api.CreateHumanResponseRequest(
            human_request_id=human_request_id,
            **to_value_or_text("response", response),
            responded_by=responded_by,
            **to_object_or_text("response_metadata", response_metadata),
            comment=comment,
            **to_object_or_text("edited_arguments", edited_arguments),
            grant=None if grant is None else to_message(grant, request_pb2.ResponseGrant()),
            idempotency_key=idempotency_key,
        )
        return self._call(request, HumanResponse)

    def wait_for_human_response(
        self,
        human_request_id: str,
        *,
        timeout: float | None = None,
    ) -> HumanRequest:
        """The request once it has ended: answered, expired or cancelled. DeadlineExceededError after `timeout`."""
        [request] = self.wait_for_human_requests([human_request_id], timeout=timeout)
        return request

    def wait_for_human_requests(
        self,
        human_request_ids: Sequence[str],
        *,
        mode: str = "any",
        timeout: float | None = None,
    ) -> list[HumanRequest]:
        """The requests as they stand once one of them has ended (`any`) or every one has (`all`).

        It lasts over as many long polls as that takes; a restart of the service does not end it.
        """
        wait = ResponseWait(human_request_ids, mode, Resumption(Deadline.within(timeout), self._retries))
        while True:
            request = wait.request()
            try:
                # A failed poll is another kind of cut: the wait goes on by itself.
                answer = self._send(request, timeout=wait.timeout(), once=True)
            except QmcpError as error:
                time.sleep(wait.resumption.cut(error))
                continue
            if answer.done:
                return [from_message(HumanRequest, each) for each in answer.requests]
            time.sleep(wait.not_yet())

    def watch_human_requests(
        self,
        *,
        after_sequence: int | None = None,
        kinds: Sequence[str] = (),
        human_request_id: str = "",
        request_type: str = "",
        assignee: str = "",
        group: str = "",
        tag: str = "",
        timeout: float | None = None,
    ) -> Generator[HumanRequestEvent]:
        """Every event for which all filters hold, each once, as it happens; ends after `timeout` seconds only.

        `after_sequence` None means from now on, 0 from the beginning. To go on later, give the last `sequence` seen.
        """
        wanted = api.WatchHumanRequestsRequest(
            after_sequence=after_sequence,
            kinds=kinds,
            id=human_request_id,
            request_type=request_type,
            assignee=assignee,
            group=group,
            tag=tag,
        )
        follower = EventFollower(wanted, Resumption(Deadline.within(timeout), self._retries))
        while not follower.over():
            cut: QmcpError | None = None
            try:
                with self._stream(follower.request(), follower.resumption.seconds()) as stream:
                    for message in stream:
                        event = follower.take(message)
                        if event:
                            yield event
            except QmcpError as error:
                cut = error
            if not follower.over():
                time.sleep(follower.cut(cut))

    def list_human_request_events(self, human_request_id: str) -> list[HumanRequestEvent]:
        """What happened to a request, oldest first."""
        return self._list(api.ListHumanRequestEventsRequest(id=human_request_id), HumanRequestEvent)

    def find_similar_human_requests(self, human_request_id: str, *, limit: int = 5) -> list[HumanRequest]:
        """Requests that ended and resemble this one, where the operator has switched that on."""
        answer = self._send(api.FindSimilarHumanRequestsRequest(id=human_request_id, limit=limit))
        return [from_message(HumanRequest, each) for each in answer.requests]

    def view_human_request(self, human_request_id: str) -> HumanRequest:
        """The request, and on record that the caller has looked at it."""
        return self._call(api.ViewHumanRequestRequest(id=human_request_id), HumanRequest)

    def claim_human_request(self, human_request_id: str, *, take_over: bool = False) -> HumanRequest:
        """Tells the others that the caller is at it."""
        request = api.ClaimHumanRequestRequest(id=human_request_id, take_over=take_over)
        return self._call(request, HumanRequest)

    def release_human_request(self, human_request_id: str) -> HumanRequest:
        """Gives a claim up."""
        return self._call(api.ReleaseHumanRequestRequest(id=human_request_id), HumanRequest)

    def assign_human_request(
        self, human_request_id: str, *, assignees: Sequence[str] = (), groups: Sequence[str] = ()
    ) -> HumanRequest:
        """Replaces who is asked; with neither, everybody is."""
        request = api.AssignHumanRequestRequest(id=human_request_id, assignees=assignees, groups=groups)
        return self._call(request, HumanRequest)

    def comment_on_human_request(self, human_request_id: str, comment: str) -> HumanRequest:
        """Writes a comment into its history."""
        return self._call(api.CommentOnHumanRequestRequest(id=human_request_id, comment=comment), HumanRequest)

    def remind_of_human_request(self, human_request_id: str) -> HumanRequest:
        """Tells those who are asked once more."""
        return self._call(api.RemindOfHumanRequestRequest(id=human_request_id), HumanRequest)

    def cancel_human_request(self, human_request_id: str, reason: str = "") -> HumanRequest:
        """Takes a question back."""
        return self._call(api.CancelHumanRequestRequest(id=human_request_id, reason=reason), HumanRequest)

    def create_action_link(
        self, human_request_id: str, person: str, *, timeout_seconds: int | None = None
    ) -> ActionLink:
        """Makes a link by which this person answers once without an account."""
        request = api.CreateActionLinkRequest(id=human_request_id, person=person, timeout_seconds=timeout_seconds)
        # A second one would return the link without its path, which is all that it is for.
        return self._call(request, ActionLink, once=True)

    def create_webhook(self, webhook: Webhook, *, idempotency_key: str | None = None) -> Webhook:
        """Registers a webhook; its secret is in this answer and nowhere else."""
        message = to_message(webhook, webhook_pb2.Webhook())
        return self._call(api.CreateWebhookRequest(webhook=message, idempotency_key=idempotency_key), Webhook)

    def get_webhook(self, webhook_id: str) -> Webhook:
        """One webhook, without its secret."""
        return self._call(api.GetWebhookRequest(id=webhook_id), Webhook)

    def list_webhooks(self) -> list[Webhook]:
        """All webhooks, newest first."""
        return self._list(api.ListWebhooksRequest(), Webhook)

    def update_webhook(
        self, webhook: Webhook, *, rotate_secret: bool = False, grace_seconds: int | None = None
    ) -> Webhook:
        """Replaces a webhook's definition; with an etag, only if it is still that one.

        A new secret signs beside the old one for `grace_seconds`; None is a day.
        """
        # The secret is not taken, and need not travel once more.
        message = to_message(replace(webhook, secret=""), webhook_pb2.Webhook())
        request = api.UpdateWebhookRequest(webhook=message, rotate_secret=rotate_secret, grace_seconds=grace_seconds)
        return self._call(request, Webhook)

    def delete_webhook(self, webhook_id: str) -> None:
        """Removes a webhook."""
        self._send(api.DeleteWebhookRequest(id=webhook_id))

    def create_contact(self, contact: Contact, *, idempotency_key: str | None = None) -> Contact:
        """Makes a contact: where a person is told, by mail or chat, that they are asked."""
        message = to_message(contact, contact_pb2.Contact())
        return self._call(api.CreateContactRequest(contact=message, idempotency_key=idempotency_key), Contact)

    def get_contact(self, contact_id: str) -> Contact:
        """One contact."""
        return self._call(api.GetContactRequest(id=contact_id), Contact)

    def list_contacts(self, person: str = "") -> list[Contact]:
        """The contacts of a person, or of all, newest first."""
        return self._list(api.ListContactsRequest(person=person), Contact)

    def update_contact(self, contact: Contact) -> Contact:
        """Replaces a contact; with an etag, only if it is still that one."""
        message = to_message(contact, contact_pb2.Contact())
        return self._call(api.UpdateContactRequest(contact=message), Contact)

    def delete_contact(self, contact_id: str) -> None:
        """Removes a contact, and the links that were sent there."""
        self._send(api.DeleteContactRequest(id=contact_id))

    def list_deliveries(
        self,
        limit: int | None = 50,
        *,
        webhook_id: str = "",
        human_request_id: str = "",
        status: str = "",
        contact_id: str = "",
    ) -> list[Delivery]:
        """The newest deliveries for which all filters hold; `limit` None means all there are."""
        request = api.ListDeliveriesRequest(
            webhook_id=webhook_id, human_request_id=human_request_id, status=status, contact_id=contact_id
        )
        return self._list(request, Delivery, limit=limit)

    def retry_delivery(self, delivery_id: str) -> Delivery:
        """Sends a delivery again, soon."""
        return self._call(api.RetryDeliveryRequest(id=delivery_id), Delivery)
