"""The nouns of what the original's agents and clients ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.tasks.knowledge.models import KnowledgeItem
from services.tasks.models import Epic, LogEntry, Project, Task, Watching


@dataclass(frozen=True, slots=True)
class TaskDetails:
    """A task, what it is part of, and what happened to it."""

    task: Task
    project_name: str
    epic_name: str
    entries: Sequence[LogEntry]
    # Where earlier entries begin; 0: there are none.
    next_before: int


@dataclass(frozen=True, slots=True)
class Guide:
    """How agents work with tasks, and what they should know."""

    form: str
    text: str
    knowledge: Sequence[KnowledgeItem]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all that somebody sees: what there is to do, and what is leased."""

    total: int
    locked: int
    expired: int
    completed_today: int
    available: int
    acquired_today: int
    cleaned_today: int


@dataclass(frozen=True, slots=True)
class Operation:
    """How one process is doing."""

    max_watchers: int
    query_ms: float
    uptime_seconds: float
    memory_mb: float
    cpu_percent: float
    watching: Watching


@dataclass(frozen=True, slots=True)
class State:
    """All boards that somebody sees, or as much as there is room for."""

    projects: Sequence[Project]
    epics: Sequence[Epic]
    tasks: Sequence[Task]
    project_names: Mapping[str, str]
    epic_names: Mapping[str, str]
    truncated: bool
