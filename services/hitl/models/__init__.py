"""The nouns of the hitl service."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from servicekit.identity.scopes import Reach
from servicekit.identity.visibility import ITSELF, Audience, Viewer
from servicekit.large import about
from servicekit.leased_work import Lease
from services.hitl.models.grants import GrantOffer, GrantTerms

Json = Any
Status = Literal["pending", "responded", "expired", "cancelled"]
Via = Literal["api", "link", "timeout"]

# Who answers and expires requests when their time is up.
TIMEOUT = "timeout"
# Whoever has it is asked where nobody in particular is.
RESPOND = "hitl.respond"
# What roles and keys may have for some tools alone; and what is for all of them.
OF_SOME_TOOLS = ("tools.read", "tools.invoke")
OF_ALL_TOOLS = ("tools.write", "tools.audit", "tools.admin")


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: case, spaces and the form of accents tell nobody apart."""
    return _spelled(one) == _spelled(other)


def _spelled(name: str) -> str:
    # Folding may undo the normal form, so it is made twice.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(letter for letter in folded if not letter.isspace() and unicodedata.category(letter) != "Cf")


def _addressed(assignees: Sequence[str], groups: Sequence[str], who: str, roles: frozenset[str]) -> bool:
    return not (assignees or groups) or who in assignees or not roles.isdisjoint(groups)


@dataclass(frozen=True, slots=True)
class OnExpiry:
    """What happens when the time is up: `expire`, `answer` or `escalate`."""

    action: str = "expire"
    default_response: Json = None
    escalate_to: Sequence[str] = ()
    # 0: as long as the first had.
    escalate_timeout_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many must give the same answer; `voters` 0 is no limit, `veto` "" is none."""

    required: int
    voters: int = 0
    veto: str = ""


@dataclass(frozen=True, slots=True)
class Eligible:
    """Who may answer a binding request, whoever is assigned; with neither, everybody who may answer."""

    assignees: Sequence[str]
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class ToolSubject:
    """The tool that a request is about, as it was then."""

    name: str
    tags: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SomeTools:
    """Whose requests a viewer is shown whose roles or key are for some tools alone."""

    reaches: Sequence[Reach]
    # By what access calls its key, where that is what is narrowed; of what is about no tool it sees what that asked.
    reference: str

    @classmethod
    def of(cls, viewer: Viewer) -> "SomeTools | None":
        """None: nothing narrows what it sees."""
        caller = viewer.principal
        if not caller.narrowed or any(map(caller.may_always, (*OF_ALL_TOOLS, *OF_SOME_TOOLS))):
            return None
        reaches = [caller.narrowed[each] for each in OF_SOME_TOOLS if each in caller.narrowed]
        return cls(reaches, caller.reference if any(each.key_scopes for each in reaches) else "") if reaches else None

    def include(self, spec: "RequestSpec") -> bool:
        """Whether a request is among them; as `store.requests.shown_to`."""
        tool = spec.tool
        if tool is None:
            return self.reference in ("", spec.requester_reference)
        return any(each.covers(tool.name, tool.tags, tool.labels) for each in self.reaches)


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """What is asked, and of whom: the part of a request that the caller gives and nobody changes."""

    id: str
    request_type: str
    prompt: str
    options: Sequence[str]
    context: Json
    timeout_seconds: int
    correlation_id: str
    response_schema: Json
    proposed_arguments: Json
    arguments_schema: Json
    priority: str
    due_at: datetime | None
    assignees: Sequence[str]
    groups: Sequence[str]
    tags: Sequence[str]
    callback_url: str
    on_expiry: OnExpiry
    quorum: Quorum | None
    four_eyes: bool
    requester: str
    # None: an assignment replaces who is asked.
    eligible: Eligible | None = None
    # By what access says whether the requester still may, and the permission for it; empty where nobody checks.
    requester_reference: str = ""
    requester_permission: str = ""
    # The task for which it is asked, and the token of the requester's lease; empty and 0 where it is for none.
    task_id: str = ""
    fencing_token: int = 0
    # What it is about, and whether an answer may let the requester do it again; None: no tool, and none.
    tool: ToolSubject | None = None
    grant_offer: GrantOffer | None = None

    @property
    def longest_seconds(self) -> int:
        """So long it may take until it has ended: escalated, it has its time once more."""
        more = self.on_expiry.escalate_timeout_seconds or self.timeout_seconds
        return self.timeout_seconds + (more if self.on_expiry.action == "escalate" else 0)

    @property
    def lease(self) -> Lease:
        """Under what it is asked."""
        return Lease(self.task_id, self.fencing_token)

    @property
    def size(self) -> int:
        """How many bytes its documents have, about; no further than to what is large."""
        return about([self.context, self.proposed_arguments, self.response_schema, self.arguments_schema])


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, as it is on record."""

    id: UUID
    human_request_id: str
    response: Json
    responded_by: str
    created_at: datetime
    response_metadata: Json
    comment: str
    edited_arguments: Json
    decides: bool
    via: Via
    # Of the caller, by which a retry gets this answer; "" where there was none. The digest covers what was answered.
    idempotency_key: str = ""
    body_digest: bytes = b""
    grant: GrantTerms | None = None

    @property
    def size(self) -> int:
        """As that of a RequestSpec."""
        return about([self.response, self.response_metadata, self.edited_arguments])


