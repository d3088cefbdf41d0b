"""Projects: made, read, changed, deleted."""

from uuid import UUID

from servicekit import pagination
from servicekit.database_errors import UniqueViolation
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.tasks import errors
from services.tasks.board.access import uuid_of
from services.tasks.board.changes import changed
from services.tasks.board.store import projects as store
from services.tasks.models import Change, Deleted, Project


class Projects:
    """Reads and changes projects. A name is its owner's: two owners' projects of one name are two projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, change: Change, viewer: Viewer, once: Once[Project, Answer]) -> Answer:
        """Makes one, or changes the caller's own of that name."""

        async def create(connection: Connection) -> Project:
            project = await _own(connection, name, viewer)
            return await _write(connection, await visible(connection, project.id, viewer, lock=True), change, viewer)

        return await once.run(self._database, create)

    async def get(self, project_id: str, viewer: Viewer) -> Project:
        async with self._database.connection() as connection:
            found = await store.counted(connection, uuid_of(project_id))
        return _require_seen(found, project_id, viewer)

    async def page(
        self, status: str, name: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Project], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size, page_token, (status, name), lambda at, each: (pagination.time(at), UUID(each)), width=2
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, status, name, viewer, asked.after, asked.limit)
        return asked.page(found, lambda project: (project.created_at.isoformat(), project.id))

    async def update(self, project_id: str, change: Change, viewer: Viewer, once: Once[Project, Answer]) -> Answer:
        """Changes one.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, PERMISSION_DENIED, ETAG_MISMATCH, NAME_TAKEN.
        """

        async def update(connection: Connection) -> Project:
            project = await visible(connection, project_id, viewer, lock=True)
            viewer.require_own(project.owner)
            return await _write(connection, project, change, viewer)

        return await once.run(self._database, update)

    async def delete(self, project_id: str, viewer: Viewer) -> Deleted:
        """Deletes it with all that is in it."""
        async with self._database.transaction() as connection:
            project = await visible(connection, project_id, viewer)
            viewer.require_own(project.owner)
            await store.lock(connection, UUID(project.id), alone=True)
            return await store.delete(connection, UUID(project.id), viewer.name)


async def named(connection: Connection, name: str, viewer: Viewer) -> Project:
    """The project of a name that the viewer works on, its own first, made where there is none.

    Raises:
        ServiceError: PROJECT_NOT_FOUND where it was deleted in this very moment.
    """
    found = await store.find(connection, name, viewer)
    return await (visible(connection, str(found), viewer) if found else _own(connection, name, viewer))


async def visible(connection: Connection, project_id: str, viewer: Viewer, *, lock: bool = False) -> Project:
    """A project that the viewer sees.

    Raises:
        ServiceError: PROJECT_NOT_FOUND.
    """
    return _require_seen(await store.get(connection, uuid_of(project_id), lock=lock), project_id, viewer)


async def _own(connection: Connection, name: str, viewer: Viewer) -> Project:
    """The viewer's own project of a name, made where there is none."""
    found = await store.find_or_insert(connection, viewer.name, name)
    return await visible(connection, str(found), viewer)


def _require_seen(found: Project | None, project_id: str, viewer: Viewer) -> Project:
    if found is None or not viewer.sees(found.audience):
        raise errors.project_not_found(project_id)
    return found


async def _write(connection: Connection, project: Project, change: Change, viewer: Viewer) -> Project:
    values = changed(project, change)
    if values:
        try:
            await store.update(connection, UUID(project.id), values, viewer.name)
        except UniqueViolation:
            raise errors.name_taken(values["name"]) from None
    written = await store.counted(connection, UUID(project.id))
    assert written is not None, "the row is locked"
    return written
