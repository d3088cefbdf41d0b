"""The errors of the hitl service: every reason stands in error_reason.proto.

Clients of the original QMCP look for its words in the sentences: "not found", "already exists", "already been responded
to", "must be one of", "expired".
"""

from collections.abc import Sequence
from dataclasses import replace

from servicekit.errors import (
    ServiceError,
    Violation,
    aborted,
    already_exists,
    exhausted,
    failed_precondition,
    forbidden,
    invalid_argument,
    not_found,
)

GONE = 410


def human_request_not_found(human_request_id: str) -> ServiceError:
    return not_found(
        "HUMAN_REQUEST_NOT_FOUND", f"Human request {human_request_id!r} not found.", human_request_id=human_request_id
    )


def human_request_exists(human_request_id: str) -> ServiceError:
    message = (
        f"Another human request {human_request_id!r} already exists. Choose another id, or leave it to the server."
    )
    return already_exists("HUMAN_REQUEST_EXISTS", message, human_request_id=human_request_id)


def human_request_repeated(human_request_id: str, status: str) -> ServiceError:
    """The same was asked before; its answer must not pass for one to a new question."""
    how = "its time is up" if status == "pending" else f"it is {status}"
    message = (
        f"The same human request {human_request_id!r} already exists and has ended: {how}. Ask anew under another id; "
        "GET shows how this one was decided."
    )
    return already_exists("HUMAN_REQUEST_REPEATED", message, human_request_id=human_request_id, status=status)


def already_responded(human_request_id: str) -> ServiceError:
    message = f"The human request {human_request_id!r} has already been responded to; that answer stands."
    return already_exists("ALREADY_RESPONDED", message, human_request_id=human_request_id)


def already_voted(human_request_id: str, who: str) -> ServiceError:
    message = f"The human request {human_request_id!r} has already been responded to by {who}; one person has one vote."
    return already_exists("ALREADY_RESPONDED", message, human_request_id=human_request_id)


def expired(human_request_id: str) -> ServiceError:
    error = failed_precondition(
        "HUMAN_REQUEST_EXPIRED",
        f"The human request {human_request_id!r} has expired: its time was up before the answer came.",
        human_request_id=human_request_id,
    )
    return replace(error, http_status=GONE)


def cancelled(human_request_id: str) -> ServiceError:
    error = failed_precondition(
        "HUMAN_REQUEST_CANCELLED",
        f"The human request {human_request_id!r} was cancelled; nobody waits for an answer any more.",
        human_request_id=human_request_id,
    )
    return replace(error, http_status=GONE)


def ended(human_request_id: str, status: str) -> ServiceError:
    return failed_precondition(
        "HUMAN_REQUEST_ENDED",
        f"The human request {human_request_id!r} has ended: it is {status}.",
        human_request_id=human_request_id,
        status=status,
    )


def response_invalid(faults: Sequence[Violation]) -> ServiceError:
    first = faults[0]
    return invalid_argument("RESPONSE_INVALID", f"{first.field}: {first.description}", faults)


def not_assigned(human_request_id: str) -> ServiceError:
    message = f"The human request {human_request_id!r} is addressed to others. Ask who sent it to assign it to you."
    return forbidden("NOT_ASSIGNED", message, human_request_id=human_request_id)


def not_asked_any_more() -> ServiceError:
    """For who has a link: it tells nothing of what was asked."""
    return forbidden("NOT_ASSIGNED", "What this link was made for is somebody else's to answer now.")


def not_eligible(human_request_id: str) -> ServiceError:
    message = (
        f"The human request {human_request_id!r} is bound to those it was addressed to. Assign it among these, "
        "or have an administrator let others in."
    )
    return forbidden("NOT_ASSIGNED", message, human_request_id=human_request_id)


def grant_not_offered(human_request_id: str) -> ServiceError:
    return failed_precondition(
        "GRANT_NOT_OFFERED",
        "The request takes no grant, or not with this answer. Answer without, or have an administrator make one.",
        human_request_id=human_request_id,
    )


def four_eyes(human_request_id: str) -> ServiceError:
    message = f"The human request {human_request_id!r} wants four eyes: whoever asked may not answer."
    return forbidden("FOUR_EYES", message, human_request_id=human_request_id)


def already_claimed(human_request_id: str, by: str) -> ServiceError:
    message = (
        f"{by} has claimed the human request {human_request_id!r}. Take it over with take_over, or choose another."
    )
    return failed_precondition("ALREADY_CLAIMED", message, human_request_id=human_request_id, claimed_by=by)


def not_requester(human_request_id: str) -> ServiceError:
    message = f"Only who asked, or an administrator, may do this to the human request {human_request_id!r}."
    return forbidden("NOT_REQUESTER", message, human_request_id=human_request_id)


def may_not_delegate() -> ServiceError:
    message = "on_behalf_of needs the permission hitl.delegate, which services have."
    return forbidden("PERMISSION_DENIED", message, permission="hitl.delegate")


def similar_off() -> ServiceError:
    message = "Similar requests are not looked for here. The operator switches it on: QMCP_HITL_SIMILAR_REQUESTS=true."
    return failed_precondition("SIMILAR_OFF", message)


def webhook_not_found(webhook_id: str) -> ServiceError:
    return not_found("WEBHOOK_NOT_FOUND", f"There is no webhook {webhook_id!r}.", webhook_id=webhook_id)


def delivery_not_found(delivery_id: str) -> ServiceError:
    return not_found("DELIVERY_NOT_FOUND", f"There is no delivery {delivery_id!r}.", delivery_id=delivery_id)


def too_many_webhooks(most: int) -> ServiceError:
    return exhausted("TOO_MANY_WEBHOOKS", f"There are {most} webhooks, as many as there may be.", 60)


def contact_not_found(contact_id: str) -> ServiceError:
    return not_found("CONTACT_NOT_FOUND", f"There is no contact {contact_id!r}.", contact_id=contact_id)


def too_many_contacts(most: int) -> ServiceError:
    return exhausted("TOO_MANY_CONTACTS", f"There are {most} contacts, as many as there may be.", 60)


def channel_not_set_up(kind: str) -> ServiceError:
    needed = (
        "QMCP_HITL_PUBLIC_URL, QMCP_HITL_SMTP_URL and QMCP_HITL_MAIL_FROM"
        if kind == "email"
        else "QMCP_HITL_PUBLIC_URL"
    )
    message = f"Contacts of the kind {kind} are not set up here. The operator sets {needed}."
    return failed_precondition("CHANNEL_NOT_SET_UP", message, kind=kind)


def etag_mismatch(what: str) -> ServiceError:
    return aborted("ETAG_MISMATCH", f"{what} changed since you read it. Read it again, apply your change, retry.")


def link_not_valid() -> ServiceError:
    message = "The link is not valid: it is none of ours, was used, or its time is up. Ask for a new one."
    return not_found("LINK_NOT_VALID", message)
