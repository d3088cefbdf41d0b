"""Contacts: domain to protobuf and back."""

from qmcp.hitl.v1 import contact_pb2

from servicekit.timestamps import to_timestamp
from services.hitl.delivery.models import Contact, ContactDefinition, QuietHours
from services.hitl.messages.urls import shown

DIGEST_FROM = 5


def definition_from(message: contact_pb2.Contact) -> ContactDefinition:
    quiet = message.quiet_hours
    return ContactDefinition(
        message.kind,  # type: ignore[arg-type]  # as the contract's rule has it
        message.address,
        message.person,
        tuple(message.groups),
        QuietHours(quiet.begin, quiet.end, quiet.time_zone or "UTC") if message.HasField("quiet_hours") else None,
        message.digest_from or DIGEST_FROM,
        message.description,
        message.paused,
    )


def contact_to(contact: Contact) -> contact_pb2.Contact:
    definition, quiet = contact.definition, contact.definition.quiet_hours
    return contact_pb2.Contact(
        id=str(contact.id),
        kind=definition.kind,
        address=definition.address if definition.kind == "email" else shown(definition.address),
        person=definition.person,
        groups=definition.groups,
        quiet_hours=contact_pb2.QuietHours(begin=quiet.begin, end=quiet.end, time_zone=quiet.time_zone)
        if quiet
        else None,
        digest_from=definition.digest_from,
        description=definition.description,
        paused=definition.paused,
        etag=contact.etag,
        created_at=to_timestamp(contact.created_at),
        updated_at=to_timestamp(contact.updated_at),
    )
