"""SQL of sessions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.questioning.models import Session

# Who sees a session; as `Session.audience`.
AUDIENCE = AudienceColumns(owners=("owner",))
COLUMNS = "id, owner, user_id, context, metadata, created_at, closed_at"
# A list has what is short.
BRIEF = COLUMNS.replace("context", "'' AS context")


async def insert(
    connection: Connection, owner: str, user_id: str, context: str, metadata: Mapping[str, str]
) -> Session:
    row = await connection.fetchrow(
        f"""
        INSERT INTO sessions (owner, user_id, context, metadata)
        VALUES ($1, $2, $3, $4)
        RETURNING {COLUMNS}
        """,
        owner,
        user_id,
        context,
        orjson.dumps(dict(metadata)).decode(),
    )
    assert row is not None
    return _session(row)


async def get(connection: Connection, session_id: UUID, *, lock: bool = False) -> Session | None:
    """One session; locked, nobody closes or deletes it before the transaction ends."""
    for_update = "FOR UPDATE" if lock else ""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM sessions WHERE id = $1 {for_update}", session_id)
    return _session(row) if row else None


async def newest_open(connection: Connection, owner: str, user_id: str) -> Session | None:
    """The newest open session of a user; nobody else looks for it, or makes one, before the transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('session ' || $1 || ' ' || $2, 0))", owner, user_id
    )
    row = await connection.fetchrow(
        f"""
        SELECT {COLUMNS}
        FROM sessions
        WHERE owner = $1
          AND user_id = $2
          AND closed_at IS NULL
        ORDER BY created_at DESC, id DESC
        LIMIT 1
        FOR UPDATE
        """,
        owner,
        user_id,
    )
    return _session(row) if row else None


async def list_before(
    connection: Connection,
    user_id: str,
    status: str,
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Session]:
    """Newest first, those before a time and id."""
    values: list[Any] = [user_id, status, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {BRIEF}
        FROM sessions
        WHERE ($1 = '' OR user_id = $1)
          AND ($2 = '' OR (closed_at IS NULL) = ($2 = 'open'))
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        *values,
    )
    return [_session(row) for row in rows]


async def close(connection: Connection, session_id: UUID) -> Session:
    """Closes; one that is closed already keeps its time."""
    row = await connection.fetchrow(
        f"UPDATE sessions SET closed_at = coalesce(closed_at, clock_timestamp()) WHERE id = $1 RETURNING {COLUMNS}",
        session_id,
    )
    assert row is not None, "the caller holds the row's lock"
    return _session(row)


async def delete(connection: Connection, session_id: UUID) -> None:
    """Deletes it with its conversations and all that was said."""
    await connection.execute("DELETE FROM sessions WHERE id = $1", session_id)


def _session(row: Record) -> Session:
    return Session(
        str(row["id"]),
        row["owner"],
        row["user_id"],
        row["context"],
        orjson.loads(row["metadata"]),
        row["created_at"],
        row["closed_at"],
    )
