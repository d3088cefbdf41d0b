"""The nouns of planning files."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PlanningFile:
    """A plan of a product, an epic or a task."""

    file_type: str
    name: str
    archived: bool
    size: int
    updated_at: datetime
    content: str = ""
