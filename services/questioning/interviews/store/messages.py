"""SQL of what was said."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import orjson

from servicekit.postgres import Connection, Record
from services.questioning.memory.models import Recalled
from services.questioning.models import AnswerState, Conversation, Known, Message, NewMessage

# What a page of messages holds at most, bytes; the first one in any case.
MAX_PAGE_BYTES = 2 * 1024 * 1024
COLUMNS = """
    id, conversation_id, sequence, message_type, content, question_id, state, value, source, revises, metadata,
    created_at
"""


async def insert(connection: Connection, conversation: Conversation, said: Sequence[NewMessage]) -> list[Message]:
    """Adds what was said, in order; the caller holds the conversation's lock."""
    last = await connection.fetchval(
        "UPDATE conversations SET last_sequence = last_sequence + $2 WHERE id = $1 RETURNING last_sequence",
        UUID(conversation.id),
        len(said),
    )
    found = []
    for sequence, message in enumerate(said, start=last - len(said) + 1):
        row = await connection.fetchrow(
            f"""
            INSERT INTO messages (
                conversation_id, owner, user_id, sequence, message_type, content, question_id, state, value, source,
                revises, metadata, fact, words
            )
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            RETURNING {COLUMNS}
            """,
            UUID(conversation.id),
            conversation.owner,
            conversation.user_id,
            sequence,
            message.message_type,
            message.content,
            message.question_id,
            message.state,
            None if message.value is None else orjson.dumps(message.value).decode(),
            None if message.source is None else orjson.dumps(message.source).decode(),
            UUID(message.revises) if message.revises else None,
            orjson.dumps(message.metadata).decode(),
            message.fact,
            message.words,
        )
        assert row is not None
        found.append(_message(row))
    return found


async def mark_revised(connection: Connection, message_id: UUID) -> None:
    """Another answer takes the place of this one; nothing is recalled from it."""
    await connection.execute(
        "UPDATE messages SET state = 'revised', fact = NULL, words = NULL WHERE id = $1", message_id
    )


async def standing(connection: Connection, conversation_id: UUID) -> dict[str, Message]:
    """The answers that stand, by their questions, in the order in which they came."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM messages
        WHERE conversation_id = $1
          AND message_type = 'answer'
          AND question_id <> ''
          AND state <> 'revised'
        ORDER BY sequence
        """,
        conversation_id,
    )
    return {row["question_id"]: _message(row) for row in rows}


async def put(connection: Connection, conversation_id: UUID) -> dict[str, Message]:
    """The questions that were put, each as it was last."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM messages
        WHERE conversation_id = $1
          AND message_type = 'question'
        ORDER BY sequence
        """,
        conversation_id,
    )
    return {row["question_id"]: _message(row) for row in rows}


async def times_put(connection: Connection, conversation_id: UUID, question_id: str) -> int:
    found: int = await connection.fetchval(
        """
        SELECT count(*)
        FROM messages
        WHERE conversation_id = $1
          AND message_type = 'question'
          AND question_id = $2
        """,
        conversation_id,
        question_id,
    )
    return found


async def absorbed(connection: Connection, conversation_id: UUID) -> set[str]:
    """The digests of what was taken in of earlier talk."""
    rows = await connection.fetch(
        """
        SELECT metadata ->> 'spoken' AS spoken
        FROM messages
        WHERE conversation_id = $1
          AND metadata ? 'spoken'
        """,
        conversation_id,
    )
    return {row["spoken"] for row in rows}


async def list_after(
    connection: Connection, conversation_id: UUID, after: int, limit: int
) -> tuple[list[Message], bool]:
    """Oldest first, those after a place.

    Returns:
        The messages, and whether they are all that was asked for: False where there was no room for more.
    """
    places = await connection.fetch(
        """
        SELECT sequence,
               sum(octet_length(content) + coalesce(octet_length(value::text), 0)) OVER (ORDER BY sequence) AS bytes
        FROM messages
        WHERE conversation_id = $1
          AND sequence > $2
        ORDER BY sequence
        LIMIT $3
        """,
        conversation_id,
        after,
        limit,
    )
    # The first has room in any case.
    read = [place["sequence"] for place in places if place["bytes"] <= MAX_PAGE_BYTES or place is places[0]]
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM messages
        WHERE conversation_id = $1
          AND sequence = ANY($2)
        ORDER BY sequence
        """,
        conversation_id,
        read,
    )
    return [_message(row) for row in rows], len(read) == len(places)


async def recalled(
    connection: Connection, conversation: Conversation, facts: Sequence[bytes], words: Sequence[bytes]
) -> list[Recalled]:
    """What the same user answered in other conversations of the same owner, newest first."""
    rows = await connection.fetch(
        """
        SELECT id, conversation_id, value, created_at, fact, words
        FROM messages
        WHERE owner = $1
          AND user_id = $2
          AND conversation_id <> $3
          AND (fact = ANY($4) OR words = ANY($5))
        ORDER BY created_at DESC, id DESC
        LIMIT 1000
        """,
        conversation.owner,
        conversation.user_id,
        UUID(conversation.id),
        facts,
        words,
    )
    return [
        Recalled(
            str(row["id"]),
            str(row["conversation_id"]),
            orjson.loads(row["value"]),
            row["created_at"],
            row["fact"],
            row["words"],
        )
        for row in rows
    ]


def known(messages: dict[str, Message]) -> dict[str, Known]:
    """Answers as engines take them."""
    return {name: Known(cast("AnswerState", message.state), message.value) for name, message in messages.items()}


def _message(row: Record) -> Message:
    return Message(
        str(row["id"]),
        str(row["conversation_id"]),
        row["sequence"],
        row["message_type"],
        row["content"],
        row["question_id"],
        row["state"],
        None if row["value"] is None else orjson.loads(row["value"]),
        None if row["source"] is None else orjson.loads(row["source"]),
        str(row["revises"]) if row["revises"] else "",
        orjson.loads(row["metadata"]),
        row["created_at"],
    )
