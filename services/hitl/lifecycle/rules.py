"""What an answer does to a request, and what time does to it; who may do what: pure rules, no I/O."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from cachetools import LRUCache, cached

from servicekit.errors import Violation, invalid_field, permission_denied
from servicekit.idempotency import idempotency_key_reused
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import Viewer
from servicekit.row_ids import new_row_id
from servicekit.schemas import Schema
from services.hitl import errors
from services.hitl.models import (
    TIMEOUT,
    Answer,
    Eligible,
    HumanRequest,
    Json,
    NewEvent,
    OnExpiry,
    RequestSpec,
    Response,
    same_person,
)
from services.hitl.models.grants import GrantTerms

NO_QUORUM = "no quorum"
ADMIN = "hitl.admin"
DELEGATE = "hitl.delegate"
# Of a document that a request or an answer holds, and of what is recorded beside an answer.
MAX_DOCUMENT_BYTES = 256 * 1024
MAX_METADATA_BYTES = 64 * 1024
ASK = "hitl.ask"
# As the tools service takes them.
MAX_GRANT_DAYS = 366
MAX_GRANT_SCHEMA_BYTES = 32 * 1024
# What compiled schemas that are kept take at most; questions of one kind mostly share theirs.
MAX_SCHEMA_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """The request as it is then, what was answered, and what is to be told of it."""

    request: HumanRequest
    response: Response | None
    events: Sequence[NewEvent]


def earlier(request: HumanRequest, answer: Answer) -> Response | None:
    """The answer on record of which this is a repetition, if it is one.

    Raises:
        ServiceError: IDEMPOTENCY_KEY_REUSED.
    """
    for vote in request.votes:
        if vote.id == answer.id:
            # A commit whose acknowledgement was lost is tried again.
            return vote
        if answer.idempotency_key and vote.idempotency_key == answer.idempotency_key:
            if vote.responded_by != answer.responded_by or vote.body_digest != digest(answer):
                raise idempotency_key_reused(answer.idempotency_key)
            return vote
    return None


def answered(request: HumanRequest, answer: Answer, now: datetime) -> Outcome:
    """The request after this answer; it must not be overdue.

    Raises:
        ServiceError: ALREADY_RESPONDED, HUMAN_REQUEST_EXPIRED, HUMAN_REQUEST_CANCELLED, NOT_ASSIGNED, FOUR_EYES,
            RESPONSE_INVALID.
    """
    _require_open(request)
    require_may_answer(request, answer.responded_by, answer.roles)
    _require_valid(request, answer)
    _require_may_grant(request, answer)
    if any(same_person(vote.responded_by, answer.responded_by) for vote in request.votes):
        raise errors.already_voted(request.id, answer.responded_by)
    vote = Response(
        id=answer.id,
        human_request_id=request.id,
        response=answer.response,
        responded_by=answer.responded_by,
        created_at=now,
        response_metadata=answer.response_metadata,
        comment=answer.comment,
        edited_arguments=answer.edited_arguments,
        decides=False,
        via=answer.via,
        grant=answer.grant,
        idempotency_key=answer.idempotency_key,
        body_digest=digest(answer),
    )
    detail = {"response_id": str(vote.id), "response": vote.response, "via": vote.via}
    if _decides(request, vote):
        vote = replace(vote, decides=True)
        decided = replace(request, status="responded", ended_at=now, votes=[*request.votes, vote])
        return Outcome(decided, vote, [NewEvent(request.id, "decided", vote.responded_by, detail)])
    after = replace(request, votes=[*request.votes, vote])
    events = [NewEvent(request.id, "voted", vote.responded_by, detail)]
    if _hopeless(after):
        after = replace(after, status="cancelled", ended_at=now, cancel_reason=NO_QUORUM)
        events.append(NewEvent(request.id, "cancelled", vote.responded_by, {"reason": NO_QUORUM}))
    return Outcome(after, vote, events)


def timed_out(request: HumanRequest, now: datetime) -> Outcome:
    """An overdue request after its time: expired, answered by default, or in the hands of others."""
    on_expiry = request.spec.on_expiry
    if on_expiry.action == "answer":
        response = Response(
            id=new_row_id(),
            human_request_id=request.id,
            response=on_expiry.default_response,
            responded_by=TIMEOUT,
            created_at=now,
            response_metadata={},
            comment="",
            edited_arguments=None,
            decides=True,
            via="timeout",
        )
        detail = {"response_id": str(response.id), "response": response.response, "via": "timeout"}
        after = replace(request, status="responded", overdue=False, ended_at=now, votes=[*request.votes, response])
        return Outcome(after, response, [NewEvent(request.id, "decided", TIMEOUT, detail)])
    if on_expiry.action == "escalate":
        seconds = on_expiry.escalate_timeout_seconds or request.spec.timeout_seconds
        groups = list(on_expiry.escalate_to)
        after = replace(
            request,
            spec=replace(request.spec, assignees=(), groups=groups, on_expiry=OnExpiry()),
            # From now on, not from when the time was up: who is asked now has all of it, however late we notice.
            expires_at=now + timedelta(seconds=seconds),
            overdue=False,
            claimed_by="",
            claimed_at=None,
        )
        return Outcome(after, None, [NewEvent(request.id, "escalated", TIMEOUT, {"groups": groups})])
    after = replace(request, status="expired", overdue=False, ended_at=now)
    return Outcome(after, None, [NewEvent(request.id, "expired", TIMEOUT)])


def response_faults(
    options: Sequence[str], response_schema: Json, response: Json, field: str = "response"
) -> list[Violation]:
    """What keeps a value from being an answer."""
    if response is None and response_schema is None:
        return [Violation(field, "is missing: null is an answer only where a schema allows it")]
    if options and (not isinstance(response, str) or response not in options):
        # 1 is not '1'.
        shown = repr(response[:100]) if isinstance(response, str) else orjson.dumps(response).decode()[:100]
        return [Violation(field, f"must be one of: {', '.join(options)[:300]}; it is {shown}")]
    return _schema_faults(response_schema, response, field)


def require_fits(answer: Answer) -> None:
    """Refuses an answer that is larger than it may be.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    for field, document, maximum in (
        ("response", answer.response, MAX_DOCUMENT_BYTES),
        ("edited_arguments", answer.edited_arguments, MAX_DOCUMENT_BYTES),
        ("response_metadata", answer.response_metadata, MAX_METADATA_BYTES),
    ):
        if document is not None and len(orjson.dumps(document)) > maximum:
            raise invalid_field(field, f"must be at most {maximum // 1024} KiB of JSON")
    if answer.grant is not None:
        _require_sound_grant(answer.grant)


