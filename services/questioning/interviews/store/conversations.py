"""SQL of conversations."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.questioning.models import (
    BankRef,
    Contradiction,
    Conversation,
    ConversationSpec,
    Goal,
    Progress,
    Written,
    WrittenQuestion,
)

# Who sees a conversation; as `Conversation.audience`.
AUDIENCE = AudienceColumns(owners=("owner",))
COLUMNS = """
    id, session_id, owner, user_id, topic, context, goal, metadata, status, progress, questions_asked, created_at,
    updated_at, closed_at, written, bank_id, bank_name, bank_version, outcome
"""
# A list has what is short: not the context, the document of the goal and the result.
BRIEF = COLUMNS
for column, short in (
    ("context", "'' AS context"),
    (
        "goal",
        """
        jsonb_build_object(
            'schema', CASE jsonb_typeof(goal -> 'schema') WHEN 'object' THEN '{}'::jsonb END,
            'bank', CASE jsonb_typeof(goal -> 'bank') WHEN 'object' THEN '{}'::jsonb END,
            'include_optional', coalesce(goal -> 'include_optional', 'false'),
            'recall', coalesce(goal -> 'recall', 'false')
        ) AS goal
        """,
    ),
    ("progress", "progress - 'result' AS progress"),
):
    BRIEF = BRIEF.replace(f"{column},", f"{short},", 1)
BRIEF = BRIEF.replace("written", "jsonb_set(written, '{questions}', '[]') AS written")


class Place(NamedTuple):
    """Where one conversation is."""

    id: UUID
    session_id: UUID
    created_at: datetime


async def insert(
    connection: Connection,
    spec: ConversationSpec,
    session_id: UUID,
    owner: str,
    progress: Progress,
    written: Written | None,
) -> Conversation:
    row = await connection.fetchrow(
        f"""
        INSERT INTO conversations (
            session_id, owner, user_id, topic, context, goal, metadata, status, progress, written, bank_id, bank_name,
            bank_version
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        RETURNING {COLUMNS}
        """,
        session_id,
        owner,
        spec.user_id,
        spec.topic,
        spec.context,
        orjson.dumps(spec.goal).decode(),
        orjson.dumps(dict(spec.metadata)).decode(),
        "done" if progress.stopped else "open",
        _kept(progress),
        None if written is None else orjson.dumps(written).decode(),
        UUID(spec.bank.id) if spec.bank else None,
        spec.bank.name if spec.bank else "",
        spec.bank.version if spec.bank else 0,
    )
    assert row is not None
    return _conversation(row)


async def get(connection: Connection, conversation_id: UUID, *, lock: bool = False) -> Conversation | None:
    """One conversation; locked, nothing is asked or answered in it before the transaction ends."""
    for_update = "FOR UPDATE" if lock else ""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM conversations WHERE id = $1 {for_update}", conversation_id)
    return _conversation(row) if row else None


async def list_before(
    connection: Connection,
    session_id: UUID | None,
    status: str,
    ids: Sequence[UUID],
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Conversation]:
    """Newest first, those before a time and id."""
    values: list[Any] = [session_id, status, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    if ids:
        # Only then: they are found by their index.
        values.append(list(ids))
        shown = f"{shown} AND id = ANY(${len(values)})"
    rows = await connection.fetch(
        f"""
        SELECT {BRIEF}
        FROM conversations
        WHERE ($1::uuid IS NULL OR session_id = $1)
          AND ($2 = '' OR status = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        *values,
    )
    return [_conversation(row) for row in rows]


async def places_after(
    connection: Connection,
    session_id: UUID | None,
    conversation_id: UUID | None,
    user_id: str,
    viewer: Viewer,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Place]:
    """Which conversations there are, oldest first, those after a time and id."""
    values: list[Any] = [session_id, conversation_id, user_id, *(after or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT id, session_id, created_at
        FROM conversations
        WHERE ($1::uuid IS NULL OR session_id = $1)
          AND ($2::uuid IS NULL OR id = $2)
          AND ($3 = '' OR user_id = $3)
          AND ($4::timestamptz IS NULL OR (created_at, id) > ($4, $5::uuid))
          AND {shown}
        ORDER BY created_at, id
        LIMIT $6
        """,
        *values,
    )
    return [Place(row["id"], row["session_id"], row["created_at"]) for row in rows]


async def record_progress(
    connection: Connection, conversation_id: UUID, progress: Progress, asked: int
) -> Conversation:
    """Writes how far a conversation is, and how many more questions were asked in it."""
    row = await connection.fetchrow(
        f"""
        UPDATE conversations
        SET progress = $2,
            status = $3,
            questions_asked = questions_asked + $4,
            updated_at = clock_timestamp()
        WHERE id = $1
        RETURNING {COLUMNS}
        """,
        conversation_id,
        _kept(progress),
        "done" if progress.stopped else "open",
        asked,
    )
    assert row is not None, "the caller holds the row's lock"
    return _conversation(row)


async def extend(
    connection: Connection, conversation_id: UUID, context: str, metadata: Mapping[str, str]
) -> Conversation:
    """Writes all that is known besides, and adds to what the caller keeps with it."""
    row = await connection.fetchrow(
        f"""
        UPDATE conversations
        SET context = $2,
            metadata = metadata || $3
        WHERE id = $1
        RETURNING {COLUMNS}
        """,
        conversation_id,
        context,
        orjson.dumps(dict(metadata)).decode(),
    )
    assert row is not None, "the caller holds the row's lock"
    return _conversation(row)


async def write(connection: Connection, conversation_id: UUID, written: Written) -> Conversation:
    """Keeps what a language model wrote."""
    row = await connection.fetchrow(
        f"UPDATE conversations SET written = $2 WHERE id = $1 RETURNING {COLUMNS}",
        conversation_id,
        orjson.dumps(written).decode(),
    )
    assert row is not None, "the caller holds the row's lock"
    return _conversation(row)


async def close(connection: Connection, conversation_id: UUID, outcome: str) -> Conversation:
    """Closes; one that is closed already keeps its time, and what held unless that is said anew."""
    row = await connection.fetchrow(
        f"""
        UPDATE conversations
        SET status = 'closed',
            closed_at = coalesce(closed_at, clock_timestamp()),
            outcome = CASE WHEN $2 = '' THEN outcome ELSE $2 END
        WHERE id = $1
        RETURNING {COLUMNS}
        """,
        conversation_id,
        outcome,
    )
    assert row is not None, "the caller holds the row's lock"
    return _conversation(row)


async def close_all(connection: Connection, session_id: UUID) -> None:
    """Closes the conversations of a session."""
    await connection.execute(
        """
        UPDATE conversations
        SET status = 'closed',
            closed_at = clock_timestamp()
        WHERE session_id = $1
          AND closed_at IS NULL
        """,
        session_id,
    )


async def delete(connection: Connection, conversation_id: UUID) -> None:
    """Deletes it with all that was said."""
    await connection.execute("DELETE FROM conversations WHERE id = $1", conversation_id)


def _kept(progress: Progress) -> str:
    """All but the candidates, which the engine finds again."""
    return orjson.dumps({**asdict(progress), "candidates": []}).decode()


def _conversation(row: Record) -> Conversation:
    told = orjson.loads(row["progress"])
    told["contradictions"] = [Contradiction(**each) for each in told.get("contradictions", ())]
    goal = orjson.loads(row["goal"])
    return Conversation(
        str(row["id"]),
        str(row["session_id"]),
        row["owner"],
        row["user_id"],
        row["topic"],
        row["context"],
        Goal(**goal),
        orjson.loads(row["metadata"]),
        row["status"],
        Progress(**told),
        row["questions_asked"],
        row["created_at"],
        row["updated_at"],
        row["closed_at"],
        _written(row["written"]),
        BankRef(str(row["bank_id"]), row["bank_name"], row["bank_version"]) if row["bank_id"] else None,
        row["outcome"],
    )


def _written(kept: str | None) -> Written | None:
    if kept is None:
        return None
    told = orjson.loads(kept)
    questions = [WrittenQuestion(**{**each, "options": tuple(each["options"])}) for each in told["questions"]]
    return Written(**{**told, "questions": tuple(questions)})
