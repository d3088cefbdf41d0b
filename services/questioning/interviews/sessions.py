"""Sessions: begun, listed, closed, deleted."""

from collections.abc import Mapping
from uuid import UUID

from servicekit import pagination
from servicekit.idempotency import Answer, Once
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.questioning import errors
from services.questioning.interviews.store import conversations as conversations_store
from services.questioning.interviews.store import sessions as store
from services.questioning.models import Session


class Sessions:
    """Reads and changes sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, user_id: str, context: str, metadata: Mapping[str, str], by: Principal, once: Once[Session, Answer]
    ) -> Answer:
        """Begins one."""

        async def create(connection: Connection) -> Session:
            return await store.insert(connection, by.name, user_id, context, metadata)

        return await once.run(self._database, create)

    async def get(self, session_id: str, viewer: Viewer) -> Session:
        async with self._database.connection() as connection:
            return await visible(connection, session_id, viewer)

    async def page(
        self, user_id: str, status: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Session], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size, page_token, (user_id, status), lambda at, each: (pagination.time(at), UUID(each)), width=2
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, user_id, status, viewer, asked.after, asked.limit)
        return asked.page(found, lambda session: (session.created_at.isoformat(), session.id))

    async def close(self, session_id: str, viewer: Viewer) -> Session:
        """Closes it and its conversations."""
        async with self._database.transaction() as connection:
            session = await visible(connection, session_id, viewer, lock=True)
            viewer.require_own(session.owner)
            await conversations_store.close_all(connection, UUID(session.id))
            return await store.close(connection, UUID(session.id))

    async def delete(self, session_id: str, viewer: Viewer) -> None:
        """Deletes it with all that was said."""
        async with self._database.transaction() as connection:
            session = await visible(connection, session_id, viewer, lock=True)
            viewer.require_own(session.owner)
            await store.delete(connection, UUID(session.id))


async def visible(connection: Connection, session_id: str, viewer: Viewer, *, lock: bool = False) -> Session:
    """A session that the viewer sees.

    Raises:
        ServiceError: SESSION_NOT_FOUND.
    """
    found = await store.get(connection, named, lock=lock) if (named := uuid_of(session_id)) else None
    if found is None or not viewer.sees(found.audience):
        raise errors.session_not_found(session_id)
    return found


def uuid_of(text: str) -> UUID | None:
    """An id that may be one of ours; None for what cannot be."""
    try:
        return UUID(text)
    except ValueError:
        return None
