"""The nouns of the tasks service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from servicekit.identity.visibility import Audience


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


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work."""

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
class Change:
    """What somebody wants to be otherwise; what it does not name stays as it is."""

    # Values by the names of fields.
    values: Mapping[str, Any] = field(default_factory=dict)
    # What lists and documents get besides what they have, and what they get instead.
    merged: Mapping[str, Any] = field(default_factory=dict)
    replaced: Mapping[str, Any] = field(default_factory=dict)
    # What the resource has to be like; empty: whatever it is like.
    etag: str = ""


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


@dataclass(frozen=True, slots=True)
class Deleted:
    """How much was deleted."""

    projects: int = 0
    epics: int = 0
    tasks: int = 0
