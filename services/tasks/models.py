"""The nouns of the tasks service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import Audience

DEFAULT_LEASE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Project:
    """A board and who works on it."""

    id: str
    owner: str
    name: str
    description: str
    status: str
    members: Sequence[str]
    groups: Sequence[str]
    version: int
    created_at: datetime
    updated_at: datetime
    # Of what is in it; 0 where nobody has counted.
    epics: int = 0
    tasks: int = 0
    completed: int = 0

    @property
    def audience(self) -> Audience:
        """Who sees it and all that is in it: whoever owns it or works on it."""
        return Audience((self.owner, *self.members), self.groups)


@dataclass(frozen=True, slots=True)
class Epic:
    """A part of a project."""

    id: str
    project_id: str
    name: str
    description: str
    status: str
    priority: int
    created_by: str
    version: int
    created_at: datetime
    updated_at: datetime
    tasks: int = 0
    completed: int = 0


# Not frozen, which has each of its fields set by a call: two are made for each claim and completion, and took twelve
# times as long.
@dataclass(slots=True)
class Task:
    """A piece of work; nobody changes it."""

    id: str
    project_id: str
    epic_id: str
    name: str
    description: str
    status: str
    priority: int
    ra_mode: str
    ra_score: int
    ra_tags: Sequence[str]
    ra_metadata: Mapping[str, Any]
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    prompt_snapshot: str
    parallel_group: str
    parallel_eligible: bool
    client_session_id: str
    log_sequence: int
    created_by: str
    version: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    dependencies: Sequence[str]
    # Those that are not completed.
    open_dependencies: Sequence[str]
    # Of the last lease; the rest of it holds where there is one.
    fencing_token: int
    lease_holder: str
    lease_agent: str
    lease_acquired_at: datetime | None
    lease_expires_at: datetime | None
    # Whether there is one that has not expired, by the database's clock when this was read.
    leased: bool
    attempts: int
    failed_attempts: int
    max_attempts: int
    resources: Sequence[str]
    required_evidence: Sequence[str]
    # As JSON has it: `Evidence`, field by field.
    evidence: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What somebody shows for a task to be done."""

    kind: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Read:
    """What was found behind a URL: the SHA-256 of it, or why nothing was."""

    digest: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What happened to a task."""

    task_id: str
    sequence: int
    kind: str
    principal: str
    at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What somebody has to say of a task."""

    task_id: str
    kind: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaskRemark:
    """What somebody who changes a task says besides; what is empty says nothing."""

    status: str
    text: str


@dataclass(frozen=True, slots=True)
class TransitionRequest:
    """To which status somebody wants to bring a task, why, and under which lease."""

    status: str
    note: str
    agent_id: str
    fencing_token: int
    etag: str
    evidence: Sequence[Evidence] = ()
    # What stands behind those of them that are URLs.
    read: Mapping[str, Read] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that an agent was at a task."""

    task_id: str
    number: int
    holder: str
    agent_id: str
    fencing_token: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    reason: str
    parked_seconds: float


@dataclass(frozen=True, slots=True)
class NewWork:
    """What another service is about to do for the holder of a lease."""

    task_id: str
    fencing_token: int
    holder: str
    kind: str
    work_id: str
    subject: str
    max_seconds: int


@dataclass(frozen=True, slots=True)
class Work:
    """What another service did under a lease; without an outcome it goes on."""

    kind: str
    work_id: str
    subject: str
    outcome: str
    digest: str


@dataclass(frozen=True, slots=True)
class EndedWork:
    """How that ended, as its service says."""

    task_id: str
    fencing_token: int
    kind: str
    work_id: str
    outcome: str
    digest: str


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """Who wants to be at a task, and for how long."""

    agent_id: str
    seconds: int


@dataclass(frozen=True, slots=True)
class NewLease:
    """That a task is given to somebody."""

    task_id: UUID
    holder: str
    lease: LeaseRequest


@dataclass(frozen=True, slots=True)
class Entered:
    """A project in which something is about to be changed, and what is to be looked at first."""

    project: Project
    # Whether something that is to be claimed needs resources, and whether a lease has expired.
    in_need: bool
    expired: bool


@dataclass(frozen=True, slots=True)
class HeldTask:
    """That somebody says to hold a task by a token."""

    task_id: UUID
    holder: str
    token: int


@dataclass(frozen=True, slots=True)
class HeldLease:
    """The lease that somebody says to hold; without an agent, whichever of theirs it is."""

    fencing_token: int
    agent_id: str


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Of which project somebody wants the best that is ready, how many, and how long they wait."""

    project_id: str
    tag: str
    count: int
    wait_seconds: int
    lease: LeaseRequest


@dataclass(frozen=True, slots=True)
class ReadyTask:
    """A task that waits for nothing but a holder, what it needs, and its place among the others."""

    id: UUID
    resources: Sequence[str]
    priority: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants to be otherwise; what it does not name stays as it is."""

    # Values by the names of fields.
    values: Mapping[str, Any] = field(default_factory=dict)
    # What lists and documents get besides what they have, and what they get instead.
    merged: Mapping[str, Any] = field(default_factory=dict)
    replaced: Mapping[str, Any] = field(default_factory=dict)
    # What the resource has to be like; empty: whatever it is like.
    etag: str = ""
    # Of the lease under which it is written; 0: none. Whose it must be, where that is said.
    fencing_token: int = 0
    agent_id: str = ""
    # Of the values, those that nobody has said, but were assessed.
    assessed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Location:
    """Where a task shall be: by the epic's id, or by names, which are made where they are not there yet."""

    epic_id: str
    epic_name: str
    project_id: str
    project_name: str


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks are wanted; what is empty wants all."""

    project_id: str
    epic_id: str
    status: str
    tag: str
    ready: bool
    # Only those that nobody is at.
    unleased: bool = False


@dataclass(frozen=True, slots=True)
class BoardEvent:
    """What happened on a board, with what it happened to as that stands when it was read."""

    sequence: int
    kind: str
    principal: str
    at: datetime
    project_id: str
    epic_id: str = ""
    task_id: str = ""
    log_sequence: int = 0
    # Of the entry of a log that says more of it.
    log_kind: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    # About how many bytes it takes.
    size: int = 0
    # The last that a stream tells.
    last: bool = False
    # None: it is not what has changed, or was deleted.
    project: Project | None = None
    epic: Epic | None = None
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """How far a board has come, and who sees it."""

    sequence: int
    audience: Audience
    deleted: bool


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A part of what there is on a board."""

    # Of the last event that it has for sure.
    sequence: int
    project: Project
    epics: Sequence[Epic]
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class Deleted:
    """How much was deleted."""

    projects: int = 0
    epics: int = 0
    tasks: int = 0
    # That ended with their tasks.
    leases: int = 0


@dataclass(frozen=True, slots=True)
class Watching:
    """Of one process, since it started: who watches, what they were told, and what it did about leases."""

    active: int
    opened: int
    average_age_seconds: float
    told: int
    told_seconds: float
    conflicts: int
    # When leases were last looked for that are over.
    swept_at: datetime | None
