"""What a run is on record, and what people are asked about it: frozen dataclasses of the domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from servicekit.identity.detached_work import Sponsor
from servicekit.identity.visibility import Audience
from servicekit.leased_work import NO_LEASE, Lease

Json = Any
Kind = Literal["values", "release"]
# Of a run whose missing values are asked for in an interview: before and after that.
InterviewStage = Literal["none", "wanted", "over"]
VALUES: Kind = "values"
RELEASE: Kind = "release"
# On which replicas tell one another of runs.
CHANNEL = "document_runs"
COMPLETED, FAILED = "completed", "failed"
# The outcome of runs whose batch was stopped, and its status.
CANCELLED = "cancelled"
# Of runs that wait for people: for values, and for the approval of their release.
WAITING, HELD = "waiting", "held"
ENDED = frozenset({COMPLETED, FAILED})
# What became of a run, by its exit code; any other code is `other_exit_code`.
OUTCOMES = {0: "ok", 2: "missing_required", 4: "strict_failed"}
OTHER_OUTCOME = "other_exit_code"


def outcome_of(exit_code: int) -> str:
    """`ok`, `missing_required`, `strict_failed` or `other_exit_code`."""
    return OUTCOMES.get(exit_code, OTHER_OUTCOME)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a run, and in which call."""

    principal: str
    request_id: str
    correlation_id: str
    # Of the header or the options; empty: each call is a run of its own.
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Digests:
    """What a run was made of, SHA-256 each; empty where there was none."""

    template: str
    task: str
    policy: str
    # Of all that it was asked for, so that a retry is known.
    request: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time went, milliseconds, by the names that api_result.json has."""

    queue_wait_ms: int = 0
    subprocess_ms: int = 0
    zip_ms: int = 0
    total_ms: int = 0


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that has ended, to be put on record."""

    status: str
    outcome: str
    skill: str
    preset: str
    digests: Digests
    caller: Caller
    timing: Timing
    exit_code: int | None = None
    error_code: str = ""
    document_sha256: str = ""
    missing_required: Sequence[str] = ()
    # Under what it was done.
    lease: Lease = NO_LEASE


@dataclass(frozen=True, slots=True)
class RunInput:
    """What a run that was started waits with: the files and fields of its form, and by what it may go on."""

    template: bytes
    task: bytes
    fields: Mapping[str, str]
    sponsor: Sponsor


@dataclass(frozen=True, slots=True)
class People:
    """Who is asked about a run, and for what."""

    ask_missing: bool
    approve_release: bool
    assignees: Sequence[str]
    groups: Sequence[str]
    four_eyes: bool
    # 0: as long as hitl gives them.
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A value that a human has given, and who that was."""

    value: Json
    # Empty where it was said in an interview.
    human_request_id: str
    answered_by: str
    # RFC 3339.
    answered_at: str
    # The interview; empty where it was said otherwise.
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a run waits for."""

    run_id: str
    kind: Kind
    # Whether hitl has it.
    asked: bool
    people: People
    # The paths of the values that are missing: `organizer`, `customer.name`.
    fields: Sequence[str]
    # Of the answer: an object with a value by each path; empty where that is nothing to be answered with.
    schema: Mapping[str, Json]
    skill: str
    template_sha256: str
    document_sha256: str
    exit_code: int | None
    principal: str
    # By what that principal called; empty where nobody checks.
    reference: str
    correlation_id: str

    @property
    def id(self) -> str:
        """Chosen by us, so that asking twice asks once."""
        return human_request_id(self.run_id, self.kind)


@dataclass(frozen=True, slots=True)
class OpenInterview:
    """An interview that a run waits for."""

    run_id: str
    # Empty before it has begun.
    conversation_id: str
    schema: Mapping[str, Json]
    # Whether its time is over.
    late: bool
    skill: str
    principal: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Interviewed:
    """What came of an interview."""

    id: str
    # `done` or `closed`.
    status: str
    # By their paths; those that nobody knows are not there.
    values: Mapping[str, Json]
    # RFC 3339.
    ended_at: str