def digest(answer: Answer) -> bytes:
    """Of what is answered, so that a retry is told from another answer under the same key."""
    body = [answer.response, answer.response_metadata, answer.comment, answer.edited_arguments]
    # Without one as it was before there were any.
    body += [answer.grant] if answer.grant is not None else []
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()


def _require_open(request: HumanRequest) -> None:
    match request.status:
        case "responded":
            raise errors.already_responded(request.id)
        case "expired":
            raise errors.expired(request.id)
        case "cancelled":
            raise errors.cancelled(request.id)


def asked_by(wanted: RequestSpec, by: Principal) -> RequestSpec:
    """The question in the name of its caller, or where it may, in that of another.

    Raises:
        ServiceError: PERMISSION_DENIED, INVALID_REQUEST.
    """
    proposed = wanted.grant_offer.proposed if wanted.grant_offer is not None else None
    if proposed is not None:
        if not by.may(DELEGATE):
            raise permission_denied(DELEGATE)
        if proposed.principal != wanted.requester:
            raise invalid_field("grant_offer.proposed.principal", "must be on_behalf_of: a grant is for who asks")
    if wanted.requester:
        if not by.may(DELEGATE):
            raise errors.may_not_delegate()
        if bool(wanted.requester_reference) != bool(wanted.requester_permission):
            raise invalid_field("on_behalf_of_reference", "must come with on_behalf_of_permission")
        return wanted
    if wanted.requester_reference or wanted.requester_permission:
        raise invalid_field("on_behalf_of_reference", "must come with on_behalf_of")
    return replace(wanted, requester=by.name, requester_reference=by.reference, requester_permission=ASK)


