"""All that was said, for whoever may see it: a page at a time, whatever there is."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.questioning.interviews.sessions import uuid_of
from services.questioning.interviews.store import conversations as store
from services.questioning.interviews.store import messages as messages_store
from services.questioning.interviews.store import sessions as sessions_store
from services.questioning.models import Conversation, Message, Session

Rows = Sequence[Session | Conversation | Message]
CONVERSATIONS_A_PAGE = 500
MESSAGES_A_PAGE = 500


class Exporting:
    """Reads what is to leave."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(
        self, session_id: str, conversation_id: str, user_id: str, viewer: Viewer
    ) -> AsyncGenerator[Rows, None]:
        """What the viewer sees of what is wanted, oldest first; what is said meanwhile is not in it."""
        session, conversation = uuid_of(session_id), uuid_of(conversation_id)
        if (session_id and session is None) or (conversation_id and conversation is None):
            return
        after: tuple[datetime, UUID] | None = None
        told: set[UUID] = set()
        async with self._database.snapshot() as connection:
            while places := await store.places_after(
                connection, session, conversation, user_id, viewer, after, CONVERSATIONS_A_PAGE
            ):
                for place in places:
                    if place.session_id not in told:
                        told.add(place.session_id)
                        found = await sessions_store.get(connection, place.session_id)
                        yield [found] if found else []
                    async for page in _conversation(connection, place.id):
                        yield page
                after = places[-1].created_at, places[-1].id


async def _conversation(connection: Connection, conversation_id: UUID) -> AsyncGenerator[Rows, None]:
    conversation = await store.get(connection, conversation_id)
    if conversation is None:
        return
    yield [conversation]
    page: Sequence[Message]
    sequence, page = 0, ()
    while sequence == 0 or page:
        page, _ = await messages_store.list_after(connection, conversation_id, sequence, MESSAGES_A_PAGE)
        if page:
            yield page
        sequence = page[-1].sequence if page else sequence + 1
