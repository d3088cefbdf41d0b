"""The log of a task: what is said of it, and what happened, by numbers without gap."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from servicekit import pagination
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.store import log as store
from services.tasks.board.tasks import entered_for, require_small, shown
from services.tasks.models import LogEntry

MAX_NUMBER = 2**31 - 1


class TaskLog:
    """Reads the logs of tasks, and writes what callers say."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, task_id: str, kind: str, payload: Mapping[str, Any], viewer: Viewer, once: Once[LogEntry, Answer]
    ) -> Answer:
        """Adds an entry.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, INVALID_REQUEST.
        """
        require_small("payload", payload)

        async def append(connection: Connection) -> LogEntry:
            await entered_for(connection, task_id, viewer)
            entry = await store.append(connection, UUID(task_id), kind, viewer.name, payload)
            if entry is None:
                # Deleted since its project was looked up.
                raise errors.task_not_found(task_id)
            return entry

        return await once.run(self._database, append)

    async def page(self, task_id: str, viewer: Viewer, page_size: int, page_token: str) -> tuple[list[LogEntry], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (task_id,), _number)
        async with self._database.connection() as connection:
            task = await shown(connection, task_id, viewer)
            found = await store.list_before(connection, UUID(task.id), asked.after, asked.limit)
        return asked.page(found, lambda entry: (str(entry.sequence),))


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number <= MAX_NUMBER:
        raise ValueError(text)
    return number