def answered_by(answer: Answer, by: Principal, *, verified: bool) -> Answer:
    """The answer in the name of its caller. Where nobody is verified, what is said of who answers is taken."""
    if verified:
        return replace(answer, responded_by=by.name, roles=by.roles)
    return replace(answer, responded_by=answer.responded_by or by.name, roles=None)


def require_may_assign(request: HumanRequest, by: Principal) -> None:
    """Who may hand a request on: those who may answer it, and administrators.

    Of a binding request it may be any of the eligible: a wrong assignment would else leave it to nobody.

    Raises:
        ServiceError: NOT_ASSIGNED, FOUR_EYES.
    """
    if by.may(ADMIN):
        return
    if request.spec.eligible is None:
        require_may_answer(request, by.name, by.roles)
    elif not request.is_eligible(by.name, by.roles):
        raise errors.not_assigned(request.id)
    elif request.spec.four_eyes and request.is_requester(by.name):
        raise errors.four_eyes(request.id)


def require_may_claim(request: HumanRequest, by: Principal) -> None:
    """Who may be at a request: those who may answer it, and administrators.

    Raises:
        ServiceError: NOT_ASSIGNED, FOUR_EYES.
    """
    if not by.may(ADMIN):
        require_may_answer(request, by.name, by.roles)


def assigned(request: HumanRequest, assignees: Sequence[str], groups: Sequence[str], by: Principal) -> Outcome:
    """The request in the hands of others; of a binding one an administrator lets them in, and the event says whom.

    Raises:
        ServiceError: NOT_ASSIGNED, where nobody who is named could answer a binding request.
    """
    detail: dict[str, Any] = {"assignees": list(assignees), "groups": list(groups)}
    eligible = request.spec.eligible
    if eligible is not None and (eligible.assignees or eligible.groups):
        others = [each for each in assignees if each not in eligible.assignees]
        other_groups = [each for each in groups if each not in eligible.groups]
        if by.may(ADMIN) and (others or other_groups):
            eligible = Eligible([*eligible.assignees, *others], [*eligible.groups, *other_groups])
            detail["admitted"] = {"assignees": others, "groups": other_groups}
        elif other_groups or (others and not eligible.groups):
            raise errors.not_eligible(request.id)
    spec = replace(request.spec, assignees=assignees, groups=groups, eligible=eligible)
    return Outcome(replace(request, spec=spec), None, [NewEvent(request.id, "assigned", by.name, detail)])


def require_may_release(request: HumanRequest, by: Principal) -> None:
    """Whoever has claimed it, and administrators.

    Raises:
        ServiceError: ALREADY_CLAIMED.
    """
    if request.claimed_by != by.name and not by.may(ADMIN):
        raise errors.already_claimed(request.id, request.claimed_by)


def require_requester(request: HumanRequest, by: Principal) -> None:
    """Who asked, those who ask in others' names, and administrators.

    Raises:
        ServiceError: NOT_REQUESTER.
    """
    if by.name != request.spec.requester and not by.may(ADMIN) and not by.may(DELEGATE):
        raise errors.not_requester(request.id)


def require_seen(request: HumanRequest | None, human_request_id: str, viewer: Viewer) -> HumanRequest:
    """The request, where there is one and the viewer sees it; what it does not see is as what there is not.

    Raises:
        ServiceError: HUMAN_REQUEST_NOT_FOUND.
    """
    if request is None or not request.is_shown_to(viewer):
        raise errors.human_request_not_found(human_request_id)
    return request


