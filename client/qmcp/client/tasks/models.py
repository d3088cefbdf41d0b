# Generated from protos/ by client/generate. `make generate` writes it again.

"""The values of tasks as callers see them: the messages of the contract without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project: the board that agents and people share, and who they are."""

    # UUIDv7, made by the server.
    id: str = ""
    # The principal that made it.
    owner: str = ""
    # What it is called; one owner has no two projects of one name.
    name: str = ""
    # What it is about; empty where nobody said.
    description: str = ""
    # `active`, `archived` or `completed`. A word for people: it stops nobody.
    status: str = ""
    # The principals that work on it beside its owner.
    members: tuple[str, ...] = ()
    # The roles whose holders work on it.
    groups: tuple[str, ...] = ()
    # How many epics it has.
    epic_count: int = 0
    # How many tasks it has.
    task_count: int = 0
    # How many of its tasks are completed.
    completed_task_count: int = 0
    # When it was made.
    created_at: datetime | None = None
    # When it was changed; a change of its tasks is none of its own.
    updated_at: datetime | None = None
    # What it is like; another one after each change.
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedCounts:
    """What was deleted by one call.

    It is gone for everybody, and kept in the database.
    """

    # How many projects: 1, or 0 where less was to be deleted.
    projects: int = 0
    # How many epics.
    epics: int = 0
    # How many tasks.
    tasks: int = 0
    # How many leases ended with them: of tasks that somebody was at.
    leases: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedItem:
    """What became of one item of a document."""

    # Where it stands, `projects[0].epics[1].tasks[2]`.
    place: str = ""
    # `project`, `epic` or `task`.
    kind: str = ""
    # What it is called.
    name: str = ""
    # Its id; empty where a dry run would make it.
    id: str = ""
    # `created`, `updated`, `unchanged` or `left`.
    action: str = ""
    # The names of the fields that are otherwise now.
    fields: tuple[str, ...] = ()
    # What is not as the document has it, and why; empty where all is.
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedProjects:
    """What became of the items of a document, or would."""

    # Whether nothing was changed because nothing was to be.
    dry_run: bool = False
    # Everything that the document names, in its order.
    items: tuple[ImportedItem, ...] = ()
    # How many were made.
    created: int = 0
    # How many were changed.
    updated: int = 0
    # How many were as the document has them.
    unchanged: int = 0
    # How many would be otherwise by the document, and were left as they are; each says why.
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedProjects:
    """Projects as a document."""

    # YAML of the form of BoardDocument, which ImportProjects takes, and which says what ImportProjects makes: no
    # ids, no logs, no leases.
    yaml: str = ""
    # How many projects it has.
    projects: int = 0
    # How many epics.
    epics: int = 0
    # How many tasks.
    tasks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Epic:
    """A part of a project: the tasks that reach one end together."""

    # UUIDv7, made by the server.
    id: str = ""
    # The project that it is part of. Whoever sees that sees it.
    project_id: str = ""
    # What it is called; one project has no two epics of one name.
    name: str = ""
    # What it is about; empty where nobody said.
    description: str = ""
    # One of the states of tasks. A word for people: it follows from nothing and stops nobody.
    status: str = ""
    # 0 (the least) to 3. A word for people: what is claimed goes by the priority of tasks.
    priority: int = 0
    # How many tasks it has.
    task_count: int = 0
    # How many of them are completed.
    completed_task_count: int = 0
    # The principal that made it.
    created_by: str = ""
    # When it was made.
    created_at: datetime | None = None
    # When it was changed; a change of its tasks is none of its own.
    updated_at: datetime | None = None
    # What it is like; another one after each change.
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """That one agent is at a task, for a time."""

    # The principal that holds it.
    holder: str = ""
    # Which of that principal's agents, in its own word; empty where nobody said.
    agent_id: str = ""
    # Of this lease: each later lease of the task has a greater one.
    fencing_token: int = 0
    # When it was given.
    acquired_at: datetime | None = None
    # When it ends unless it is renewed.
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What shows that a task is done."""

    # `invocation`: that a tool ran with success for the task, under its last lease. `approval`: that humans
    # approved a request that was made for the task, under its last lease. `document_run`: that a document was made
    # for the task, under its last lease, with the outcome `ok`. `url`: a page or a file, which is read then, and is
    # what it is said to be.
    kind: str = ""
    # The id of the invocation, of the human request or of the run, or the URL. 1 to 2,048 characters.
    id: str = ""
    # Of an invocation the `digest` of its receipt, of a run its `document_sha256`, of a URL the SHA-256 of what
    # stands there, 64 hexadecimal digits; empty of an approval.
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A piece of work that one agent does at a time."""

    # UUIDv7, made by the server.
    id: str = ""
    # The project that it is part of. Whoever sees that sees it.
    project_id: str = ""
    # The epic that it is part of.
    epic_id: str = ""
    # What it is called; one epic has no two tasks of one name.
    name: str = ""
    # What is to be done; empty where nobody said.
    description: str = ""
    # `pending`, `in_progress`, `review`, `completed`, `blocked` or `backlog`.
    status: str = ""
    # The same as the original's board has it: `TODO`, `IN_PROGRESS`, `REVIEW`, `DONE`, `BLOCKED` or `BACKLOG`.
    board_status: str = ""
    # 0 (the least) to 3: of what is ready, the most goes first.
    priority: int = 0
    # How it is to be worked on: `simple`, `standard`, `ra-light` or `ra-full`; empty where nobody said.
    ra_mode: str = ""
    # How hard it is taken to be, 1 to 10; assessed where nobody said when CreateTask made it. 0: nobody has said,
    # and an import made it, or somebody said so.
    ra_score: int = 0
    # What was assumed, suggested or decided, as tags.
    ra_tags: tuple[str, ...] = ()
    # What belongs to the response awareness, of any form. Nested at most 30 levels.
    ra_metadata: dict[str, Any] | None = None
    # Words to find it by.
    tags: tuple[str, ...] = ()
    # Whatever its users keep beside it. Nested at most 30 levels.
    metadata: dict[str, Any] | None = None
    # The prompt that it was made by; empty in lists, and where there is none.
    prompt_snapshot: str = ""
    # Tasks with the same word are meant to be worked on at the same time.
    parallel_group: str = ""
    # False where it is not meant to be worked on beside others.
    parallel_eligible: bool = False
    # The session of the client that it came from.
    client_session_id: str = ""
    # The ids of the tasks that must be completed before it.
    dependencies: tuple[str, ...] = ()
    # Those of them that are not completed. It is ready when there are none and its status is `pending`.
    open_dependencies: tuple[str, ...] = ()
    # The number of the last entry of its log.
    log_sequence: int = 0
    # The principal that made it.
    created_by: str = ""
    # When it was made.
    created_at: datetime | None = None
    # When it was changed.
    updated_at: datetime | None = None
    # When it was completed; absent while it is not.
    completed_at: datetime | None = None
    # What it is like; another one after each change.
    etag: str = ""
    # Who is at it; absent where nobody is, or the lease has expired by the clock of the database.
    lease: Lease | None = None
    # How often it was begun.
    attempts: int = 0
    # How many attempts have failed since it was last completed or brought out of `blocked`: ended so, or their
    # lease expired.
    failed_attempts: int = 0
    # How many may before it is `blocked`; 0: what the operator has set.
    max_attempts: int = 0
    # What nobody else may be at meanwhile.
    resources: tuple[str, ...] = ()
    # What must be shown before it can be completed.
    required_evidence: tuple[str, ...] = ()
    # What was shown when it was completed; empty while it is not.
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLogEntry:
    """Something that happened to a task, or that somebody said of it."""

    # The task.
    task_id: str = ""
    # Its number in the log of this task, from 1, without gap.
    sequence: int = 0
    # What happened: `created`, `updated`, `transitioned`, `leased`, `released`, `lease_expired`, `work_begun`,
    # `work_ended`, `deleted`, or a word of whoever wrote it.
    kind: str = ""
    # The principal that did it.
    principal: str = ""
    # When it happened.
    at: datetime | None = None
    # What there is to say of it: of a transition `from` and `to`, of an update the names of the `fields`.
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetails:
    """A task with what it is part of and what happened to it."""

    # The task.
    task: Task | None = None
    # What its project is called.
    project_name: str = ""
    # What its epic is called.
    epic_name: str = ""
    # The entries of its log, newest first. Of entries of 2 MB together they end early.
    entries: tuple[TaskLogEntry, ...] = ()
    # Where to go on, as `before_seq`; 0 where there are no earlier entries.
    next_before_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeItem:
    """Something that agents have learned and others should know: about a task, an epic, a project, or everything."""

    # UUIDv7, made by the server.
    id: str = ""
    # `global`, `project`, `epic` or `task`: what it is about. Whoever sees that sees it; what is global everybody
    # sees.
    scope: str = ""
    # The project that it is about, or that has what it is about; empty where it is global.
    project_id: str = ""
    # The epic that it is about, or that has the task; else empty.
    epic_id: str = ""
    # The task that it is about; else empty.
    task_id: str = ""
    # The item that it belongs to; empty where it stands by itself.
    parent_id: str = ""
    # What it says, in a line.
    title: str = ""
    # What it says.
    content: str = ""
    # A word for what it is; empty where nobody said.
    category: str = ""
    # Words to find it by.
    tags: tuple[str, ...] = ()
    # 0 (the least) to 5.
    priority: int = 0
    # False where it holds no more, and is shown only to who asks for it.
    is_active: bool = False
    # Whatever its users keep beside it.
    metadata: dict[str, Any] | None = None
    # Its number, from 1; each change makes another one, and GetKnowledgeItem shows the earlier ones.
    version: int = 0
    # The principal that made it.
    owner: str = ""
    # Which of that principal's agents, in its own word; empty where nobody said.
    created_by: str = ""
    # When it was made.
    created_at: datetime | None = None
    # When this version was made.
    updated_at: datetime | None = None
    # What it is like; another one after each change.
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """How agents work with this service, and what they should know."""

    # `concise` or `full`.
    format: str = ""
    # What to do, as Markdown.
    instructions: str = ""
    # What the knowledge base has about the project or the epic, and what is global: at most 20 items, the highest
    # priority first, as many as have room in 256 KB together.
    knowledge: tuple[KnowledgeItem, ...] = ()
    # Whether there is more; ListKnowledgeItems has all.
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One time that an agent was at a task."""

    # The task.
    task_id: str = ""
    # Its number among the attempts of this task, from 1.
    number: int = 0
    # The principal that held the lease.
    holder: str = ""
    # Which of that principal's agents; empty where nobody said.
    agent_id: str = ""
    # Of the lease.
    fencing_token: int = 0
    # When it began.
    started_at: datetime | None = None
    # When it ended; absent while it lasts.
    ended_at: datetime | None = None
    # How it ended: the status that the task came to, `released`, `failed`, `expired` or `deleted`; empty while it
    # lasts.
    outcome: str = ""
    # Why, as whoever ended it said.
    reason: str = ""
    # How long of it, in seconds, its holder waited for humans or for what ran under its lease.
    parked_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board, page by page: its epics, then its tasks, oldest first."""

    # The number of the last event that is in this page for sure; 0 where nothing has happened yet. What the first
    # page says is where to go on with WatchBoard.
    sequence: int = 0
    # The project.
    project: Project | None = None
    # Epics.
    epics: tuple[Epic, ...] = ()
    # Tasks, without their `prompt_snapshot`.
    tasks: tuple[Task, ...] = ()
    # The token of the next page; empty on the last.
    next_page_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardEvent:
    """Something that happened on a board: to the project, an epic, a task or its lease."""

    # Its number among the events of the project, from 1, without gap. 0 on what is in a snapshot: the event
    # `snapshot_end` has the number up to which everything is in it. A heartbeat repeats the one before it.
    sequence: int = 0
    # When it happened, by the clock of the database.
    at: datetime | None = None
    # `project.created`, `project.updated`, `project.deleted`, `epic.created`, `epic.updated`, `epic.deleted`,
    # `task.created`, `task.updated`, `task.transitioned`, `task.leased`, `task.renewed`, `task.released`,
    # `task.lease_expired`, `task.deleted`, `task.logged` (somebody wrote into its log); in a stream also `snapshot`
    # (what is there: a project, an epic or a task), `snapshot_end`, and `heartbeat`. More may come to be.
    kind: str = ""
    # Who did it; empty where time did.
    principal: str = ""
    # The project.
    project_id: str = ""
    # The epic; empty where the project itself changed.
    epic_id: str = ""
    # The task; empty where none changed.
    task_id: str = ""
    # The number of the entry of the task's log; 0 where none says more of it.
    log_sequence: int = 0
    # Of `task.logged` the word of whoever wrote it: the `kind` of the entry.
    log_kind: str = ""
    # What there is to say of it, as the log has it: of a transition `from` and `to`, of an update the names of the
    # `fields`, of a deletion how much went with it.
    detail: dict[str, Any] | None = None
    # The project as it stands now, where it changed; absent where it was deleted.
    project: Project | None = None
    # The epic as it stands now, where it changed; absent where it was deleted.
    epic: Epic | None = None
    # The task as it stands now, where it changed, without its `prompt_snapshot`; absent where it was deleted.
    task: Task | None = None
    # True on the last event of a stream; one that ends without it was cut off: call again with `after_sequence`.
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeLogEntry:
    """Something that happened to an item of knowledge, or that somebody said of it."""

    # The item.
    knowledge_id: str = ""
    # Its number in the log of this item, from 1, without gap.
    sequence: int = 0
    # `created`, `updated`, or a word of whoever wrote it.
    action_type: str = ""
    # Why.
    change_reason: str = ""
    # The names of the fields that this change changed.
    changed_fields: tuple[str, ...] = ()
    # The version that it made, or that was there.
    version: int = 0
    # The principal that did it.
    principal: str = ""
    # Which of that principal's agents, in its own word; empty where nobody said.
    created_by: str = ""
    # Whatever its writer keeps beside it.
    metadata: dict[str, Any] | None = None
    # When it happened.
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionValidation:
    """What somebody found when they looked at something that was assumed, suggested or decided of a task."""

    # UUIDv7, made by the server.
    id: str = ""
    # The project of the task. Whoever sees that sees it.
    project_id: str = ""
    # The epic of the task.
    epic_id: str = ""
    # The task.
    task_id: str = ""
    # The tag of the task, as it stands there.
    ra_tag_id: str = ""
    # What kind of tag it is, `impl:assumption`; DescribeRaTags has the vocabulary.
    tag_type: str = ""
    # `validated`, `rejected` or `partial`.
    outcome: str = ""
    # How sure of it whoever looked is, 0 to 100.
    confidence: int = 0
    # Why.
    reason: str = ""
    # The principal that looked.
    validator: str = ""
    # Which of that principal's agents, in its own word; empty where nobody said.
    reviewer_agent_id: str = ""
    # When it was said, for the last time.
    validated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTypeInsight:
    """How well what has one type of tag has held."""

    # How many validations there are.
    total: int = 0
    # How many of them say `validated`.
    validated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionTrend:
    """What was found on one day."""

    # The day, `2026-01-31`, by UTC.
    date: str = ""
    # How many validations there are.
    total: int = 0
    # How many of them say `validated`.
    validated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionInsights:
    """How well what was assumed has held."""

    # How many validations there are.
    total_validations: int = 0
    # The part of them that says `validated`, 0 to 1; 0 where there are none.
    success_rate: float = 0.0
    # By outcome.
    outcome_breakdown: dict[str, int] = field(default_factory=dict)
    # By type of tag.
    tag_type_breakdown: dict[str, TagTypeInsight] = field(default_factory=dict)
    # The newest ten.
    recent_examples: tuple[AssumptionValidation, ...] = ()
    # By day, the last thirty with any, oldest first.
    trend_data: tuple[AssumptionTrend, ...] = ()
    # When they were counted, RFC 3339: now, for nothing is kept.
    cache_timestamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaTagKind:
    """A kind of tag."""

    # How it begins, `#COMPLETION_DRIVE_IMPL`.
    tag: str = ""
    # Its type, `impl:assumption`.
    tag_type: str = ""
    # When to set it.
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaTagVocabulary:
    """The vocabulary of response awareness."""

    # The kinds of tags that have a meaning of their own. Of `#COMPLETION_DRIVE_…` and `#SUGGEST_…` there may be
    # further ones.
    kinds: tuple[RaTagKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardHealth:
    """Whether the service can do its work, as the original's `/healthz` told it."""

    # `healthy`, or `degraded` where its database does not answer.
    status: str = ""
    # Whether the database answers.
    database_connected: bool = False
    # Calls that watch boards on the replica that answers.
    active_websocket_connections: int = 0
    # When it was looked, RFC 3339.
    timestamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardConnections:
    """Those who watch boards."""

    # How many calls watch boards now.
    active: int = 0
    # How many were ever taken since the start.
    total_opened: int = 0
    # As many as watch: one that is broken is none.
    healthy: int = 0
    # How many may watch at a time.
    max_capacity: int = 0
    # How many events were told to those who watch.
    total_broadcasts: int = 0
    # How long those that are open have been, on average, in seconds.
    avg_connection_age_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTaskCounts:
    """What there is to do."""

    # How many tasks there are.
    total: int = 0
    # How many of them are leased.
    locked: int = 0
    # How many were completed since midnight UTC.
    completed_today: int = 0
    # How many are ready: `pending`, with all their dependencies completed.
    available: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPerformance:
    """How long things take, on average since the start, in milliseconds."""

    # A use of a connection to the database: the statements of a call.
    avg_query_time_ms: float = 0.0
    # From a change to those who watch its board.
    avg_broadcast_time_ms: float = 0.0
    # The same, for each of those who watch now.
    avg_broadcast_per_connection_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardLocks:
    """Leases, which the original called locks."""

    # That hold.
    active: int = 0
    # That are over and were not taken away yet.
    expired: int = 0
    # That were given since midnight UTC.
    acquired_today: int = 0
    # That were taken away since midnight UTC because their time was over.
    cleaned_today: int = 0
    # Calls since the start that were refused a lease because another holds it, or what the task needs.
    conflicts: int = 0
    # What part of all tasks is leased, in percent.
    utilization_percent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardProcess:
    """The process that answers."""

    # What it has in memory.
    memory_usage_mb: float = 0.0
    # How much of a processor it has used since the start, in percent.
    cpu_usage_percent: float = 0.0
    # When leases that are over were last looked for, RFC 3339; null before the first time.
    last_lock_cleanup: str = ""
    # Since it started.
    uptime_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardMetrics:
    """How the service is doing, as the original's `/api/metrics` told it.

    Tasks and locks are those of all projects that the caller sees, whichever replica answers; the rest is of the
    replica that answers, and the Prometheus page has it of each.
    """

    # Those who watch boards.
    connections: BoardConnections | None = None
    # What there is to do.
    tasks: BoardTaskCounts | None = None
    # How long things take.
    performance: BoardPerformance | None = None
    # Leases.
    locks: BoardLocks | None = None
    # The process.
    system: BoardProcess | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardStateTask:
    """A task as the original's board had it."""

    # UUIDv7, made by the server.
    id: str = ""
    # What it is called.
    name: str = ""
    # What is to be done.
    description: str = ""
    # `TODO`, `IN_PROGRESS`, `REVIEW`, `DONE`, `BLOCKED` or `BACKLOG`.
    status: str = ""
    # The epic that it is part of.
    epic_id: str = ""
    # What that is called.
    epic_name: str = ""
    # The project that it is part of.
    project_id: str = ""
    # What that is called.
    project_name: str = ""
    # Who is at it: the agent by its own word, else the principal; null where nobody is.
    lock_holder: str = ""
    # When that ends; null where nobody is.
    lock_expires_at: datetime | None = None
    # How it is to be worked on.
    ra_mode: str = ""
    # How hard it is taken to be, 1 to 10; 0 where nobody said.
    ra_score: int = 0
    # What was assumed, suggested or decided.
    ra_tags: tuple[str, ...] = ()
    # The ids of the tasks that must be completed before it.
    dependencies: tuple[str, ...] = ()
    # When it was made.
    created_at: datetime | None = None
    # When it was changed.
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardState:
    """All boards that the caller sees, as the original's `/api/board/state` told them.

    As many of each as have room in 2 MB together, the newest first; GetBoard has all of one.
    """

    # The tasks.
    tasks: tuple[BoardStateTask, ...] = ()
    # The epics.
    epics: tuple[Epic, ...] = ()
    # The projects.
    projects: tuple[Project, ...] = ()
    # Whether there are tasks, epics or projects for which there was no room.
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeFilters:
    """By what items of knowledge were looked for."""

    # What they are about.
    scope: str = ""
    # The project; null where there is none.
    project_id: str = ""
    # The epic; null where there is none.
    epic_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDetail:
    """A type of tag, and how well what has it has held."""

    # The type, `impl:assumption`.
    tag_type: str = ""
    # How tags of it begin, `#COMPLETION_DRIVE_IMPL`; empty where the vocabulary has none.
    tag: str = ""
    # When to set it; empty where the vocabulary has none.
    description: str = ""
    # How many validations there are.
    total: int = 0
    # How many of them say `validated`.
    validated: int = 0
    # How many of them say `rejected`.
    rejected: int = 0
    # How many of them say `partial`.
    partial: int = 0
    # The part of them that says `validated`, 0 to 1; 0 where there are none.
    success_rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TagDetails:
    """The types of tags, and how well what has them has held, of all that the caller sees."""

    # The types of the vocabulary first, then further ones that somebody has said something of.
    details: tuple[TagDetail, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningFile:
    """A plan as a file of Markdown: of a product, an epic or a task."""

    # `prd` (product requirements), `epic` or `task`.
    file_type: str = ""
    # What it is called, `001-checkout.md`. What begins with the same number belongs together.
    name: str = ""
    # Whether it is in the archive.
    archived: bool = False
    # How long it is, in bytes.
    size_bytes: int = 0
    # When it was written.
    updated_at: datetime | None = None
    # What stands in it; empty in lists.
    content: str = ""
