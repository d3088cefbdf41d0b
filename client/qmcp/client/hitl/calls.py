"""The RPCs of hitl as values, for the sync and the async client alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from qmcp.client.calls import LARGEST_PAGE, Call, Page, new_idempotency_key, nothing, pages
from qmcp.client.hitl import messages, models
from qmcp.client.values import to_struct, to_timestamp, to_value
from qmcp.hitl.v1 import hitl_service_pb2 as api


def create_request(
    request_type: str,
    prompt: str,
    *,
    human_request_id: str,
    options: Sequence[str],
    context: Mapping[str, Any] | None,
    timeout_seconds: int,
    correlation_id: str,
    response_schema: Mapping[str, Any] | None,
    proposed_arguments: Mapping[str, Any] | None,
    arguments_schema: Mapping[str, Any] | None,
    priority: str,
    due_at: datetime | None,
    assignees: Sequence[str],
    groups: Sequence[str],
    tags: Sequence[str],
    callback_url: str,
    on_expiry: models.ExpiryAction | None,
    quorum: models.Quorum | None,
    four_eyes: bool,
) -> Call[models.HumanRequest]:
    """Asks a question; `human_request_id` is the human request's own id, empty for one that the server makes."""
    request = api.CreateHumanRequestRequest(
        id=human_request_id,
        request_type=request_type,
        prompt=prompt,
        options=options,
        context=_struct(context),
        timeout_seconds=timeout_seconds,
        correlation_id=correlation_id,
        response_schema=_struct(response_schema),
        proposed_arguments=_struct(proposed_arguments),
        arguments_schema=_struct(arguments_schema),
        priority=priority,
        due_at=to_timestamp(due_at),
        assignees=assignees,
        groups=groups,
        tags=tags,
        callback_url=callback_url,
        on_expiry=messages.expiry_message(on_expiry),
        quorum=messages.quorum_message(quorum),
        four_eyes=four_eyes,
        idempotency_key=new_idempotency_key(),
    )
    return Call("CreateHumanRequest", request, messages.request)


def get_request(human_request_id: str) -> Call[models.HumanRequest]:
    """One request with the answer that decided it."""
    return Call("GetHumanRequest", api.GetHumanRequestRequest(id=human_request_id), messages.found)


def list_requests(limit: int | None, **filters: Any) -> Call[Page[models.HumanRequest]]:
    """The first page of the requests, newest first; the filters are the fields of ListHumanRequestsRequest."""
    request = api.ListHumanRequestsRequest(page_size=LARGEST_PAGE, **filters)
    return pages("ListHumanRequests", request, "requests", messages.request, limit=limit)


def respond(
    human_request_id: str,
    response: Any,
    *,
    comment: str,
    edited_arguments: Mapping[str, Any] | None,
    responded_by: str,
    response_metadata: Mapping[str, Any] | None,
    idempotency_key: str | None,
) -> Call[models.HumanResponse]:
    """Answers a request."""
    request = api.CreateHumanResponseRequest(
        human_request_id=human_request_id,
        response=to_value(response),
        responded_by=responded_by,
        response_metadata=_struct(response_metadata),
        comment=comment,
        edited_arguments=_struct(edited_arguments),
        idempotency_key=idempotency_key or new_idempotency_key(),
    )
    return Call("CreateHumanResponse", request, messages.response)


def list_events(human_request_id: str) -> Call[Page[models.HumanRequestEvent]]:
    """The first page of a request's history, oldest first."""
    request = api.ListHumanRequestEventsRequest(id=human_request_id, page_size=LARGEST_PAGE)
    return pages("ListHumanRequestEvents", request, "events", messages.event, limit=None)


def find_similar(human_request_id: str, limit: int) -> Call[list[models.HumanRequest]]:
    """Requests that ended and resemble this one."""
    request = api.FindSimilarHumanRequestsRequest(id=human_request_id, limit=limit)
    return Call(
        "FindSimilarHumanRequests", request, lambda answer: [messages.request(each) for each in answer.requests]
    )


def view(human_request_id: str) -> Call[models.HumanRequest]:
    """Records that the caller has looked at it."""
    return Call("ViewHumanRequest", api.ViewHumanRequestRequest(id=human_request_id), messages.request)