def require_pending(request: HumanRequest) -> None:
    """Raises HUMAN_REQUEST_ENDED."""
    if request.ended:
        raise errors.ended(request.id, request.status)


def require_may_answer(request: HumanRequest, who: str, roles: frozenset[str] | None) -> None:
    """Refuses those who are not asked, and who asked where four eyes are wanted; `roles` as in Answer.

    Raises:
        ServiceError: NOT_ASSIGNED, FOUR_EYES.
    """
    if roles is not None and not request.is_asked(who, roles):
        raise errors.not_assigned(request.id)
    if request.spec.four_eyes and request.is_requester(who):
        raise errors.four_eyes(request.id)


def _require_valid(request: HumanRequest, answer: Answer) -> None:
    spec = request.spec
    faults = response_faults(spec.options, spec.response_schema, answer.response)
    if answer.edited_arguments is not None:
        if spec.proposed_arguments is None:
            faults.append(Violation("edited_arguments", "the request proposes no arguments that could be edited"))
        else:
            faults += _schema_faults(spec.arguments_schema, answer.edited_arguments, "edited_arguments")
    if faults:
        raise errors.response_invalid(faults)


def _require_may_grant(request: HumanRequest, answer: Answer) -> None:
    """Refuses to let the requester do it again where that is not offered, and by whom it may not be."""
    if answer.grant is None:
        return
    offer = request.spec.grant_offer
    if offer is None or answer.response != offer.response:
        raise errors.grant_not_offered(request.id)
    # Where nobody is verified, anybody could be who asked.
    if answer.roles is None or not answer.viewer.principal.may_always(offer.permission):
        raise permission_denied(offer.permission)
    if request.is_requester(answer.responded_by):
        raise errors.four_eyes(request.id)


def _require_sound_grant(grant: GrantTerms) -> None:
    left = grant.expires_at - datetime.now(UTC)
    if not timedelta(0) < left <= timedelta(days=MAX_GRANT_DAYS):
        raise invalid_field("grant.expires_at", f"must be in the future and within {MAX_GRANT_DAYS} days")
    if grant.arguments is not None and len(orjson.dumps(grant.arguments)) > MAX_GRANT_SCHEMA_BYTES:
        raise invalid_field("grant.arguments", f"must be at most {MAX_GRANT_SCHEMA_BYTES // 1024} KiB of JSON")
    Schema(grant.arguments, "grant.arguments")


def _decides(request: HumanRequest, vote: Response) -> bool:
    quorum = request.spec.quorum
    if quorum is None or (quorum.veto and vote.response == quorum.veto):
        return True
    return sum(_said(other) == _said(vote) for other in request.votes) + 1 >= quorum.required


def _hopeless(request: HumanRequest) -> bool:
    """Whether so many have voted that no answer can reach the quorum any more."""
    quorum = request.spec.quorum
    assert quorum is not None, "without one the first answer decides"
    if not quorum.voters:
        return False
    most = max(Counter(map(_said, request.votes)).values())
    return most + quorum.voters - len(request.votes) < quorum.required


def _said(vote: Response) -> bytes:
    """Two who approve different arguments do not agree."""
    return orjson.dumps([vote.response, vote.edited_arguments], option=orjson.OPT_SORT_KEYS)


def _schema_faults(document: Json, instance: Any, field: str) -> list[Violation]:
    if document is None:
        return []
    faults = _schema(orjson.dumps(document), field).faults(instance)
    return [Violation(f"{field}{'' if f.field == '/' else f.field}", f.description) for f in faults]


@cached(LRUCache[tuple[bytes, str], Schema](MAX_SCHEMA_BYTES, lambda schema: schema.memory_bytes))
def _schema(document: bytes, field: str) -> Schema:
    return Schema(orjson.loads(document), field)
