"""Webhooks, contacts and deliveries, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.hitl.models import Json


@dataclass(frozen=True, slots=True)
class WebhookDefinition:
    """What somebody wants to be told, and where."""

    url: str
    # Empty: those that every webhook is told of.
    kinds: Sequence[str] = ()
    # Empty: all.
    request_types: Sequence[str] = ()
    description: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it stands, without its secret."""

    id: UUID
    definition: WebhookDefinition
    etag: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedWebhook:
    """A webhook and its secret, `whsec_...`, in the one moment where that is known; "" where it is not new."""

    webhook: Webhook
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one address."""

    id: UUID
    # Neither: it goes to the callback of the request itself.
    webhook_id: UUID | None
    contact_id: UUID | None
    human_request_id: str
    event_sequence: int
    event_kind: str
    # Empty where it goes to a contact.
    url: str
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    next_attempt_at: datetime
    # The status of the last try, of HTTP or SMTP; 0 where there was no answer.
    last_status: int
    last_error: str
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process is to try now, and all that is sent but the request itself."""

    id: UUID
    # Of this try: who finds another one in the row was too slow and has no say any more.
    claim: UUID
    webhook_id: UUID | None
    contact_id: UUID | None
    human_request_id: str
    event_sequence: int
    event_kind: str
    # Of a contact, its address.
    url: str
    # This one included.
    attempts: int
    # Sealed; None: the secret of callbacks signs.
    secret: bytes | None
    # The one before a rotation, while it still signs too.
    replaced_secret: bytes | None
    at: datetime
    principal: str
    detail: Json


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; "" means any."""

    webhook_id: str = ""
    human_request_id: str = ""
    status: str = ""
    contact_id: str = ""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A part of each day: `HH:MM`, by the clock of a zone of the tz database."""

    begin: str
    end: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class ContactDefinition:
    """Where a person is told that they are asked."""

    kind: Literal["email", "slack", "mattermost", "teams"]
    address: str
    person: str
    groups: Sequence[str] = ()
    quiet_hours: QuietHours | None = None
    # How many questions come one by one within a minute, and from how many that are due at once they go as one.
    digest_from: int = 5
    description: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it stands."""

    id: UUID
    definition: ContactDefinition
    etag: str
    created_at: datetime
    updated_at: datetime
