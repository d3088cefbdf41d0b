"""SQL of the interviews that runs wait for."""

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from servicekit.postgres import Connection
from services.documents.models import CHANNEL, InterviewStage, Json, OpenInterview, answer_schema

INTERVIEWS = "interviews"
DEFAULT_SECONDS = 3600


async def insert(connection: Connection, run_id: UUID) -> None:
    """Notes that missing values of a run are to be asked for in an interview."""
    await connection.execute("INSERT INTO run_interviews (run_id) VALUES ($1)", run_id)


async def stage(connection: Connection, run_id: UUID) -> InterviewStage:
    """How far the interview of a run is."""
    had = await connection.fetchval("SELECT schema IS NOT NULL FROM run_interviews WHERE run_id = $1", run_id)
    return "none" if had is None else "over" if had else "wanted"


async def open_up(connection: Connection, run_id: UUID, schemas: Mapping[str, Json], timeout_seconds: int) -> None:
    """A run waits for an interview now, for values of these schemas, by their paths."""
    await connection.execute(
        """
        UPDATE run_interviews
        SET open = true, schema = $2, until = clock_timestamp() + make_interval(secs => $3)
        WHERE run_id = $1
        """,
        run_id,
        json.dumps(answer_schema(schemas)),
        timeout_seconds or DEFAULT_SECONDS,
    )
    await connection.execute("UPDATE runs SET conversation_id = '' WHERE id = $1", run_id)
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, INTERVIEWS)


async def list_open(connection: Connection, limit: int) -> Sequence[OpenInterview]:
    """What is waited for, oldest first."""
    rows = await connection.fetch(
        """
        SELECT i.run_id, i.conversation_id, i.schema, i.until <= clock_timestamp() AS late, r.skill, r.created_by,
            r.correlation_id
        FROM run_interviews i
        JOIN runs r ON r.id = i.run_id
        WHERE i.open
        ORDER BY i.run_id
        LIMIT $1
        """,
        limit,
    )
    return [
        OpenInterview(
            run_id=str(row["run_id"]),
            conversation_id=row["conversation_id"],
            schema=json.loads(row["schema"]),
            late=row["late"],
            skill=row["skill"],
            principal=row["created_by"],
            correlation_id=row["correlation_id"],
        )
        for row in rows
    ]


async def note_begun(connection: Connection, run_id: UUID, conversation_id: str) -> None:
    """Notes which conversation it is, and tells whoever watches the run."""
    begun = await connection.fetchval(
        "UPDATE run_interviews SET conversation_id = $2 WHERE run_id = $1 AND open RETURNING true",
        run_id,
        conversation_id,
    )
    if begun:
        await connection.execute("UPDATE runs SET conversation_id = $2 WHERE id = $1", run_id, conversation_id)
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(run_id))


async def close(connection: Connection, run_id: UUID) -> bool:
    """Nobody waits for it any more; False where that was so before."""
    closed = await connection.fetchval(
        "UPDATE run_interviews SET open = false WHERE run_id = $1 AND open RETURNING true", run_id
    )
    if closed:
        await connection.execute("UPDATE runs SET conversation_id = NULL WHERE id = $1", run_id)
    return bool(closed)
