"""The nouns of the knowledge base."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class KnowledgeItem:
    """Something that was learned."""

    id: str
    owner: str
    # Empty where it is about none.
    project_id: str
    epic_id: str
    task_id: str
    parent_id: str
    title: str
    content: str
    category: str
    tags: Sequence[str]
    priority: int
    is_active: bool
    metadata: Mapping[str, Any]
    created_by: str
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def scope(self) -> str:
        """What it is about."""
        levels = (("task", self.task_id), ("epic", self.epic_id), ("project", self.project_id))
        return next((name for name, level in levels if level), "global")


@dataclass(frozen=True, slots=True)
class KnowledgeChange:
    """What somebody wants an item to be; what it does not name stays as it is."""

    knowledge_id: str
    project_id: str
    epic_id: str
    task_id: str
    # By the names of fields.
    values: Mapping[str, Any]
    created_by: str
    reason: str
    etag: str
    # Whether its tags are added to those that there are.
    merges_tags: bool = False


@dataclass(frozen=True, slots=True)
class KnowledgeRemark:
    """What somebody has to say of an item."""

    knowledge_id: str
    action: str
    reason: str
    created_by: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KnowledgeLogEntry:
    """What happened to an item."""

    knowledge_id: str
    sequence: int
    action: str
    reason: str
    changed_fields: Sequence[str]
    version: int
    principal: str
    created_by: str
    metadata: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class KnowledgeFilter:
    """Which items are wanted; what is empty wants all."""

    project_id: str
    epic_id: str
    task_id: str
    scope: str
    category: str
    tag: str
    knowledge_id: str
    parent_id: str
    include_inactive: bool
    query: str