def claim(human_request_id: str, *, take_over: bool) -> Call[models.HumanRequest]:
    """Tells the others that the caller is at it."""
    request = api.ClaimHumanRequestRequest(id=human_request_id, take_over=take_over)
    return Call("ClaimHumanRequest", request, messages.request)


def release(human_request_id: str) -> Call[models.HumanRequest]:
    """Gives a claim up."""
    return Call("ReleaseHumanRequest", api.ReleaseHumanRequestRequest(id=human_request_id), messages.request)


def assign(human_request_id: str, assignees: Sequence[str], groups: Sequence[str]) -> Call[models.HumanRequest]:
    """Replaces who is asked."""
    request = api.AssignHumanRequestRequest(id=human_request_id, assignees=assignees, groups=groups)
    return Call("AssignHumanRequest", request, messages.request)


def comment(human_request_id: str, text: str) -> Call[models.HumanRequest]:
    """Writes a comment into its history."""
    request = api.CommentOnHumanRequestRequest(id=human_request_id, comment=text, idempotency_key=new_idempotency_key())
    return Call("CommentOnHumanRequest", request, messages.request)


def remind(human_request_id: str) -> Call[models.HumanRequest]:
    """Tells those who are asked once more."""
    request = api.RemindOfHumanRequestRequest(id=human_request_id, idempotency_key=new_idempotency_key())
    return Call("RemindOfHumanRequest", request, messages.request)


def cancel(human_request_id: str, reason: str) -> Call[models.HumanRequest]:
    """Takes a question back."""
    # A second one would be refused with HUMAN_REQUEST_ENDED though the first did what was asked.
    request = api.CancelHumanRequestRequest(id=human_request_id, reason=reason)
    return Call("CancelHumanRequest", request, messages.request, repeatable=False)


def create_link(human_request_id: str, person: str, timeout_seconds: int) -> Call[models.ActionLink]:
    """Makes a link by which one person answers."""
    request = api.CreateActionLinkRequest(
        id=human_request_id, person=person, timeout_seconds=timeout_seconds, idempotency_key=new_idempotency_key()
    )
    # A retry would return the link without its path, which is all that it is for.
    return Call("CreateActionLink", request, messages.link, repeatable=False)


def create_webhook(webhook: models.Webhook, idempotency_key: str | None) -> Call[models.Webhook]:
    """Registers a webhook."""
    request = api.CreateWebhookRequest(
        webhook=messages.webhook_message(webhook), idempotency_key=idempotency_key or new_idempotency_key()
    )
    return Call("CreateWebhook", request, messages.webhook)


def get_webhook(webhook_id: str) -> Call[models.Webhook]:
    """One webhook, without its secret."""
    return Call("GetWebhook", api.GetWebhookRequest(id=webhook_id), messages.webhook)


def list_webhooks() -> Call[Page[models.Webhook]]:
    """The first page of the webhooks, newest first."""
    request = api.ListWebhooksRequest(page_size=LARGEST_PAGE)
    return pages("ListWebhooks", request, "webhooks", messages.webhook, limit=None)


def update_webhook(webhook: models.Webhook, *, rotate_secret: bool) -> Call[models.Webhook]:
    """Replaces a webhook's definition."""
    request = api.UpdateWebhookRequest(webhook=messages.webhook_message(webhook), rotate_secret=rotate_secret)
    # With an etag a second one would be refused though the first did what was asked; a secret would be made twice.
    return Call("UpdateWebhook", request, messages.webhook, repeatable=not (webhook.etag or rotate_secret))


def delete_webhook(webhook_id: str) -> Call[None]:
    """Removes a webhook."""
    # A second one would be answered with NOT_FOUND though the first did what was asked.
    return Call("DeleteWebhook", api.DeleteWebhookRequest(id=webhook_id), nothing, repeatable=False)


def list_deliveries(limit: int | None, **filters: Any) -> Call[Page[models.Delivery]]:
    """The first page of the deliveries, newest first; the filters are the fields of ListDeliveriesRequest."""
    request = api.ListDeliveriesRequest(page_size=LARGEST_PAGE, **filters)
    return pages("ListDeliveries", request, "deliveries", messages.delivery, limit=limit)


def retry_delivery(delivery_id: str) -> Call[models.Delivery]:
    """Sends a delivery again."""
    return Call("RetryDelivery", api.RetryDeliveryRequest(id=delivery_id), messages.delivery)


def _struct(value: Mapping[str, Any] | None) -> Any:
    return None if value is None else to_struct(value)
