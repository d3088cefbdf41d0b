"""Epics: made, read, changed, deleted."""

from uuid import UUID

from servicekit import pagination
from servicekit.database_errors import UniqueViolation
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import entered, uuid_of
from services.tasks.board.changes import changed
from services.tasks.board.store import epics as store
from services.tasks.board.store import projects as projects_store
from services.tasks.models import Change, Deleted, Epic


class Epics:
    """Reads and changes epics. Whoever works on the project may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, name: str, change: Change, viewer: Viewer, once: Once[Epic, Answer]
    ) -> Answer:
        """Makes one, or changes the project's own of that name.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, PERMISSION_DENIED.
        """

        async def create(connection: Connection) -> Epic:
            project = await entered(connection, uuid_of(project_id), viewer)
            if project is None:
                raise errors.project_not_found(project_id)
            found = await store.find_or_insert(connection, UUID(project.id), name, viewer.name)
            return await _write(connection, found, change, viewer)

        return await once.run(self._database, create)

    async def get(self, epic_id: str, viewer: Viewer) -> Epic:
        async with self._database.connection() as connection:
            epic = await store.get(connection, uuid_of(epic_id))
            project = await projects_store.get(connection, UUID(epic.project_id)) if epic else None
        if epic is None or project is None or not viewer.sees(project.audience):
            raise errors.epic_not_found(epic_id)
        return epic

    async def page(
        self, project_id: str, status: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Epic], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size, page_token, (project_id, status), lambda at, each: (pagination.time(at), UUID(each)), width=2
        )
        of = uuid_of(project_id) if project_id else None
        async with self._database.connection() as connection:
            found = await store.list_before(connection, of, status, viewer, asked.after, asked.limit)
        return asked.page(found, lambda epic: (epic.created_at.isoformat(), epic.id))

    async def update(self, epic_id: str, change: Change, viewer: Viewer, once: Once[Epic, Answer]) -> Answer:
        """Changes one.

        Raises:
            ServiceError: EPIC_NOT_FOUND, PERMISSION_DENIED, ETAG_MISMATCH, NAME_TAKEN.
        """

        async def update(connection: Connection) -> Epic:
            return await _write(connection, await enter_epic(connection, epic_id, viewer), change, viewer)

        return await once.run(self._database, update)

    async def delete(self, epic_id: str, viewer: Viewer) -> Deleted:
        """Deletes it with its tasks."""
        async with self._database.transaction() as connection:
            return await store.delete(
                connection, await enter_epic(connection, epic_id, viewer, alone=True), viewer.name
            )


async def enter_epic(connection: Connection, epic_id: str, viewer: Viewer, *, alone: bool = False) -> UUID:
    """The epic in which, or of which, the viewer is about to change something; see `entered`.

    Raises:
        ServiceError: EPIC_NOT_FOUND, PERMISSION_DENIED.
    """
    project_id = await store.project_of(connection, uuid_of(epic_id))
    if project_id is None or await entered(connection, project_id, viewer, alone=alone) is None:
        raise errors.epic_not_found(epic_id)
    # Before the lock somebody may have deleted it.
    if await store.project_of(connection, UUID(epic_id)) is None:
        raise errors.epic_not_found(epic_id)
    return UUID(epic_id)


async def _write(connection: Connection, epic_id: UUID, change: Change, viewer: Viewer) -> Epic:
    epic = await store.get(connection, epic_id, lock=True)
    assert epic is not None, "nothing in the project is deleted now"
    values = changed(epic, change)
    if not values:
        return epic
    try:
        await store.update(connection, epic_id, values, viewer.name)
    except UniqueViolation:
        raise errors.name_taken(values["name"]) from None
    written = await store.get(connection, epic_id)
    assert written is not None, "the row is locked"
    return written
