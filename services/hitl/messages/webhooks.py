"""Webhooks, deliveries and action links: domain to protobuf and back."""

from qmcp.hitl.v1 import hitl_service_pb2, link_pb2, webhook_pb2

from servicekit.timestamps import to_timestamp
from services.hitl.delivery.models import Delivery, DeliveryFilter, IssuedWebhook, Webhook, WebhookDefinition
from services.hitl.links.links import link_path
from services.hitl.messages.urls import shown
from services.hitl.models import ActionLink, IssuedLink


def definition_from(message: webhook_pb2.Webhook) -> WebhookDefinition:
    return WebhookDefinition(
        message.url, tuple(message.kinds), tuple(message.request_types), message.description, message.paused
    )


def issued_webhook_to(issued: IssuedWebhook) -> webhook_pb2.Webhook:
    """A webhook with its secret, in the answer that shows it once."""
    return webhook_to(issued.webhook, issued.secret)


def webhook_to(webhook: Webhook, secret: str = "") -> webhook_pb2.Webhook:
    definition = webhook.definition
    return webhook_pb2.Webhook(
        id=str(webhook.id),
        url=shown(definition.url),
        kinds=definition.kinds,
        request_types=definition.request_types,
        description=definition.description,
        paused=definition.paused,
        secret=secret,
        etag=webhook.etag,
        created_at=to_timestamp(webhook.created_at),
        updated_at=to_timestamp(webhook.updated_at),
    )


def delivery_filter_from(request: hitl_service_pb2.ListDeliveriesRequest) -> DeliveryFilter:
    return DeliveryFilter(request.webhook_id, request.human_request_id, request.status, request.contact_id)


def delivery_to(delivery: Delivery) -> webhook_pb2.Delivery:
    pending = delivery.status == "pending"
    return webhook_pb2.Delivery(
        id=str(delivery.id),
        webhook_id=str(delivery.webhook_id or ""),
        contact_id=str(delivery.contact_id or ""),
        human_request_id=delivery.human_request_id,
        event_sequence=delivery.event_sequence,
        event_kind=delivery.event_kind,
        url=shown(delivery.url),
        status=delivery.status,
        attempts=delivery.attempts,
        next_attempt_at=to_timestamp(delivery.next_attempt_at) if pending else None,
        last_status=delivery.last_status,
        last_error=delivery.last_error,
        created_at=to_timestamp(delivery.created_at),
        delivered_at=to_timestamp(delivery.delivered_at),
    )


def issued_link_to(issued: IssuedLink) -> link_pb2.ActionLink:
    """A link with its token, in the answer that shows it once."""
    return link_to(issued.link, issued.token)


def link_to(link: ActionLink, token: str = "") -> link_pb2.ActionLink:
    """The link; without its token it has no path, as in the answer to a retry."""
    return link_pb2.ActionLink(
        path=link_path(token),
        human_request_id=link.human_request_id,
        person=link.person,
        expires_at=to_timestamp(link.expires_at),
    )
