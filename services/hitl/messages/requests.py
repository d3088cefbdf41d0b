"""Questions, answers and events, in both directions."""

from typing import Any

from qmcp.hitl.v1 import hitl_service_pb2, request_pb2

from servicekit.deep_json import given, put
from servicekit.errors import Violation, invalid_field
from servicekit.http_json.writing import json_form, original_form
from servicekit.idempotency import key_of
from servicekit.json_values import document, fill_struct
from servicekit.request_context import RequestContext
from servicekit.row_ids import new_row_id
from servicekit.timestamps import to_datetime, to_timestamp
from services.hitl import errors
from services.hitl.messages.offers import offer_from, offer_to
from services.hitl.messages.urls import shown
from services.hitl.models import (
    Answer,
    Eligible,
    Event,
    EventFilter,
    HumanRequest,
    OnExpiry,
    Quorum,
    RequestFilter,
    RequestSpec,
    Response,
    ToolSubject,
)
from services.hitl.models.grants import GrantTerms

DEFAULT_TIMEOUT_SECONDS = 3_600


def spec_from(request: hitl_service_pb2.CreateHumanRequestRequest, call: RequestContext) -> RequestSpec:
    """What the caller asks; the requester is whom it names, empty where it asks in its own name."""
    return RequestSpec(
        id=request.id or str(new_row_id()),
        request_type=request.request_type,
        prompt=request.prompt,
        options=tuple(request.options),
        context=given(request, "context") or {},
        timeout_seconds=request.timeout_seconds or DEFAULT_TIMEOUT_SECONDS,
        correlation_id=request.correlation_id or call.recorded_correlation_id,
        response_schema=given(request, "response_schema"),
        proposed_arguments=given(request, "proposed_arguments"),
        arguments_schema=given(request, "arguments_schema"),
        priority=request.priority or "normal",
        due_at=to_datetime(request, "due_at"),
        assignees=tuple(request.assignees),
        groups=tuple(request.groups),
        tags=tuple(request.tags),
        callback_url=request.callback_url,
        on_expiry=_on_expiry_from(request.on_expiry),
        quorum=Quorum(request.quorum.required, request.quorum.voters, request.quorum.veto)
        if request.HasField("quorum")
        else None,
        four_eyes=request.four_eyes,
        requester=request.on_behalf_of,
        eligible=Eligible(tuple(request.assignees), tuple(request.groups)) if request.binding else None,
        requester_reference=request.on_behalf_of_reference,
        requester_permission=request.on_behalf_of_permission,
        task_id=request.task_id,
        fencing_token=request.fencing_token,
        tool=ToolSubject(request.tool.name, tuple(request.tool.tags), dict(request.tool.labels))
        if request.HasField("tool")
        else None,
        grant_offer=offer_from(request.grant_offer) if request.HasField("grant_offer") else None,
    )


def answer_from(request: hitl_service_pb2.CreateHumanResponseRequest) -> Answer:
    """What the caller answers, in the name of whom it says."""
    return Answer(
        id=new_row_id(),
        human_request_id=request.human_request_id or request.request_id,
        response=given(request, "response"),
        responded_by=request.responded_by,
        response_metadata=given(request, "response_metadata") or {},
        comment=request.comment,
        edited_arguments=given(request, "edited_arguments"),
        idempotency_key=key_of(request),
        grant=_grant_from(request.grant) if request.HasField("grant") else None,
    )


def filter_from(request: hitl_service_pb2.ListHumanRequestsRequest) -> RequestFilter:
    """Which requests a list shall hold."""
    return RequestFilter(
        request.status,
        request.request_type,
        request.correlation_id,
        request.requester,
        request.assignee,
        request.group,
        request.tag,
    )


def event_filter_from(request: hitl_service_pb2.WatchHumanRequestsRequest) -> EventFilter:
    """Which events a stream shall hold."""
    return EventFilter(
        tuple(request.kinds), request.id, request.request_type, request.assignee, request.group, request.tag
    )


def request_to(request: HumanRequest) -> request_pb2.HumanRequest:
    """A request as it stands."""
    spec = request.spec
    message = request_pb2.HumanRequest(
        id=spec.id,
        request_type=spec.request_type,
        prompt=spec.prompt,
        options=spec.options,
        timeout_seconds=spec.timeout_seconds,
        status=request.status,
        created_at=to_timestamp(request.created_at),
        expires_at=to_timestamp(request.expires_at),
        correlation_id=spec.correlation_id,
        priority=spec.priority,
        due_at=to_timestamp(spec.due_at),
        assignees=spec.assignees,
        groups=spec.groups,
        tags=spec.tags,
        callback_url=shown(spec.callback_url, spec.requester),
        on_expiry=_on_expiry_to(spec.on_expiry),
        quorum=_quorum_to(spec.quorum),
        four_eyes=spec.four_eyes,
        requester=spec.requester,
        claimed_by=request.claimed_by,
        claimed_at=to_timestamp(request.claimed_at),
        viewed_by=request.viewed_by,
        ended_at=to_timestamp(request.ended_at),
        votes=map(response_to, request.votes),
        cancel_reason=request.cancel_reason,
        binding=spec.eligible is not None,
        requester_lost_access=request.requester_lost_access,
        task_id=spec.task_id,
        fencing_token=spec.fencing_token,
        tool=request_pb2.ToolSubject(name=spec.tool.name, tags=spec.tool.tags, labels=spec.tool.labels)
        if spec.tool is not None
        else None,
        grant_offer=offer_to(spec.grant_offer, spec.requester) if spec.grant_offer is not None else None,
    )
    put(message, "context", spec.context)
    if spec.response_schema is not None:
        put(message, "response_schema", spec.response_schema)
    if spec.proposed_arguments is not None:
        put(message, "proposed_arguments", spec.proposed_arguments)
    if request.response is not None:
        message.response.CopyFrom(response_to(request.response))
    return message