@dataclass(frozen=True, slots=True)
class Decision:
    """How a human request stands."""

    human_request_id: str
    # `pending`, `responded`, `expired` or `cancelled`.
    status: str
    response: Json = None
    answered_by: str = ""
    answered_at: str = ""


def human_request_id(run_id: str, kind: Kind) -> str:
    """The id of what people are asked about a run."""
    return f"document-run-{run_id}-{kind}"


def answer_schema(schemas: Mapping[str, Json]) -> dict[str, Json]:
    """What an answer must be: an object with a value at each path."""
    return {
        "type": "object",
        "properties": dict(schemas),
        "required": list(schemas),
        "additionalProperties": False,
    }


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that one replica is at; whoever claims it after it has a greater number."""

    id: str
    attempt: int
    skill: str
    preset: str
    digests: Digests
    caller: Caller
    given: RunInput
    # Under what it is done.
    lease: Lease = NO_LEASE
    # Empty where it was started alone.
    batch_id: str = ""
    # Who is asked about it, and what has been answered.
    people: People | None = None
    interview: InterviewStage = "none"
    answers: Mapping[str, Answered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DocumentRun:
    """A run on record."""

    id: str
    status: str
    exit_code: int | None
    outcome: str
    error_code: str
    skill: str
    preset: str
    template_sha256: str
    task_sha256: str
    policy_sha256: str
    document_sha256: str
    missing_required: Sequence[str]
    queue_wait_ms: int
    subprocess_ms: int
    total_ms: int
    created_by: str
    correlation_id: str
    request_id: str
    created_at: datetime
    archive_bytes: int
    archived_until: datetime | None
    # The task for which it was done, and the token of its caller's lease; empty and 0 where it was for none.
    task_id: str
    fencing_token: int
    # Of a batch, and its number there from 1.
    batch_id: str = ""
    batch_item: int = 0
    # The interview that it waits for; empty before that has begun, None where it waits for none.
    conversation_id: str | None = None

    @property
    def audience(self) -> Audience:
        """Who is shown it."""
        return Audience((self.created_by,))

    @property
    def human_request_id(self) -> str:
        """What it waits for; empty where it waits for nobody."""
        if self.status not in {WAITING, HELD} or self.conversation_id is not None:
            return ""
        return human_request_id(self.id, VALUES if self.status == WAITING else RELEASE)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows; what is empty leaves all."""

    skill: str = ""
    outcome: str = ""
    template_sha256: str = ""
    correlation_id: str = ""
    batch_id: str = ""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """Runs that are to be started together: one template and how to run, and a task each."""

    skill: str
    preset: str
    template: bytes
    # With the digests of each.
    tasks: Sequence[tuple[bytes, Digests]]
    fields: Mapping[str, str]
    caller: Caller
    sponsor: Sponsor


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs that were started together, and how far they are."""

    id: str
    skill: str
    preset: str
    template_sha256: str
    item_count: int
    ended_count: int
    # How many ended how.
    outcomes: Mapping[str, int]
    created_by: str
    correlation_id: str
    request_id: str
    created_at: datetime
    cancelled_at: datetime | None
    ended_at: datetime | None

    @property
    def audience(self) -> Audience:
        """Who is shown it."""
        return Audience((self.created_by,))

    @property
    def status(self) -> str:
        """`running`, `completed` or `cancelled`."""
        return CANCELLED if self.cancelled_at else COMPLETED if self.ended_at else "running"


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What became of one run of a batch."""

    number: int
    run_id: str
    outcome: str
    exit_code: int | None
    error_code: str
    document_sha256: str
    archive_bytes: int


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """Which batches a list shows; what is empty leaves all."""

    skill: str = ""
    correlation_id: str = ""
