"""Conversations: begun, listed, read, closed, deleted."""

from dataclasses import replace
from uuid import UUID

from servicekit import pagination
from servicekit.errors import invalid_field, permission_denied
from servicekit.idempotency import Answer, Once
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.questioning import errors
from services.questioning.interviews.goals import Engines
from services.questioning.interviews.kept_banks import bound
from services.questioning.interviews.sessions import uuid_of, visible
from services.questioning.interviews.store import conversations as store
from services.questioning.interviews.store import messages as messages_store
from services.questioning.interviews.store import sessions as sessions_store
from services.questioning.memory.models import Person
from services.questioning.models import Conversation, ConversationFilter, ConversationSpec, Message, Written

TOPIC_LENGTH = 50
# Begin conversations in the names of others.
DELEGATE = "questioning.delegate"


class Conversations:
    """Reads conversations, begins and ends them."""

    def __init__(self, database: Database, engines: Engines) -> None:
        self._database = database
        self._engines = engines

    async def create(
        self, spec: ConversationSpec, written: Written | None, viewer: Viewer, once: Once[Conversation, Answer]
    ) -> Answer:
        """Begins one; nothing is asked yet."""

        async def create(connection: Connection) -> Conversation:
            return await self.begin(connection, spec, written, viewer)

        return await once.run(self._database, create)

    async def begin(
        self, connection: Connection, spec: ConversationSpec, written: Written | None, viewer: Viewer
    ) -> Conversation:
        """Begins one in a transaction, in the session that it names, else in the user's own.

        Args:
            connection: of the transaction.
            spec: the conversation that is wanted.
            written: what a language model has written for it; None where none is asked in it.
            viewer: whose it will be.

        Raises:
            ServiceError: SESSION_NOT_FOUND, CLOSED, SCHEMA_INVALID, BANK_INVALID, BANK_NOT_FOUND.
        """
        spec = await bound(connection, spec, viewer)
        progress = await (await self._engines.of(spec.goal, spec.context, written)).advance({})
        if spec.session_id:
            session = await visible(connection, spec.session_id, viewer, lock=True)
            viewer.require_own(session.owner)
            if session.closed_at is not None:
                raise errors.closed("session")
            if spec.user_id not in {"", session.user_id}:
                raise invalid_field("user_id", f"must be that of the session, {session.user_id!r}, or empty")
        else:
            session = await sessions_store.newest_open(
                connection, viewer.name, spec.user_id
            ) or await sessions_store.insert(connection, viewer.name, spec.user_id, spec.context, {})
        topic = spec.topic or " ".join(spec.context.split())[:TOPIC_LENGTH]
        # Who is asked in a session is always the same.
        spec = replace(spec, session_id=session.id, user_id=session.user_id, topic=topic)
        return await store.insert(connection, spec, UUID(session.id), session.owner, progress, written)

    async def whose(
        self, connection: Connection, conversation_id: str, spec: ConversationSpec, viewer: Viewer
    ) -> tuple[Person, bool] | None:
        """Who is asked in a conversation that goes on or is to begin, and whether what they said elsewhere counts.

        None where it is not the viewer's, or there is none.
        """
        if conversation_id:
            going_on = await store.get(connection, named) if (named := uuid_of(conversation_id)) else None
            if going_on is None or going_on.owner != viewer.name:
                return None
            return Person(going_on.owner, going_on.user_id, going_on.id), going_on.goal.recall
        user_id = spec.user_id
        if spec.session_id:
            session = await sessions_store.get(connection, named) if (named := uuid_of(spec.session_id)) else None
            if session is None or session.owner != viewer.name:
                return None
            user_id = session.user_id
        return Person(viewer.name, user_id), spec.goal.recall

    async def get(self, conversation_id: str, viewer: Viewer) -> Conversation:
        async with self._database.connection() as connection:
            return await seen(connection, conversation_id, viewer)

    async def page(
        self, wanted: ConversationFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Conversation], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size,
            page_token,
            (wanted.session_id, wanted.status, *wanted.ids),
            lambda at, each: (pagination.time(at), UUID(each)),
            width=2,
        )
        within, ids = uuid_of(wanted.session_id), [named for each in wanted.ids if (named := uuid_of(each))]
        if (wanted.session_id and within is None) or (wanted.ids and not ids):
            return [], ""
        async with self._database.connection() as connection:
            found = await store.list_before(connection, within, wanted.status, ids, viewer, asked.after, asked.limit)
        return asked.page(found, lambda each: (each.created_at.isoformat(), each.id))

    async def messages(
        self, conversation_id: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Message], str]:
        """A page of what was said, oldest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (conversation_id,), int)
        async with self._database.connection() as connection:
            conversation = await seen(connection, conversation_id, viewer)
            found, whole = await messages_store.list_after(
                connection, UUID(conversation.id), asked.after or 0, asked.limit
            )
        return asked.page(found, lambda message: (str(message.sequence),), whole=whole)

    async def close(self, conversation_id: str, outcome: str, viewer: Viewer) -> Conversation:
        """Closes it.

        Args:
            conversation_id: which.
            outcome: of a bank, the hypothesis that held; empty where nobody says.
            viewer: who closes.
        """
        async with self._database.transaction() as connection:
            conversation = await seen(connection, conversation_id, viewer, lock=True)
            viewer.require_own(conversation.owner)
            _require_hypothesis(conversation, outcome)
            return await store.close(connection, UUID(conversation.id), outcome)

    async def delete(self, conversation_id: str, viewer: Viewer) -> None:
        """Deletes it with all that was said."""
        async with self._database.transaction() as connection:
            conversation = await seen(connection, conversation_id, viewer, lock=True)
            viewer.require_own(conversation.owner)
            await store.delete(connection, UUID(conversation.id))


def in_the_name_of(name: str, viewer: Viewer) -> Viewer:
    """Whoever a service begins a conversation for; the caller where it names nobody.

    Raises:
        ServiceError: PERMISSION_DENIED.
    """
    if not name:
        return viewer
    if not viewer.principal.may(DELEGATE):
        raise permission_denied(DELEGATE)
    return Viewer(Principal(name, frozenset()), viewer.service, sees_all=False)


def _require_hypothesis(conversation: Conversation, outcome: str) -> None:
    bank = conversation.goal.bank or {}
    if outcome and outcome not in {str(each["id"]) for each in bank.get("hypotheses", ())}:
        raise invalid_field("outcome", "is no hypothesis of the conversation's bank")


async def seen(connection: Connection, conversation_id: str, viewer: Viewer, *, lock: bool = False) -> Conversation:
    """A conversation that the viewer sees.

    Raises:
        ServiceError: CONVERSATION_NOT_FOUND.
    """
    found = await store.get(connection, named, lock=lock) if (named := uuid_of(conversation_id)) else None
    if found is None or not viewer.sees(found.audience):
        raise errors.conversation_not_found(conversation_id)
    return found


async def opened(connection: Connection, conversation_id: str, viewer: Viewer) -> Conversation:
    """A conversation of the viewer's own that goes on, locked.

    Raises:
        ServiceError: CONVERSATION_NOT_FOUND, PERMISSION_DENIED, CLOSED.
    """
    conversation = await seen(connection, conversation_id, viewer, lock=True)
    viewer.require_own(conversation.owner)
    if conversation.status == "closed":
        raise errors.closed("conversation")
    return conversation