def answered_request_to(request: HumanRequest) -> hitl_service_pb2.GetHumanRequestResponse:
    """The original's form: the answer beside the request, null as long as there is none."""
    message = hitl_service_pb2.GetHumanRequestResponse(request=request_to(request))
    put(message, "response", None if request.response is None else original_form(response_to(request.response)))
    return message


def response_to(response: Response) -> request_pb2.HumanResponse:
    """An answer, as it is on record."""
    message = request_pb2.HumanResponse(
        id=str(response.id),
        human_request_id=response.human_request_id,
        responded_by=response.responded_by,
        created_at=to_timestamp(response.created_at),
        comment=response.comment,
        decides=response.decides,
        via=response.via,
        request_id=response.human_request_id,
    )
    put(message, "response", response.response)
    put(message, "response_metadata", response.response_metadata)
    if response.edited_arguments is not None:
        put(message, "edited_arguments", response.edited_arguments)
    if response.grant is not None:
        _fill_grant(message.grant, response.grant)
    return message


def event_to(event: Event, request: HumanRequest | None = None) -> request_pb2.HumanRequestEvent:
    """An event; in a stream with the request as it stands."""
    message = request_pb2.HumanRequestEvent(
        sequence=event.sequence,
        at=to_timestamp(event.at),
        kind=event.kind,
        human_request_id=event.human_request_id,
        principal=event.principal,
        request=None if request is None else request_to(request),
    )
    fill_struct(message.detail, event.detail)
    return message


def heartbeat_to(sequence: int, *, last: bool = False) -> request_pb2.HumanRequestEvent:
    """Nothing happened; or, as the last of a stream, the replica stops."""
    message = request_pb2.HumanRequestEvent(sequence=sequence, kind="heartbeat", last=last)
    message.at.GetCurrentTime()
    return message


def request_json(request: HumanRequest) -> dict[str, Any]:
    """The request as the HTTP API shows it, for those who are told of it by HTTP."""
    return json_form(request_to(request))


def _grant_from(message: request_pb2.ResponseGrant) -> GrantTerms:
    expires_at = to_datetime(message, "expires_at")
    if expires_at is None:
        raise invalid_field("grant.expires_at", "says until when it is good; it is missing")
    return GrantTerms(
        tools=tuple(message.tools),
        arguments=document(message.arguments, "grant.arguments") if message.HasField("arguments") else None,
        uses=message.uses if message.HasField("uses") else None,
        expires_at=expires_at,
        any_version=message.any_version,
        reason=message.reason,
    )


def _fill_grant(message: request_pb2.ResponseGrant, grant: GrantTerms) -> None:
    message.tools.extend(grant.tools)
    if grant.arguments is not None:
        fill_struct(message.arguments, grant.arguments)
    if grant.uses is not None:
        message.uses = grant.uses
    message.expires_at.FromDatetime(grant.expires_at)
    message.any_version, message.reason = grant.any_version, grant.reason


def _on_expiry_from(message: request_pb2.ExpiryAction) -> OnExpiry:
    if message.action == "answer" and not message.HasField("default_response"):
        raise errors.response_invalid([Violation("on_expiry.default_response", "is missing")])
    return OnExpiry(
        message.action or "expire",
        given(message, "default_response", "on_expiry."),
        tuple(message.escalate_to),
        message.escalate_timeout_seconds,
    )


def _on_expiry_to(on_expiry: OnExpiry) -> request_pb2.ExpiryAction:
    message = request_pb2.ExpiryAction(
        action=on_expiry.action,
        escalate_to=on_expiry.escalate_to,
        escalate_timeout_seconds=on_expiry.escalate_timeout_seconds,
    )
    if on_expiry.action == "answer" or on_expiry.default_response is not None:
        put(message, "default_response", on_expiry.default_response)
    return message


def _quorum_to(quorum: Quorum | None) -> request_pb2.Quorum | None:
    return (
        None if quorum is None else request_pb2.Quorum(required=quorum.required, voters=quorum.voters, veto=quorum.veto)
    )
