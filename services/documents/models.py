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
VALUES: Kind = "values"
RELEASE: Kind = "release"
# On which replicas tell one another of runs.
CHANNEL = "document_runs"
COMPLETED, FAILED = "completed", "failed"
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
    human_request_id: str
    answered_by: str
    # RFC 3339.
    answered_at: str


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a run waits for."""

    run_id: str
    kind: Kind
    # Whether hitl has it.
    asked: bool
    people: People
    # The keys of the values that are missing.
    fields: Sequence[str]
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
    # Who is asked about it, and what they have answered.
    people: People | None = None
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

    @property
    def audience(self) -> Audience:
        """Who is shown it."""
        return Audience((self.created_by,))

    @property
    def human_request_id(self) -> str:
        """What it waits for; empty where it waits for nobody."""
        if self.status not in {WAITING, HELD}:
            return ""
        return human_request_id(self.id, VALUES if self.status == WAITING else RELEASE)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows; what is empty leaves all."""

    skill: str = ""
    outcome: str = ""
    template_sha256: str = ""
    correlation_id: str = ""
