"""SQL of what people are asked about runs; a change is made where a run still waits, or not at all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from uuid import UUID

from servicekit.postgres import Connection
from services.documents.inputs import store as inputs
from services.documents.models import CHANNEL, Answered, Json, Kind, OpenRequest, People, answer_schema

PEOPLE = "people"


async def insert(connection: Connection, run_id: UUID, people: People, reference: str) -> None:
    """Notes who is to be asked about a run."""
    await connection.execute(
        "INSERT INTO run_human_requests (run_id, people, reference) VALUES ($1, $2, $3)",
        run_id,
        json.dumps(asdict(people)),
        reference,
    )


async def of_run(connection: Connection, run_id: UUID) -> tuple[People | None, dict[str, Answered]]:
    """Who is to be asked about a run, and what has been answered."""
    row = await connection.fetchrow("SELECT people, answers FROM run_human_requests WHERE run_id = $1", run_id)
    if row is None:
        return None, {}
    answers = {key: Answered(**each) for key, each in json.loads(row["answers"]).items()}
    return People(**json.loads(row["people"])), answers


async def open_up(connection: Connection, run_id: UUID, kind: Kind, schemas: Mapping[str, Json]) -> None:
    """A run waits for people now: for values of these schemas, by their paths, or for its release."""
    await connection.execute(
        """
        UPDATE run_human_requests
        SET open = $2, fields = $3, response_schema = $4, asked = false
        WHERE run_id = $1
        """,
        run_id,
        kind,
        list(schemas),
        json.dumps(answer_schema(schemas)) if schemas else None,
    )
    await _tell(connection, PEOPLE)


async def list_open(connection: Connection, limit: int) -> list[OpenRequest]:
    """What is waited for, oldest first."""
    rows = await connection.fetch(
        """
        SELECT r.id, r.skill, r.template_sha256, r.document_sha256, r.exit_code, r.created_by, r.correlation_id,
               h.open, h.asked, h.people, h.fields, h.response_schema, h.reference
        FROM run_human_requests h
        JOIN runs r ON r.id = h.run_id
        WHERE h.open <> ''
        ORDER BY h.run_id
        LIMIT $1
        """,
        limit,
    )
    return [
        OpenRequest(
            run_id=str(row["id"]),
            kind=row["open"],
            asked=row["asked"],
            people=People(**json.loads(row["people"])),
            fields=row["fields"],
            # Replicas of the release before write none: of theirs every value will do.
            schema=json.loads(row["response_schema"] or "null") or answer_schema({key: {} for key in row["fields"]}),
            skill=row["skill"],
            template_sha256=row["template_sha256"],
            document_sha256=row["document_sha256"],
            exit_code=row["exit_code"],
            principal=row["created_by"],
            reference=row["reference"],
            correlation_id=row["correlation_id"],
        )
        for row in rows
    ]


async def note_asked(connection: Connection, ids: Sequence[UUID], *, asked: bool) -> None:
    """Notes whether hitl has their human requests."""
    await connection.execute("UPDATE run_human_requests SET asked = $2 WHERE run_id = ANY($1)", ids, asked)


async def resume(connection: Connection, run_id: UUID, answers: Mapping[str, Answered]) -> None:
    """Has a run that waits for values done with these, once."""
    if not await _leave(connection, run_id, "waiting", "status = 'pending'"):
        return
    await connection.execute(
        "UPDATE run_human_requests SET open = '', answers = $2 WHERE run_id = $1",
        run_id,
        json.dumps({key: asdict(each) for key, each in answers.items()}),
    )
    await _tell(connection, "pending")


async def release(connection: Connection, run_id: UUID) -> None:
    """Gives out the archive of a run that is held back."""
    if await _leave(connection, run_id, "held", "status = 'completed'"):
        await connection.execute("UPDATE run_human_requests SET open = '' WHERE run_id = $1", run_id)


async def fail(connection: Connection, run_id: UUID, outcome: str, error_code: str) -> None:
    """Ends a run that waits for people; what it was made of and what came of it are let go of."""
    ended = await _leave(
        connection,
        run_id,
        None,
        """
        status = 'failed', exit_code = NULL, outcome = $3, error_code = $4, document_sha256 = '', archive_bytes = 0,
        archived_until = NULL
        """,
        outcome,
        error_code,
    )
    if ended:
        await connection.execute("UPDATE run_human_requests SET open = '' WHERE run_id = $1", run_id)
        await inputs.let_go(connection, [run_id])
        await connection.execute("DELETE FROM run_archives WHERE run_id = $1", run_id)


async def _leave(connection: Connection, run_id: UUID, status: str | None, changes: str, *values: str) -> bool:
    """Changes a run that waits in this status, or for whatever; False where it does not (any more)."""
    done = await connection.fetchval(
        f"""
        UPDATE runs
        SET {changes}
        WHERE id = $1 AND status IN ('waiting', 'held') AND ($2::text IS NULL OR status = $2)
        RETURNING true
        """,
        run_id,
        status,
        *values,
    )
    if done:
        await _tell(connection, str(run_id))
    return bool(done)


async def _tell(connection: Connection, what: str) -> None:
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, what)
