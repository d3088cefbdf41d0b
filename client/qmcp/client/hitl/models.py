"""What the client gives back of human requests: frozen values, without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ExpiryAction:
    """What happens when a request's time is up: it expires, is answered by `default_response`, or escalates."""

    # expire, answer or escalate.
    action: str = "expire"
    default_response: Any = None
    # The roles that are asked then, and for how many seconds; 0 means as long as the first had.
    escalate_to: tuple[str, ...] = ()
    escalate_timeout_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many must give the same answer; `voters` 0 means that any number may answer."""

    required: int
    voters: int = 0
    # An answer that decides at once whoever gives it; empty where there is none.
    veto: str = ""


@dataclass(frozen=True, slots=True)
class HumanResponse:
    """One person's answer; with a quorum, a vote."""

    id: str
    human_request_id: str
    response: Any
    responded_by: str
    created_at: datetime | None = None
    response_metadata: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    # None where the arguments were left as proposed.
    edited_arguments: dict[str, Any] | None = None
    decides: bool = False
    # api, link or timeout.
    via: str = ""


@dataclass(frozen=True, slots=True)
class HumanRequest:
    """A question to people, and how it stands."""

    id: str
    request_type: str
    prompt: str
    # pending, responded, expired or cancelled; the last three are final.
    status: str
    options: tuple[str, ...] = ()
    context: dict[str, Any] | None = None
    timeout_seconds: int = 0
    created_at: datetime | None = None
    expires_at: datetime | None = None
    correlation_id: str = ""
    response_schema: dict[str, Any] | None = None
    proposed_arguments: dict[str, Any] | None = None
    # low, normal, high or urgent.
    priority: str = ""
    due_at: datetime | None = None
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    callback_url: str = ""
    on_expiry: ExpiryAction = ExpiryAction()
    quorum: Quorum | None = None
    four_eyes: bool = False
    requester: str = ""
    claimed_by: str = ""
    claimed_at: datetime | None = None
    viewed_by: tuple[str, ...] = ()
    ended_at: datetime | None = None
    # The answer that decided; None unless the status is `responded`.
    response: HumanResponse | None = None
    votes: tuple[HumanResponse, ...] = ()
    cancel_reason: str = ""

    @property
    def ended(self) -> bool:
        """True once its status is final."""
        return self.status not in ("", "pending")

    @property
    def responded(self) -> bool:
        """True when people have answered."""
        return self.status == "responded"

    @property
    def arguments(self) -> dict[str, Any] | None:
        """The arguments to go on with: as the human changed them, else as they were proposed."""
        edited = self.response.edited_arguments if self.response else None
        return self.proposed_arguments if edited is None else edited


@dataclass(frozen=True, slots=True)
class HumanRequestEvent:
    """Something that happened to a request; `request` is how it stands now, None in a history."""

    sequence: int
    at: datetime | None
    kind: str
    human_request_id: str
    principal: str
    detail: dict[str, Any]
    request: HumanRequest | None = None


@dataclass(frozen=True, slots=True)
class ActionLink:
    """A way for one person to answer once without an account. Whoever has the path has the answer."""

    # Below the address of the edge; empty where this is the answer to a retry.
    path: str = field(repr=False)
    human_request_id: str
    person: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of events; to register one, its URL is enough."""

    url: str
    kinds: tuple[str, ...] = ()
    request_types: tuple[str, ...] = ()
    description: str = ""
    paused: bool = False
    # Set by the service; the secret is shown once.
    id: str = ""
    secret: str = field(default="", repr=False)
    etag: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one address."""

    id: str
    webhook_id: str
    human_request_id: str
    event_sequence: int
    event_kind: str
    url: str
    # pending, delivered or failed.
    status: str
    attempts: int
    next_attempt_at: datetime | None = None
    last_status: int = 0
    last_error: str = ""
    created_at: datetime | None = None
    delivered_at: datetime | None = None
