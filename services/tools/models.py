"""The nouns of the tools service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from servicekit.identity.scopes import Reach, ScopeColumns
from servicekit.identity.visibility import Audience
from servicekit.leased_work import Lease

READ, INVOKE = "tools.read", "tools.invoke"
Json = Any
Begun = Literal["awaiting_approval", "pending", "running"]
FinalStatus = Literal["success", "failed", "cancelled", "rejected", "expired"]
Status = Literal[Begun, FinalStatus]
DecisionStatus = Literal["approved", "rejected", "expired", "cancelled"]


@dataclass(frozen=True, slots=True)
class HttpParameter:
    """Where an argument of an HTTP tool goes; the fields are those of http_placement.proto, none left empty."""

    argument: str
    location: str
    name: str
    style: str
    explode: bool
    allow_reserved: bool = False
    # `application/json`, or empty.
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class HttpPart:
    """How an argument becomes a part of a form."""

    argument: str
    format: str = ""
    explode: bool = True
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class HttpRequestBody:
    """What the body of a request is made of."""

    format: str = "json"
    content_type: str = ""
    argument: str = ""
    parts: Sequence[HttpPart] = ()


@dataclass(frozen=True, slots=True)
class HttpSource:
    """An HTTP endpoint behind a tool."""

    method: str
    url: str
    headers: Mapping[str, str]
    parameters: Sequence[HttpParameter] = ()
    # None: what is left over becomes the query or a JSON document, by the method.
    body: HttpRequestBody | None = None
    # Of 307 and 308, within one origin.
    follow_redirects: bool = False


@dataclass(frozen=True, slots=True)
class GrpcSource:
    """A unary gRPC method behind a tool."""

    target: str
    method: str
    tls: bool


@dataclass(frozen=True, slots=True)
class McpSource:
    """A tool of an MCP server."""

    server: str
    # Its name there.
    tool: str
    # Of how the server is reached: what humans approved is not run by another one.
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """What a tool gave once it had run."""

    result: Json
    # Where the result is not what was to be expected: an ErrorReason, and a sentence. The tool has run all the same.
    reason: str = ""
    why: str = ""
    # What the output schema speaks of where that is not the whole result; else empty.
    judged: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotations:
    """The owner's hints about what running a tool does."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """When humans must approve an invocation before it runs, and which; the fields are those of tool.proto."""

    mode: Literal["never", "always", "when"] = "always"
    # JSON Schema; arguments that obey it need an approval where mode is `when`.
    when: Json = None
    assignees: Sequence[str] = ()
    groups: Sequence[str] = ()
    timeout_seconds: int = 0
    required: int = 0
    four_eyes: bool = False


@dataclass(frozen=True, slots=True)
class ToolPause:
    """That nothing of a tool begins: since when, by whom, and why."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ToolOutage:
    """That a tool cannot run now: since when, and why."""

    since: datetime
    reason: str
    # Whether its server lists it no more.
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the catalogue. Schemas are JSON documents, None where there is none."""

    name: str
    kind: str
    title: str = ""
    description: str = ""
    input_schema: Json = None
    output_schema: Json = None
    annotations: Annotations = field(default_factory=Annotations)
    version: str = ""
    tags: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 0
    max_concurrency: int = 0
    source: HttpSource | GrpcSource | McpSource | None = None
    # A serialised FileDescriptorSet, for gRPC tools.
    descriptors: bytes | None = None
    etag: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    # None: nobody is asked.
    approval: ApprovalPolicy | None = None
    # None: it may run.
    pause: ToolPause | None = None
    # Of a tool of an MCP server: whether its approval and limits are its own, and not what its server's tools have.
    own_settings: bool = False
    # None: it can run, as far as is known.
    outage: ToolOutage | None = None
    # The import of an OpenAPI document that it is of; empty where it is of none.
    import_name: str = ""


@dataclass(frozen=True, slots=True)
class SomeTools:
    """Those that one of several narrowed permissions is for."""

    reaches: Sequence[Reach] = ()

    def include(self, tool: Tool) -> bool:
        return any(each.covers(tool.name, tool.tags, tool.labels) for each in self.reaches)

    def condition(self, columns: ScopeColumns, values: list[Any]) -> str:
        """A condition of SQL that holds for them; the values of its placeholders are added to `values`."""
        return f"({' OR '.join(each.condition(columns, values) for each in self.reaches) or 'false'})"


@dataclass(frozen=True, slots=True)
class ToolFilter:
    """Which tools are listed."""

    # Words that all stand in their texts; empty: any.
    query: str = ""
    kind: str = ""
    # Only what the caller may run.
    invocable: bool = False

    @property
    def fields(self) -> tuple[object, ...]:
        """What a page token is bound to; of what the release before knows, as it has it."""
        return (self.query, self.kind, *([True] if self.invocable else []))


