"""Offers of grants ↔ protobuf, and who is shown what is proposed."""

from qmcp.hitl.v1 import request_pb2

from servicekit.identity.principal import NOBODY
from servicekit.json_values import document, fill_struct
from servicekit.request_context import current_context
from services.hitl.models import same_person
from services.hitl.models.grants import GrantOffer, ProposedGrant


def offer_from(message: request_pb2.GrantOffer) -> GrantOffer:
    """What whoever asks offers.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    if not message.HasField("proposed"):
        return GrantOffer(message.response, message.permission)
    said = message.proposed
    arguments = document(said.arguments, "grant_offer.proposed.arguments")
    proposed = ProposedGrant(
        tuple(said.tools), arguments, said.principal, said.uses, said.duration_seconds, said.approvals
    )
    return GrantOffer(message.response, message.permission, proposed)


def offer_to(offer: GrantOffer, requester: str) -> request_pb2.GrantOffer:
    """What is offered; what is proposed, to those alone who may answer with it."""
    message = request_pb2.GrantOffer(response=offer.response, permission=offer.permission)
    call = current_context.get(None)
    by = NOBODY if call is None else call.principal
    proposed = offer.proposed
    if proposed is None or not by.may_always(offer.permission) or same_person(by.name, requester):
        return message
    message.proposed.tools.extend(proposed.tools)
    fill_struct(message.proposed.arguments, proposed.arguments or {})
    message.proposed.principal, message.proposed.approvals = proposed.principal, proposed.approvals
    message.proposed.uses, message.proposed.duration_seconds = proposed.uses, proposed.duration_seconds
    return message
