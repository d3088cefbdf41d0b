"""Between the messages of hitl and the client's values: pure functions, both directions."""

from typing import Any

from google.protobuf.struct_pb2 import Struct, Value
from qmcp.client.hitl import models
from qmcp.client.values import from_struct, from_timestamp, from_value, to_value
from qmcp.hitl.v1 import hitl_service_pb2, link_pb2, request_pb2, webhook_pb2


def request(message: request_pb2.HumanRequest) -> models.HumanRequest:
    """A question and how it stands."""
    return models.HumanRequest(
        id=message.id,
        request_type=message.request_type,
        prompt=message.prompt,
        status=message.status,
        options=tuple(message.options),
        context=_object(message, "context"),
        timeout_seconds=message.timeout_seconds,
        created_at=from_timestamp(message, "created_at"),
        expires_at=from_timestamp(message, "expires_at"),
        correlation_id=message.correlation_id,
        response_schema=_object(message, "response_schema"),
        proposed_arguments=_object(message, "proposed_arguments"),
        priority=message.priority,
        due_at=from_timestamp(message, "due_at"),
        assignees=tuple(message.assignees),
        groups=tuple(message.groups),
        tags=tuple(message.tags),
        callback_url=message.callback_url,
        on_expiry=_expiry(message.on_expiry),
        quorum=_quorum(message.quorum) if message.HasField("quorum") else None,
        four_eyes=message.four_eyes,
        requester=message.requester,
        claimed_by=message.claimed_by,
        claimed_at=from_timestamp(message, "claimed_at"),
        viewed_by=tuple(message.viewed_by),
        ended_at=from_timestamp(message, "ended_at"),
        response=response(message.response) if message.HasField("response") else None,
        votes=tuple(response(vote) for vote in message.votes),
        cancel_reason=message.cancel_reason,
    )


def found(message: hitl_service_pb2.GetHumanRequestResponse) -> models.HumanRequest:
    """The question of an answer that has both apart."""
    return request(message.request)


def response(message: request_pb2.HumanResponse) -> models.HumanResponse:
    """An answer."""
    return models.HumanResponse(
        id=message.id,
        human_request_id=message.human_request_id,
        response=from_value(message.response),
        responded_by=message.responded_by,
        created_at=from_timestamp(message, "created_at"),
        response_metadata=from_struct(message.response_metadata),
        comment=message.comment,
        edited_arguments=_object(message, "edited_arguments"),
        decides=message.decides,
        via=message.via,
    )


def waited(message: hitl_service_pb2.WaitForResponseResponse) -> tuple[bool, list[models.HumanRequest]]:
    """Whether what was waited for has come, and the requests as they stand."""
    return message.done, [request(each) for each in message.requests]


def event(message: request_pb2.HumanRequestEvent) -> models.HumanRequestEvent:
    """Something that happened."""
    return models.HumanRequestEvent(
        sequence=message.sequence,
        at=from_timestamp(message, "at"),
        kind=message.kind,
        human_request_id=message.human_request_id,
        principal=message.principal,
        detail=from_struct(message.detail),
        request=request(message.request) if message.HasField("request") else None,
    )


def link(message: link_pb2.ActionLink) -> models.ActionLink:
    """An action link."""
    return models.ActionLink(
        path=message.path,
        human_request_id=message.human_request_id,
        person=message.person,
        expires_at=from_timestamp(message, "expires_at"),
    )


def webhook(message: webhook_pb2.Webhook) -> models.Webhook:
    """A webhook."""
    return models.Webhook(
        url=message.url,
        kinds=tuple(message.kinds),
        request_types=tuple(message.request_types),
        description=message.description,
        paused=message.paused,
        id=message.id,
        secret=message.secret,
        etag=message.etag,
        created_at=from_timestamp(message, "created_at"),
        updated_at=from_timestamp(message, "updated_at"),
    )


def webhook_message(value: models.Webhook) -> webhook_pb2.Webhook:
    """A webhook to register or change. What the service sets is left out, but id and etag."""
    return webhook_pb2.Webhook(
        id=value.id,
        url=value.url,
        kinds=value.kinds,
        request_types=value.request_types,
        description=value.description,
        paused=value.paused,
        etag=value.etag,
    )


def delivery(message: webhook_pb2.Delivery) -> models.Delivery:
    """A delivery."""
    return models.Delivery(
        id=message.id,
        webhook_id=message.webhook_id,
        human_request_id=message.human_request_id,
        event_sequence=message.event_sequence,
        event_kind=message.event_kind,
        url=message.url,
        status=message.status,
        attempts=message.attempts,
        next_attempt_at=from_timestamp(message, "next_attempt_at"),
        last_status=message.last_status,
        last_error=message.last_error,
        created_at=from_timestamp(message, "created_at"),
        delivered_at=from_timestamp(message, "delivered_at"),
    )


def expiry_message(value: models.ExpiryAction | None) -> request_pb2.ExpiryAction | None:
    """What is to happen when the time is up; None where nothing was said."""
    if value is None:
        return None
    return request_pb2.ExpiryAction(
        action=value.action,
        default_response=_given(value.default_response),
        escalate_to=value.escalate_to,
        escalate_timeout_seconds=value.escalate_timeout_seconds,
    )


def quorum_message(value: models.Quorum | None) -> request_pb2.Quorum | None:
    """How many must agree; None where nothing was said."""
    if value is None:
        return None
    return request_pb2.Quorum(required=value.required, voters=value.voters, veto=value.veto)


def _expiry(message: request_pb2.ExpiryAction) -> models.ExpiryAction:
    return models.ExpiryAction(
        action=message.action or "expire",
        default_response=from_value(message.default_response),
        escalate_to=tuple(message.escalate_to),
        escalate_timeout_seconds=message.escalate_timeout_seconds,
    )


def _quorum(message: request_pb2.Quorum) -> models.Quorum:
    return models.Quorum(required=message.required, voters=message.voters, veto=message.veto)


def _object(message: Any, name: str) -> dict[str, Any] | None:
    value: Struct = getattr(message, name)
    return from_struct(value) if message.HasField(name) else None


def _given(value: Any) -> Value | None:
    return None if value is None else to_value(value)
