"""The log of a task: what is said of it, and what happened, by numbers without gap."""

from uuid import UUID

from servicekit import pagination
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import entered_for, locked, number_of, shown
from services.tasks.board.leases import require_fenced
from services.tasks.board.store import log as store
from services.tasks.board.tasks import require_small
from services.tasks.models import LogEntry, NewEntry


class TaskLog:
    """Reads the logs of tasks, and writes what callers say."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: NewEntry, token: int, viewer: Viewer, once: Once[LogEntry, Answer]) -> Answer:
        """Adds an entry; with a token it is written under that lease.

        Raises:
            ServiceError: TASK_NOT_FOUND, PERMISSION_DENIED, INVALID_REQUEST, LEASE_LOST.
        """
        require_small("payload", entry.payload)

        async def append(connection: Connection) -> LogEntry:
            await entered_for(connection, entry.task_id, viewer)
            task_id = UUID(entry.task_id)
            if token:
                require_fenced(await locked(connection, task_id), token, viewer)
            written = await store.append(
                connection, task_id, entry.kind, viewer.name, entry.payload, renew=token > 0, said=True
            )
            if written is None:
                # Deleted since its project was looked up.
                raise errors.task_not_found(entry.task_id)
            return written

        return await once.run(self._database, append)

    async def page(self, task_id: str, viewer: Viewer, page_size: int, page_token: str) -> tuple[list[LogEntry], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (task_id,), number_of)
        async with self._database.connection() as connection:
            task = await shown(connection, task_id, viewer)
            found = await store.list_before(connection, UUID(task.id), asked.after, asked.limit)
        return asked.page(found, lambda entry: (str(entry.sequence),))