@dataclass(frozen=True, slots=True)
class HumanRequest:
    """A question and where it stands. Assignees, groups and `expires_at` are those of now."""

    spec: RequestSpec
    status: Status
    created_at: datetime
    expires_at: datetime
    # Its time is up, by the clock of the database, and nothing has come of that yet.
    overdue: bool
    body_digest: bytes
    claimed_by: str = ""
    claimed_at: datetime | None = None
    viewed_by: Sequence[str] = ()
    ended_at: datetime | None = None
    cancel_reason: str = ""
    votes: Sequence[Response] = ()
    # Whoever asked has lost the access under which this was asked.
    requester_lost_access: bool = False
    # How many characters of text it was read from, its answers' too.
    size: int = 0

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def ended(self) -> bool:
        return self.status != "pending"

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or will as soon as somebody notices that its time is up."""
        return self.ended or (self.overdue and self.spec.on_expiry.action != "escalate")

    @property
    def eligible(self) -> Eligible:
        """Who may be asked at all; who is asked now is narrower where it is binding."""
        return self.spec.eligible or Eligible(self.spec.assignees, self.spec.groups)

    def is_eligible(self, who: str, roles: frozenset[str]) -> bool:
        """Whether somebody may be asked at all."""
        return _addressed(self.eligible.assignees, self.eligible.groups, who, roles)

    def is_asked(self, who: str, roles: frozenset[str]) -> bool:
        """Whether somebody is asked now and may be."""
        return _addressed(self.spec.assignees, self.spec.groups, who, roles) and self.is_eligible(who, roles)

    def is_requester(self, who: str) -> bool:
        """Whether somebody is who asked, however the name is spelled."""
        return same_person(who, self.spec.requester)

    @property
    def audience(self) -> Audience:
        """Who sees it: who asked, who is asked or may be, and who has answered. As `store.requests.AUDIENCE`."""
        spec, eligible = self.spec, self.eligible
        answered = (vote.responded_by for vote in self.votes if vote.via == "api")
        open_to_all = not (eligible.assignees or eligible.groups)
        return Audience(
            {spec.requester, *spec.assignees, *eligible.assignees, *answered},
            {*spec.groups, *eligible.groups},
            RESPOND if open_to_all else "",
        )

    def is_shown_to(self, viewer: Viewer) -> bool:
        """Whether a viewer sees it; as `store.requests.shown_to`."""
        return viewer.sees(self.audience) and ((tools := SomeTools.of(viewer)) is None or tools.include(self.spec))

    @property
    def response(self) -> Response | None:
        """The answer that decided."""
        return next((vote for vote in self.votes if vote.decides), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that somebody wants to give."""

    id: UUID
    human_request_id: str
    response: Json
    responded_by: str
    # The roles of whoever answers; None, where nobody is verified: they may answer what is addressed to others.
    roles: frozenset[str] | None = frozenset()
    response_metadata: Json = field(default_factory=dict)
    comment: str = ""
    edited_arguments: Json = None
    via: Via = "api"
    idempotency_key: str = ""
    # Of the link it came by; it must be unused.
    token_digest: bytes | None = None
    # Who must see what is answered; a link shows it to whoever has it.
    viewer: Viewer = ITSELF
    grant: GrantTerms | None = None

    @property
    def size(self) -> int:
        """As that of a RequestSpec."""
        return about([self.response, self.response_metadata, self.edited_arguments])


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is to be recorded."""

    human_request_id: str
    kind: str
    principal: str
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An event, as it is on record."""

    sequence: int
    human_request_id: str
    kind: str
    at: datetime
    principal: str
    detail: Json


@dataclass(frozen=True, slots=True)
class Step:
    """That there is an event."""

    sequence: int
    human_request_id: str
    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests; "" means any."""

    status: str = ""
    request_type: str = ""
    correlation_id: str = ""
    requester: str = ""
    assignee: str = ""
    group: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; "" and () mean any."""

    kinds: Sequence[str] = ()
    human_request_id: str = ""
    request_type: str = ""
    assignee: str = ""
    group: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that is to be made."""

    human_request_id: str
    # Who answers by it.
    person: str
    created_by: str
    # By what whoever makes it calls (`Principal.reference`); empty where nobody checks.
    caller: str = ""
    # How long it may be used; 0: as long as the request may take.
    timeout_seconds: int = 0
    # The contact that it is sent to and what that is; of one that a caller makes None and empty.
    contact_id: UUID | None = None
    channel: str = ""
    # The groups of whoever has it, for which they answer too.
    groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ActionLink:
    """A link by which one person answers one request once; its token is known to nobody but who asked for it."""

    human_request_id: str
    person: str
    created_by: str
    caller: str
    expires_at: datetime
    contact_id: UUID | None
    channel: str
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link and its token, in the one moment where that is known."""

    link: ActionLink
    token: str
