"""The gRPC edge of the hitl service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator, Sequence
from operator import attrgetter
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.hitl.v1 import contact_pb2, hitl_service_pb2, hitl_service_pb2_grpc, link_pb2, request_pb2, webhook_pb2

from servicekit.errors import invalid_field
from servicekit.http_status import HEADER, answer_with_headers
from servicekit.idempotency import Once
from servicekit.large import beside
from servicekit.request_context import current_context
from services.hitl.delivery.contacts import Contacts
from services.hitl.delivery.webhooks import Webhooks
from services.hitl.lifecycle.inbox import Inbox
from services.hitl.lifecycle.requests import Requests
from services.hitl.links import pages
from services.hitl.links.links import Links
from services.hitl.links.pages import Page
from services.hitl.messages import contacts as contact_messages
from services.hitl.messages import requests as messages
from services.hitl.messages import webhooks as webhook_messages
from services.hitl.models import HumanRequest
from services.hitl.waiting.event_follower import EventFollower
from services.hitl.waiting.waiting import Waiting

Context = ServicerContext[Any, Any]


class HitlServicer(hitl_service_pb2_grpc.HitlServiceServicer):
    """See protos/qmcp/hitl/v1/hitl_service.proto, where every method is documented."""

    def __init__(
        self,
        requests: Requests,
        inbox: Inbox,
        waiting: Waiting,
        follower: EventFollower,
        links: Links,
        webhooks: Webhooks,
        contacts: Contacts,
    ) -> None:
        self._requests = requests
        self._inbox = inbox
        self._waiting = waiting
        self._follower = follower
        self._links = links
        self._webhooks = webhooks
        self._contacts = contacts

    async def CreateHumanRequest(
        self, request: hitl_service_pb2.CreateHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        call = current_context.get()
        spec = await beside(call.large_bytes, messages.spec_from, request, call)
        return await self._requests.create(spec, call.principal, _request_once(request))

    async def GetHumanRequest(
        self, request: hitl_service_pb2.GetHumanRequestRequest, context: Context
    ) -> hitl_service_pb2.GetHumanRequestResponse:
        found = await self._requests.get(request.id, current_context.get().viewer)
        return await beside(found.size, messages.answered_request_to, found)

    async def ListHumanRequests(
        self, request: hitl_service_pb2.ListHumanRequestsRequest, context: Context
    ) -> hitl_service_pb2.ListHumanRequestsResponse:
        page, token = await self._requests.page(
            messages.filter_from(request),
            current_context.get().viewer,
            request.page_size or request.limit,
            request.page_token,
            request.offset,
        )
        return hitl_service_pb2.ListHumanRequestsResponse(
            requests=await _shown(page), next_page_token=token, count=len(page)
        )

    async def CreateHumanResponse(
        self, request: hitl_service_pb2.CreateHumanResponseRequest, context: Context
    ) -> request_pb2.HumanResponse:
        call = current_context.get()
        answer = await beside(call.large_bytes, messages.answer_from, request)
        response = await self._inbox.answer(answer, call.viewer)
        return await beside(response.size, messages.response_to, response)

    async def WaitForResponse(
        self, request: hitl_service_pb2.WaitForResponseRequest, context: Context
    ) -> hitl_service_pb2.WaitForResponseResponse:
        ids = list(dict.fromkeys([*filter(None, [request.id]), *request.ids]))
        if not ids:
            raise invalid_field("id", "must name the request to wait for, or `ids` several")
        viewer = current_context.get().viewer
        done, found = await self._waiting.wait(
            ids, viewer, until_all=request.mode == "all", seconds=request.timeout_seconds
        )
        return hitl_service_pb2.WaitForResponseResponse(done=done, requests=await _shown(found))

    async def WatchHumanRequests(
        self, request: hitl_service_pb2.WatchHumanRequestsRequest, context: Context
    ) -> AsyncIterator[request_pb2.HumanRequestEvent]:
        after = request.after_sequence if request.HasField("after_sequence") else None
        sequence, viewer = after or 0, current_context.get().viewer
        async for found in self._follower.watch(messages.event_filter_from(request), viewer, after):
            if isinstance(found, int):
                sequence = found
                yield messages.heartbeat_to(sequence)
            else:
                event, standing = found
                sequence = event.sequence
                yield await beside(standing.size, messages.event_to, event, standing)
        yield messages.heartbeat_to(sequence, last=True)

    async def ListHumanRequestEvents(
        self, request: hitl_service_pb2.ListHumanRequestEventsRequest, context: Context
    ) -> hitl_service_pb2.ListHumanRequestEventsResponse:
        viewer = current_context.get().viewer
        page, token = await self._requests.history(request.id, viewer, request.page_size, request.page_token)
        return hitl_service_pb2.ListHumanRequestEventsResponse(
            events=map(messages.event_to, page), next_page_token=token
        )

    async def ViewHumanRequest(
        self, request: hitl_service_pb2.ViewHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        [one] = await _shown([await self._inbox.view(request.id, current_context.get().viewer)])
        return one

    async def ClaimHumanRequest(
        self, request: hitl_service_pb2.ClaimHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_context.get().viewer
        [one] = await _shown([await self._inbox.claim(request.id, by, take_over=request.take_over)])
        return one

    async def ReleaseHumanRequest(
        self, request: hitl_service_pb2.ReleaseHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        [one] = await _shown([await self._inbox.release(request.id, current_context.get().viewer)])
        return one

    async def AssignHumanRequest(
        self, request: hitl_service_pb2.AssignHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_context.get().viewer
        assigned = await self._inbox.assign(request.id, list(request.assignees), list(request.groups), by)
        [one] = await _shown([assigned])
        return one

    async def CommentOnHumanRequest(
        self, request: hitl_service_pb2.CommentOnHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_context.get().viewer
        return await self._inbox.comment(request.id, request.comment, by, _request_once(request))

    async def RemindOfHumanRequest(
        self, request: hitl_service_pb2.RemindOfHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        return await self._inbox.remind(request.id, current_context.get().viewer, _request_once(request))

    async def CancelHumanRequest(
        self, request: hitl_service_pb2.CancelHumanRequestRequest, context: Context
    ) -> request_pb2.HumanRequest:
        by = current_context.get().viewer
        [one] = await _shown([await self._inbox.cancel(request.id, request.reason, by)])
        return one

    async def FindSimilarHumanRequests(
        self, request: hitl_service_pb2.FindSimilarHumanRequestsRequest, context: Context
    ) -> hitl_service_pb2.FindSimilarHumanRequestsResponse:
        found = await self._requests.similar(request.id, current_context.get().viewer, request.limit)
        return hitl_service_pb2.FindSimilarHumanRequestsResponse(requests=await _shown(found))

    async def CreateActionLink(
        self, request: hitl_service_pb2.CreateActionLinkRequest, context: Context
    ) -> link_pb2.ActionLink:
        by = current_context.get().viewer
        once = Once(request, webhook_messages.issued_link_to, unrecorded=("path",))
        return await self._links.create(request.id, request.person, request.timeout_seconds, by, once)

    async def ShowActionLink(self, request: hitl_service_pb2.ShowActionLinkRequest, context: Context) -> HttpBody:
        return await _page(context, await self._links.show(request.token, for_people=_for_people()))

    async def AnswerActionLink(self, request: hitl_service_pb2.AnswerActionLinkRequest, context: Context) -> HttpBody:
        form = request.form
        page = await self._links.answer(request.token, form.content_type, form.data, for_people=_for_people())
        return await _page(context, page)

    async def CreateWebhook(
        self, request: hitl_service_pb2.CreateWebhookRequest, context: Context
    ) -> webhook_pb2.Webhook:
        once = Once(request, webhook_messages.issued_webhook_to, unrecorded=("secret",))
        return await self._webhooks.create(webhook_messages.definition_from(request.webhook), once)

    async def GetWebhook(self, request: hitl_service_pb2.GetWebhookRequest, context: Context) -> webhook_pb2.Webhook:
        return webhook_messages.webhook_to(await self._webhooks.get(request.id, current_context.get().viewer))

    async def ListWebhooks(
        self, request: hitl_service_pb2.ListWebhooksRequest, context: Context
    ) -> hitl_service_pb2.ListWebhooksResponse:
        viewer = current_context.get().viewer
        page, token = await self._webhooks.page(viewer, request.page_size, request.page_token)
        return hitl_service_pb2.ListWebhooksResponse(
            webhooks=map(webhook_messages.webhook_to, page), next_page_token=token
        )

    async def UpdateWebhook(
        self, request: hitl_service_pb2.UpdateWebhookRequest, context: Context
    ) -> webhook_pb2.Webhook:
        webhook = request.webhook
        wanted = webhook_messages.definition_from(webhook)
        grace = request.grace_seconds if request.HasField("grace_seconds") else None
        issued = await self._webhooks.update(
            webhook.id, wanted, webhook.etag, rotate=request.rotate_secret, grace_seconds=grace
        )
        return webhook_messages.issued_webhook_to(issued)

    async def DeleteWebhook(self, request: hitl_service_pb2.DeleteWebhookRequest, context: Context) -> Empty:
        await self._webhooks.delete(request.id)
        return Empty()

    async def CreateContact(
        self, request: hitl_service_pb2.CreateContactRequest, context: Context
    ) -> contact_pb2.Contact:
        once = Once(request, contact_messages.contact_to)
        return await self._contacts.create(contact_messages.definition_from(request.contact), once)

    async def GetContact(self, request: hitl_service_pb2.GetContactRequest, context: Context) -> contact_pb2.Contact:
        return contact_messages.contact_to(await self._contacts.get(request.id, current_context.get().viewer))

    async def ListContacts(
        self, request: hitl_service_pb2.ListContactsRequest, context: Context
    ) -> hitl_service_pb2.ListContactsResponse:
        viewer = current_context.get().viewer
        page, token = await self._contacts.page(request.person, viewer, request.page_size, request.page_token)
        return hitl_service_pb2.ListContactsResponse(
            contacts=map(contact_messages.contact_to, page), next_page_token=token
        )

    async def UpdateContact(
        self, request: hitl_service_pb2.UpdateContactRequest, context: Context
    ) -> contact_pb2.Contact:
        contact = request.contact
        wanted = contact_messages.definition_from(contact)
        return contact_messages.contact_to(await self._contacts.update(contact.id, wanted, contact.etag))

    async def DeleteContact(self, request: hitl_service_pb2.DeleteContactRequest, context: Context) -> Empty:
        await self._contacts.delete(request.id)
        return Empty()

    async def ShowUnsubscribe(self, request: hitl_service_pb2.ShowUnsubscribeRequest, context: Context) -> HttpBody:
        contact = await self._contacts.subscribed(request.token)
        return await _page(context, pages.unsubscribe(contact.definition.person))

    async def Unsubscribe(self, request: hitl_service_pb2.UnsubscribeRequest, context: Context) -> HttpBody:
        await self._contacts.unsubscribe(request.token)
        return await _page(context, pages.notice("Done", "No more of these mails are sent to you."))

    async def ListDeliveries(
        self, request: hitl_service_pb2.ListDeliveriesRequest, context: Context
    ) -> hitl_service_pb2.ListDeliveriesResponse:
        page, token = await self._webhooks.deliveries(
            webhook_messages.delivery_filter_from(request),
            current_context.get().viewer,
            request.page_size,
            request.page_token,
        )
        return hitl_service_pb2.ListDeliveriesResponse(
            deliveries=map(webhook_messages.delivery_to, page), next_page_token=token
        )

    async def RetryDelivery(
        self, request: hitl_service_pb2.RetryDeliveryRequest, context: Context
    ) -> webhook_pb2.Delivery:
        return webhook_messages.delivery_to(await self._webhooks.retry(request.id))


def _request_once(request: Any) -> Once[HumanRequest, request_pb2.HumanRequest]:
    return Once(request, messages.request_to, attrgetter("size"))


async def _shown(requests: Sequence[HumanRequest]) -> list[request_pb2.HumanRequest]:
    size = sum(request.size for request in requests)
    return await beside(size, list, map(messages.request_to, requests))


def _for_people() -> bool:
    """Whether the caller is a browser, to which a refusal is a page too."""
    return "text/html" in current_context.get().header("accept")


async def _page(context: Context, page: Page) -> HttpBody:
    """An HTTP answer with its own status and headers."""
    await answer_with_headers(context, {HEADER: str(page.status), **page.headers})
    return HttpBody(content_type=page.content_type, data=page.body)
