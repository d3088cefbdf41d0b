"""A task with all that an agent needs to know before it begins."""

from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Database
from services.tasks import errors
from services.tasks.board.access import shown
from services.tasks.board.store import epics, projects
from services.tasks.original import store
from services.tasks.original.models import TaskDetails

DEFAULT_ENTRIES = 100


class Details:
    """Answers GetTaskDetails and ReadTaskDetails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, task_id: str, limit: int, before: int | None, viewer: Viewer) -> TaskDetails:
        """One task with its newest entries, or those before one.

        Raises:
            ServiceError: TASK_NOT_FOUND.
        """
        async with self._database.connection() as connection:
            task = await shown(connection, task_id, viewer)
            project = await projects.get(connection, UUID(task.project_id))
            epic = await epics.get(connection, UUID(task.epic_id))
            entries, more = await store.entries_before(connection, UUID(task.id), before, limit)
        if project is None or epic is None:
            # Deleted since the task was looked up.
            raise errors.task_not_found(task_id)
        return TaskDetails(task, project.name, epic.name, entries, entries[-1].sequence if more else 0)
