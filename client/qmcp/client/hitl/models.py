# Generated from protos/ by client/generate. `make generate` writes it again.

"""The values of hitl as callers see them: the messages of the contract without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qmcp.client.hitl import properties


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryAction:
    """What happens to a request whose time is up."""

    # `expire` (the default): it ends as expired. `answer`: it is answered with `default_response`, by `timeout`.
    # `escalate`: it is handed to `escalate_to` for another `escalate_timeout_seconds`, once, and expires then.
    action: str = ""
    # The answer where `action` is `answer`, and then it must be there; it must be one that a human could give.
    default_response: Any = None
    # The roles that are asked where `action` is `escalate`. 1 to 16.
    escalate_to: tuple[str, ...] = ()
    # How long they have, in seconds; 0 means as long as the first had.
    escalate_timeout_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """How many people must agree.

    Each of them answers once; the first answer that enough of them gave decides.
    """

    # How many must give the same answer, 1 to 100.
    required: int = 0
    # How many may answer at most, `required` to 100; 0 means no limit. When no answer can reach `required` any
    # more, the request is cancelled with the reason `no quorum`.
    voters: int = 0
    # An answer that decides at once whoever gives it, such as `reject`; empty where there is none.
    veto: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSubject:
    """A tool that people are asked about, as it was then."""

    # Its name.
    name: str = ""
    # Its tags, at most 32.
    tags: tuple[str, ...] = ()
    # Its labels, at most 32.
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedGrant:
    """A grant that an answer may hold as it is proposed.

    It lets nobody do anything before somebody answers with it.
    """

    # Names of tools.
    tools: tuple[str, ...] = ()
    # JSON Schema that fixes the arguments: those of the request, and no others. At most 32 KiB, nested at most 30
    # levels.
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    # The principal whom it is for: who asked.
    principal: str = ""
    # How often, 1 to 10,000.
    uses: int = 0
    # How long from the answer, in seconds, at most 366 days.
    duration_seconds: int = 0
    # How many approvals of the equal call by humans it rests on.
    approvals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantOffer:
    """That an answer may hold a `grant`."""

    # With which answer.
    response: str = ""
    # The permission that whoever answers must have for everything.
    permission: str = ""
    # The grant that is proposed for what was approved often; absent where none is. Shown only to who has
    # `permission` for everything and did not ask; only who has `hitl.delegate` may propose.
    proposed: ProposedGrant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseGrant:
    """What whoever answers lets the requester do from now on without anybody being asked ("always allow this").

    The service that asked makes it, with the decision, in the name of whoever decides.
    """

    # Names of tools, in which `*` stands for any characters. At most 32; empty means the tool that the request is
    # about.
    tools: tuple[str, ...] = ()
    # JSON Schema that the arguments obey. At most 32 KiB, nested at most 30 levels; absent means any arguments.
    arguments: dict[str, Any] | None = None
    # How often, 1 to 10,000; absent means any number until it expires.
    uses: int | None = None
    # Until when, at most 366 days from now; must be given.
    expires_at: datetime | None = None
    # False: for the tools as they are now. True: also for what they become, and what is called so later.
    any_version: bool = False
    # Why, for whoever reads it later. At most 1,024 characters.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanResponse:
    """One person's answer.

    Without a quorum the only one; with one, a vote.
    """

    # UUIDv7, made by the server.
    id: str = ""
    # The request that it answers.
    human_request_id: str = ""
    # The answer: one of the options, or any JSON value that the schema allows.
    response: Any = None
    # The verified principal. Where authentication is off: what the caller said, else `local`. `timeout` for a
    # default answer.
    responded_by: str = ""
    # When it was given, by the clock of the database.
    created_at: datetime | None = None
    # What the caller said besides, for the record.
    response_metadata: dict[str, Any] | None = None
    # What the human wrote beside the answer.
    comment: str = ""
    # The arguments as the human changed them; absent where they were left as proposed.
    edited_arguments: dict[str, Any] | None = None
    # True on the answer by which the request was decided.
    decides: bool = False
    # How it came in: `api`, `link` or `timeout`.
    via: str = ""
    # What it lets the requester do again; absent where nothing.
    grant: ResponseGrant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanRequest(properties.HumanRequest):
    """A question to people: what is asked, of whom, until when, and how it ended.

    Its states are `pending`, and the final ones `responded`, `expired` and `cancelled`.
    """

    # Chosen by the caller, or a UUIDv7 made by the server.
    id: str = ""
    # What kind of answer is wanted: `approval`, `choice`, `input`, `review`, or a word of the caller's own.
    request_type: str = ""
    # The question, for people.
    prompt: str = ""
    # The answers that are possible; empty where any is, or where `response_schema` says which.
    options: tuple[str, ...] = ()
    # What the human should know.
    context: dict[str, Any] | None = None
    # How long it may take from the creation, in seconds.
    timeout_seconds: int = 0
    # `pending`, `responded`, `expired` or `cancelled`, by the clock of the database: one whose time is up is never
    # shown as pending.
    status: str = ""
    # When it was asked.
    created_at: datetime | None = None
    # When its time is up. An escalation moves it.
    expires_at: datetime | None = None
    # Ties it to other calls of the same piece of work: the caller's, else one made by the server; where it was
    # asked over HTTP, which is the original's route, and none was given, empty.
    correlation_id: str = ""
    # JSON Schema that an answer must obey; absent where there is none.
    response_schema: dict[str, Any] | None = None
    # Arguments that the human may change before approving; absent where there are none.
    proposed_arguments: dict[str, Any] | None = None
    # `low`, `normal`, `high` or `urgent`.
    priority: str = ""
    # By when an answer is wished, for people; nothing happens when it passes. Absent where nobody said.
    due_at: datetime | None = None
    # The principals that are asked. With these or `groups`, nobody else may answer.
    assignees: tuple[str, ...] = ()
    # The roles whose holders are asked.
    groups: tuple[str, ...] = ()
    # Words to find it by.
    tags: tuple[str, ...] = ()
    # Where its events are sent, signed; empty where nowhere. Shown whole to who asked and to who has `hitl.admin`;
    # to others only the server.
    callback_url: str = ""
    # What happens when its time is up.
    on_expiry: ExpiryAction | None = None
    # How many must agree; absent where the first answer decides.
    quorum: Quorum | None = None
    # True where whoever asked may not answer.
    four_eyes: bool = False
    # The principal that asked.
    requester: str = ""
    # Who is at it; empty where nobody is. A claim tells the others, it does not lock them out.
    claimed_by: str = ""
    # When it was claimed; absent where it is not.
    claimed_at: datetime | None = None
    # Who has looked at it, the first 50, in order of their first look.
    viewed_by: tuple[str, ...] = ()
    # When it ended; absent while it is pending.
    ended_at: datetime | None = None
    # The answer that decided; absent unless `status` is `responded`.
    response: HumanResponse | None = None
    # Every answer that was given, in order; with a quorum, the votes so far.
    votes: tuple[HumanResponse, ...] = ()
    # Why it was cancelled; empty where it was not.
    cancel_reason: str = ""
    # True where only those may answer whom it was addressed to when it was made, whoever is assigned since.
    binding: bool = False
    # True where whoever asked has lost the access under which this was asked: the key was revoked, disabled or
    # expired, or its roles grant it no more. Said while it is pending; a tool that waits for the answer is then not
    # run.
    requester_lost_access: bool = False
    # The task for which it was done; empty where it was for none.
    task_id: str = ""
    # The `fencing_token` of the lease under which it was done; 0 where there was none.
    fencing_token: int = 0
    # The tool that it is about; absent where it is about none. Callers whose roles or keys are for some tools alone
    # are shown requests about those; and with such a key, of requests about no tool those that were asked with it.
    tool: ToolSubject | None = None
    # With which answer and by whom the requester may be let do the same again without being asked; absent where
    # nobody may.
    grant_offer: GrantOffer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanRequestEvent:
    """Something that happened to a request.

    The history of a request is the list of its events; the stream of all events ends with one whose `last` is true,
    and one that ends without it was cut off: call again with `after_sequence`.
    """

    # Orders all events of the service. Numbers rise and may skip some. A heartbeat repeats the one before it.
    sequence: int = 0
    # When it happened, by the clock of the database.
    at: datetime | None = None
    # `created`, `viewed`, `claimed`, `released`, `assigned`, `commented`, `reminded`, `voted`, `decided`,
    # `escalated`, `expired`, `cancelled`, `delivered` (its webhook was told), `undeliverable` (every try failed),
    # `linked` (an action link was made), `access_lost` and `access_restored` (see
    # `HumanRequest.requester_lost_access`); in a stream also `heartbeat`, and `failed` when the stream itself broke
    # down.
    kind: str = ""
    # The request; empty for a heartbeat.
    human_request_id: str = ""
    # Who did it; `timeout` where time did.
    principal: str = ""
    # What is to be said of it: the comment's text, the reason, the new assignees, the answer's id.
    detail: dict[str, Any] | None = None
    # In a stream: the request as it stands now. Absent in a history.
    request: HumanRequest | None = None
    # True on the last event of a stream.
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLink:
    """A link by which one person answers one request once, without an account: for a mail or a chat message.

    Opening it shows the request; only sending the form answers it, so that a mail scanner that follows links
    decides nothing.
    """

    # Where it leads, below the address of the edge: `/v1/human/links/<token>`. The token is shown this once; the
    # server keeps its SHA-256.
    path: str = field(default="", repr=False)
    # The request that it answers.
    human_request_id: str = ""
    # Who answers by it: recorded as `responded_by`.
    person: str = ""
    # Until when it may be used: not longer than the request's own time.
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that is told of events, signed after the Standard Webhooks specification: the headers
    `webhook-id` (the same at every try), `webhook-timestamp` and `webhook-signature` (HMAC-SHA256 over id,
    timestamp and body).

    The body is `{"type": "human_request.<kind>", "timestamp": ..., "data": {"sequence", "human_request_id",
    "principal", "detail", "request"}}`, where `request` is the HumanRequest as it stands when the try is made. An
    event comes at least once: a `webhook-id` that was seen before is the same event again. Events of one request
    come in order as long as each first try succeeds; `sequence` tells the order. 2xx within the timeout takes the
    event, 410 pauses the webhook, anything else has it sent again, after `Retry-After` where that is longer than
    the pause.
    """

    # UUIDv7, made by the server.
    id: str = ""
    # Where to send events by POST. Addresses that are loopback, private or link-local are refused, when it is
    # registered and again at each try. At most 2,048 characters. Its path may be a credential, so it is shown whole
    # only to who has `hitl.admin`; to others only the server.
    url: str = ""
    # Only events of these kinds; empty means `created`, `decided`, `escalated`, `expired`, `cancelled` and
    # `reminded`.
    kinds: tuple[str, ...] = ()
    # Only events of requests of these types; empty means all.
    request_types: tuple[str, ...] = ()
    # What it is for, for people. At most 256 characters.
    description: str = ""
    # True while it is not told of anything. Events of that time are not sent later.
    paused: bool = False
    # The secret that the receiver checks signatures with, `whsec_...`. Shown once, when the webhook is created and
    # when the secret is rotated; kept encrypted. Ignored on input.
    secret: str = field(default="", repr=False)
    # Set by the server, changes with every change. Send it with an update to be refused (`ETAG_MISMATCH`) when
    # somebody else changed it meanwhile; empty means: whatever is there.
    etag: str = ""
    # When it was registered. Set by the server.
    created_at: datetime | None = None
    # When it was last changed. Set by the server.
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """A part of each day in which somebody is left alone."""

    # When they begin, `HH:MM`.
    begin: str = ""
    # When they end, `HH:MM`; before `begin`: on the next day.
    end: str = ""
    # By whose clock: a name of the tz database, such as `Europe/Berlin`. Empty means UTC.
    time_zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where a person is told that they are asked: an address for mail, or the incoming webhook of a chat.

    What is sent shows the question and holds an action link by which that person answers once, without an account;
    the answer's `response_metadata` names the contact and its kind. It is told of requests that name the person
    among `assignees`, or one of its groups among `groups`: when they are made, assigned or escalated, once a
    request, and again when somebody is reminded, ten minutes later at the earliest. What has ended before it could
    be sent is not sent. Tries, pauses between them and the log are those of webhooks (`ListDeliveries`).
    """

    # UUIDv7, made by the server.
    id: str = ""
    # What it is: `email`, or a chat's incoming webhook: `slack`, `mattermost` or `teams`.
    kind: str = ""
    # A mail address, or the URL that the chat gave. The path of such a URL is a credential, so it is shown whole
    # only to who has `hitl.admin`. The address rules of webhooks hold. At most 2,048 characters.
    address: str = ""
    # Who is told there, and answers by its links: recorded as `responded_by`. Whoever reads what is sent there can
    # answer in this name, so a chat that many read is better told by webhook.
    person: str = ""
    # Groups that the person belongs to: what these are asked, the person is told too, and answers for.
    groups: tuple[str, ...] = ()
    # When nothing is sent but what is `urgent`; what comes meanwhile is sent when they end. Absent: there are none.
    quiet_hours: QuietHours | None = None
    # How many questions come one by one within a minute. More wait until it is over, unless they are `urgent`; so
    # many or more that are due at once are sent as one message. 0 means 5.
    digest_from: int = 0
    # What it is for, for people. At most 256 characters.
    description: str = ""
    # True while it is not told of anything, as since its person unsubscribed. What comes in that time is not sent
    # later.
    paused: bool = False
    # Set by the server, changes with every change. Send it with an update to be refused (`ETAG_MISMATCH`) when
    # somebody else changed it meanwhile; empty means: whatever is there.
    etag: str = ""
    # When it was made. Set by the server.
    created_at: datetime | None = None
    # When it was last changed. Set by the server.
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one address: the log of what was tried."""

    # Made by the server (UUID); the header `webhook-id` of every try.
    id: str = ""
    # The webhook; empty where it goes to a contact, or to the callback of the request itself.
    webhook_id: str = ""
    # The request that the event is about.
    human_request_id: str = ""
    # The event's sequence number.
    event_sequence: int = 0
    # The event's kind.
    event_kind: str = ""
    # Where it goes; what follows the server only for who has `hitl.admin`. Empty where it goes to a contact.
    url: str = ""
    # `pending` (it will be tried, again perhaps), `delivered` (the receiver answered 2xx), `failed` (every try
    # failed).
    status: str = ""
    # Tries so far.
    attempts: int = 0
    # When it is tried next; absent unless it is pending.
    next_attempt_at: datetime | None = None
    # The HTTP status of the last try, of a mail that of SMTP; 0 where there was no answer.
    last_status: int = 0
    # Why the last try failed; empty where it did not.
    last_error: str = ""
    # When the event happened.
    created_at: datetime | None = None
    # When the receiver took it; absent where it has not.
    delivered_at: datetime | None = None
    # The contact; empty where it goes to a webhook or a callback.
    contact_id: str = ""
