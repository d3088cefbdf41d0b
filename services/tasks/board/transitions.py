"""From which status a task may come to which; docs/tasks.md shows the same table."""

from collections.abc import Mapping

from services.tasks import errors
from services.tasks.models import Task

# In the order in which people read a board from left to right.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "backlog": ("pending", "blocked"),
    "pending": ("backlog", "in_progress", "blocked"),
    "in_progress": ("pending", "review", "completed", "blocked"),
    "review": ("pending", "in_progress", "completed", "blocked"),
    "completed": ("pending",),
    "blocked": ("backlog", "pending", "in_progress"),
}
# As the original's board calls them.
BOARD_WORDS = {
    "backlog": "BACKLOG",
    "pending": "TODO",
    "in_progress": "IN_PROGRESS",
    "review": "REVIEW",
    "completed": "DONE",
    "blocked": "BLOCKED",
}
STATUSES = {word: status for status, word in BOARD_WORDS.items()}
# What nothing comes to before what it depends on is completed.
AFTER_DEPENDENCIES = frozenset({"in_progress", "review", "completed"})


def status_of(word: str) -> str:
    """The status that a word means, in either spelling; empty for none."""
    return STATUSES.get(word, word)


def require_allowed(task: Task, to_status: str) -> None:
    """Refuses a way that the table does not have.

    Raises:
        ServiceError: TRANSITION_NOT_ALLOWED, DEPENDENCIES_OPEN.
    """
    allowed = TRANSITIONS[task.status]
    if to_status not in allowed:
        raise errors.transition_not_allowed(task.id, task.status, to_status, allowed)
    if to_status in AFTER_DEPENDENCIES and task.open_dependencies:
        raise errors.dependencies_open(task.id, task.open_dependencies)
