"""The nouns of what was assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Validation:
    """What somebody found when they looked at a tag of a task."""

    id: str
    project_id: str
    epic_id: str
    task_id: str
    tag: str
    tag_type: str
    outcome: str
    confidence: int
    reason: str
    validator: str
    agent_id: str
    created_at: datetime
    validated_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What somebody has to say of a tag."""

    task_id: str
    tag: str
    outcome: str
    # None: as sure as people are of such an outcome.
    confidence: int | None
    reason: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class NewTag:
    """A tag for a task, and where it stands."""

    task_id: str
    text: str
    file_path: str
    line_number: int
    code_snippet: str
    agent_id: str
    fencing_token: int


@dataclass(frozen=True, slots=True)
class ValidationFilter:
    """Which validations are wanted; what is empty wants all."""

    project_id: str
    epic_id: str
    task_id: str
    outcome: str
    tag_type: str


@dataclass(frozen=True, slots=True)
class Insights:
    """How well what was assumed has held."""

    outcomes: Mapping[str, int]
    # By type of tag and by day: how many, and how many that have held.
    tag_types: Mapping[str, tuple[int, int]]
    days: Sequence[tuple[str, int, int]]
    recent: Sequence[Validation]


@dataclass(frozen=True, slots=True)
class Recent:
    """What was found lately, how much there is of it, and whether there is something earlier."""

    validations: Sequence[Validation]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class TagDetail:
    """A type of tag, what the vocabulary says of it, and how often it came to each outcome."""

    tag_type: str
    tag: str
    description: str
    outcomes: Mapping[str, int]
