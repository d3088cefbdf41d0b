"""SQL of what can be remembered."""

from collections.abc import Sequence
from uuid import UUID

import orjson

from servicekit.postgres import Connection, Record
from servicekit.search.index import Entry
from services.questioning.memory.models import Asked, Earlier, Person, Recalled, Similar

# What can be found: questions, answers that say something and may be recalled, and what a user has said besides.
# A field that forbids it (`x-recall: never`) has an answer without `words`; where no schema is, nothing forbids it.
FINDABLE = """
    (
        message.message_type = 'question'
        OR (
            message.message_type = 'answer'
            AND message.value IS NOT NULL
            AND message.state <> 'revised'
            AND (message.words IS NOT NULL OR jsonb_typeof(conversation.goal -> 'schema') IS DISTINCT FROM 'object')
        )
        OR (message.message_type = 'system' AND message.metadata ->> 'role' = 'user' AND message.content <> '')
    )
"""
# An answer alone says little: "yes" is understood with its question.
QUESTION = """
    LEFT JOIN LATERAL (
        SELECT question.content
        FROM messages AS question
        WHERE question.conversation_id = message.conversation_id
          AND question.question_id = message.question_id
          AND question.message_type = 'question'
          AND message.message_type = 'answer'
        ORDER BY question.sequence DESC
        LIMIT 1
    ) AS asked ON true
"""
KINDS = {"question": "question", "answer": "answer", "system": "note"}


class Messages:
    """What the index of this service is made of."""

    async def entries(self, connection: Connection, item_ids: Sequence[str]) -> Sequence[Entry]:
        """Those of the messages that can be found."""
        rows = await connection.fetch(
            f"""
            SELECT message.id, message.message_type, message.content, message.owner, message.user_id,
                   message.conversation_id, message.created_at, asked.content AS question
            FROM messages AS message
            JOIN conversations AS conversation ON conversation.id = message.conversation_id
            {QUESTION}
            WHERE message.id = ANY($1::uuid[])
              AND {FINDABLE}
            """,
            list(item_ids),
        )
        return [_entry(row) for row in rows]

    async def after(self, connection: Connection, item_id: str, limit: int) -> Sequence[str]:
        """The next messages that can be found, by their ids."""
        rows = await connection.fetch(
            f"""
            SELECT message.id
            FROM messages AS message
            JOIN conversations AS conversation ON conversation.id = message.conversation_id
            WHERE message.id > $1
              AND {FINDABLE}
            ORDER BY message.id
            LIMIT $2
            """,
            UUID(item_id) if item_id else UUID(int=0),
            limit,
        )
        return [str(row["id"]) for row in rows]

    async def count(self, connection: Connection) -> int:
        """How many messages can be found."""
        found: int = await connection.fetchval(
            f"""
            SELECT count(*)
            FROM messages AS message
            JOIN conversations AS conversation ON conversation.id = message.conversation_id
            WHERE {FINDABLE}
            """
        )
        return found


async def answered(connection: Connection, person: Person, question_ids: Sequence[str]) -> dict[str, Earlier]:
    """What the person has answered to these questions in other conversations, by the messages of the questions."""
    rows = await connection.fetch(
        """
        SELECT question.id AS question, question.content, question.metadata, answer.id, answer.conversation_id,
               answer.value, answer.created_at, answer.fact, answer.words
        FROM messages AS question
        JOIN messages AS answer
          ON answer.conversation_id = question.conversation_id
         AND answer.question_id = question.question_id
         AND answer.message_type = 'answer'
         AND answer.state <> 'revised'
         AND answer.value IS NOT NULL
         AND answer.words IS NOT NULL
        WHERE question.id = ANY($1::uuid[])
          AND question.message_type = 'question'
          AND question.owner = $2
          AND question.user_id = $3
          AND question.conversation_id <> $4
        """,
        list(question_ids),
        person.owner,
        person.user_id,
        UUID(person.conversation_id) if person.conversation_id else UUID(int=0),
    )
    return {str(row["question"]): _earlier(row) for row in rows}


async def said(connection: Connection, person: Person, item_ids: Sequence[str]) -> dict[str, Similar]:
    """What stands in these messages, as far as they are the person's."""
    rows = await connection.fetch(
        f"""
        SELECT message.id, message.message_type, message.content, message.conversation_id, message.created_at,
               asked.content AS question
        FROM messages AS message
        JOIN conversations AS conversation ON conversation.id = message.conversation_id
        {QUESTION}
        WHERE message.id = ANY($1::uuid[])
          AND message.owner = $2
          AND message.user_id = $3
          AND {FINDABLE}
        """,
        list(item_ids),
        person.owner,
        person.user_id,
    )
    return {
        str(row["id"]): Similar(
            KINDS[row["message_type"]],
            str(row["conversation_id"]),
            str(row["id"]),
            row["content"],
            row["question"] or "",
            row["created_at"],
        )
        for row in rows
    }


async def with_words(
    connection: Connection, person: Person, text: str, kinds: Sequence[str], within: str, limit: int
) -> list[str]:
    """The person's messages that share words with a text, best first.

    Args:
        connection: of the database.
        person: whose messages.
        text: whose words.
        kinds: of these message types.
        within: the conversation that is looked through; empty: all but the person's present one.
        limit: how many at most.
    """
    rows = await connection.fetch(
        r"""
        WITH query AS (
            SELECT string_agg('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''', ' | ')::tsquery
                AS any_word
            FROM unnest(to_tsvector('english', left($3, 20000)))
        )
        SELECT id
        FROM messages, query
        WHERE owner = $1
          AND user_id = $2
          AND message_type = ANY($4)
          AND CASE WHEN $5::uuid IS NULL THEN conversation_id IS DISTINCT FROM $6 ELSE conversation_id = $5 END
          AND to_tsvector('english', left(content, 20000)) @@ any_word
        ORDER BY ts_rank(to_tsvector('english', left(content, 20000)), any_word, 1) DESC, created_at DESC, id
        LIMIT $7
        """,
        person.owner,
        person.user_id,
        text,
        list(kinds),
        UUID(within) if within else None,
        UUID(person.conversation_id) if person.conversation_id else None,
        limit,
    )
    return [str(row["id"]) for row in rows]


def _entry(row: Record) -> Entry:
    text = f"{row['question']}\n{row['content']}" if row["question"] else row["content"]
    payload = {
        "kind": KINDS[row["message_type"]],
        "owner": row["owner"],
        "user_id": row["user_id"],
        "group_id": str(row["conversation_id"]),
        "at": row["created_at"],
    }
    return Entry(str(row["id"]), text, payload)


def _earlier(row: Record) -> Earlier:
    about = orjson.loads(row["metadata"])
    found = Recalled(
        str(row["id"]),
        str(row["conversation_id"]),
        orjson.loads(row["value"]),
        row["created_at"],
        row["fact"],
        row["words"],
        row["content"],
    )
    return Earlier(
        found, Asked(row["content"], about["answer_type"], about["options"], about["information_to_look_for"])
    )