@dataclass(frozen=True, slots=True)
class Intent:
    """That a tool shall be run: what is recorded before it is."""

    id: UUID
    tool_name: str
    tool_etag: str
    # Canonical JSON; None after redaction.
    input_params: str | None
    input_salt: bytes | None
    input_digest: bytes
    principal: str
    correlation_id: str
    idempotency_key: str
    begun_as: Begun
    refused: bool
    replica: UUID
    created_at: datetime
    # The task for which it is done, and the token of the lease of its caller; empty and 0 where it is for none.
    task_id: str = ""
    fencing_token: int = 0
    # The grant by which it ran without a human; empty where there was none.
    grant_id: str = ""
    # By what access says whether its caller still may; kept where it awaits an approval. Empty where nobody checks.
    reference: str = ""

    @property
    def lease(self) -> Lease:
        """Under what it is done."""
        return Lease(self.task_id, self.fencing_token)


@dataclass(frozen=True, slots=True)
class Decision:
    """What humans said to an invocation, or that nobody did in time."""

    status: DecisionStatus
    decided_by: Sequence[str]
    decided_at: datetime
    # None after redaction.
    comment: str | None
    # Canonical JSON; None where the arguments were left as proposed, and after redaction.
    edited_arguments: str | None
    # Salted, over the comment and the edited arguments.
    digest: bytes
    # The process that took the decision over: the one that ran the tool, where it was run.
    replica: UUID


@dataclass(frozen=True, slots=True)
class Approval:
    """That humans are asked before an invocation runs, and what came of it; None as long as nothing has."""

    human_request_id: str
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class OpenApproval:
    """What is still to be done for an invocation that awaits its approval."""

    invocation_id: UUID
    human_request_id: str
    # Whether hitl has the human request.
    asked: bool
    # By what access says whether whoever asked still may; empty where nobody checked.
    reference: str
    # Seconds since the intent was recorded.
    age_seconds: float
    # How it is to end, where that is decided and nothing is run; empty where it is not.
    outcome_status: FinalStatus | Literal[""]
    error: str
    error_reason: str
    # Whether that outcome is on record.
    ended: bool


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What people are asked about an invocation."""

    id: str
    prompt: str
    context: Json
    arguments: Json
    arguments_schema: Json
    policy: ApprovalPolicy
    principal: str
    # By what access says whether the principal still may.
    reference: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a human request stands."""

    human_request_id: str
    status: Literal["pending", "responded", "expired", "cancelled"]
    # `approve` or `reject`; empty unless somebody responded.
    response: str = ""
    answered_by: Sequence[str] = ()
    ended_at: datetime | None = None
    comment: str = ""
    # One entry for each of those who gave the answer that decided: the arguments as they changed them, None for as
    # proposed. The last is the one that decided.
    edited: Sequence[Json] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an intent ended, before it is in a chain."""

    intent: Intent
    status: FinalStatus
    # Canonical JSON; None where there is no result.
    result: str | None
    error: str
    error_reason: str
    completed_at: datetime
    # None where nobody was asked.
    approval: Approval | None = None

    @property
    def duration_ms(self) -> int:
        return max(0, round((self.completed_at - self.intent.created_at).total_seconds() * 1000))


@dataclass(frozen=True, slots=True)
class Link:
    """The place of an outcome in a chain of receipts."""

    chain_id: UUID
    sequence: int
    previous_digest: bytes
    digest: bytes
    result_salt: bytes | None
    result_digest: bytes


@dataclass(frozen=True, slots=True)
class Invocation:
    """An intent and what is known of its end."""

    intent: Intent
    status: Status
    outcome: Outcome | None = None
    link: Link | None = None
    redacted_fields: Sequence[str] = ()
    approval: Approval | None = None
    # Documents that are left out because they are long.
    omitted_fields: Sequence[str] = ()

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    @property
    def audience(self) -> Audience:
        """Who sees it: who asked for it, and who decided on it, since they answer for what came of it."""
        decision = self.approval.decision if self.approval is not None else None
        return Audience((self.intent.principal, *(decision.decided_by if decision is not None else ())))

    @property
    def size(self) -> int:
        """How many characters its documents have."""
        result = self.outcome.result if self.outcome is not None else None
        decision = self.approval.decision if self.approval is not None else None
        edited = decision.edited_arguments if decision is not None else None
        return len(self.intent.input_params or "") + len(result or "") + len(edited or "")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tool has come, in its own unit."""

    progress: float
    total: float | None
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an invocation: progress, or its state as it was then."""

    sequence: int
    at: datetime
    happened: Progress | Invocation

    @property
    def size(self) -> int:
        """How many characters its documents have."""
        return self.happened.size if isinstance(self.happened, Invocation) else 0
