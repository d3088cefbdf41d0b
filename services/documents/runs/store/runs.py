"""SQL of runs that have ended, and of their archives."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.documents.models import DocumentRun, NewRun, RunFilter

AUDIENCE = AudienceColumns(owners=("created_by",))
COLUMNS = """
    id, status, exit_code, outcome, error_code, skill, preset, template_sha256, task_sha256, policy_sha256,
    document_sha256, missing_required, queue_wait_ms, subprocess_ms, total_ms, created_by, correlation_id, request_id,
    created_at, archive_bytes, archived_until, task_id, fencing_token, batch_id, batch_item, conversation_id
"""


async def insert(
    connection: Connection, run_id: UUID, run: NewRun, archive_bytes: int, keep_hours: float
) -> DocumentRun | None:
    """Puts a run on record; None where its caller has one under the same key."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO runs (
            status, exit_code, outcome, error_code, skill, preset, template_sha256, task_sha256, policy_sha256,
            request_sha256, document_sha256, missing_required, queue_wait_ms, subprocess_ms, total_ms, created_by,
            correlation_id, request_id, idempotency_key, archive_bytes, archived_until, id, task_id, fencing_token
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, nullif($19, ''), $20,
            CASE WHEN $20 > 0 THEN clock_timestamp() + make_interval(secs => $21 * 3600) END, $22, $23, $24
        )
        ON CONFLICT (created_by, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
        RETURNING {COLUMNS}
        """,
        run.status,
        run.exit_code,
        run.outcome,
        run.error_code,
        run.skill,
        run.preset,
        run.digests.template,
        run.digests.task,
        run.digests.policy,
        run.digests.request,
        run.document_sha256,
        list(run.missing_required),
        run.timing.queue_wait_ms,
        run.timing.subprocess_ms,
        run.timing.total_ms,
        run.caller.principal,
        run.caller.correlation_id,
        run.caller.request_id,
        run.caller.idempotency_key,
        archive_bytes,
        keep_hours,
        run_id,
        run.lease.resource_id,
        run.lease.fencing_token,
    )
    return run_of(row) if row else None


async def insert_archive(connection: Connection, run_id: UUID, pieces: Sequence[bytes]) -> None:
    """Keeps an archive."""
    await connection.executemany(
        "INSERT INTO run_archives (run_id, number, content) VALUES ($1, $2, $3)",
        [(run_id, number, piece) for number, piece in enumerate(pieces)],
    )


async def get(connection: Connection, run_id: UUID) -> DocumentRun | None:
    """One run."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM runs WHERE id = $1", run_id)
    return run_of(row) if row else None


async def by_key(connection: Connection, principal: str, idempotency_key: str) -> tuple[DocumentRun, str] | None:
    """The run that a caller has under a key, and the digest of what it was asked for."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS}, request_sha256 FROM runs WHERE created_by = $1 AND idempotency_key = $2",
        principal,
        idempotency_key,
    )
    if row is None:
        return None
    values = dict(row)
    digest = str(values.pop("request_sha256"))
    return run_of(values), digest


async def archive_piece(connection: Connection, run_id: UUID, number: int) -> bytes | None:
    """One piece of an archive; None after the last."""
    piece: bytes | None = await connection.fetchval(
        "SELECT content FROM run_archives WHERE run_id = $1 AND number = $2", run_id, number
    )
    return piece


async def archive(connection: Connection, run_id: UUID) -> list[bytes]:
    """All pieces of an archive; none where there is none."""
    rows = await connection.fetch("SELECT content FROM run_archives WHERE run_id = $1 ORDER BY number", run_id)
    return [row["content"] for row in rows]


async def list_before(
    connection: Connection, wanted: RunFilter, viewer: Viewer, before: tuple[datetime, UUID] | None, limit: int
) -> list[DocumentRun]:
    """Newest first, those before a time and id."""
    values: list[Any] = [
        *(wanted.skill, wanted.outcome, wanted.template_sha256, wanted.correlation_id),
        *(before or (None, None)),
        limit,
    ]
    shown = AUDIENCE.condition(viewer, values)
    if wanted.batch_id:
        # Only then: a batch is found by its index.
        values.append(uuid_of(wanted.batch_id))
        shown = f"{shown} AND batch_id = ${len(values)}"
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM runs
        WHERE ($1 = '' OR skill = $1)
          AND ($2 = '' OR outcome = $2)
          AND ($3 = '' OR template_sha256 = $3)
          AND ($4 = '' OR correlation_id = $4)
          AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6::uuid))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $7
        """,
        *values,
    )
    return [run_of(row) for row in rows]


async def forget_archives(connection: Connection, max_bytes: int) -> None:
    """Lets go of archives whose time is over, of the oldest beyond so many bytes in all, and of their keys."""
    await connection.execute(
        """
        WITH kept AS (
            SELECT id, archived_until, sum(archive_bytes) OVER (ORDER BY created_at DESC, id DESC) AS bytes_from_here
            FROM runs
            WHERE archived_until IS NOT NULL
        ), gone AS (
            SELECT id FROM kept WHERE archived_until <= clock_timestamp() OR bytes_from_here > $1
        ), emptied AS (
            DELETE FROM run_archives WHERE run_id IN (SELECT id FROM gone)
        )
        UPDATE runs
        SET archive_bytes = 0, archived_until = NULL, idempotency_key = NULL
        WHERE id IN (SELECT id FROM gone)
        """,
        max_bytes,
    )


async def forget_runs(connection: Connection, keep_days: float) -> None:
    """Deletes runs and batches that are as old as the setting says, with their archives, and turns of long ago."""
    for table in ("batches", "runs"):
        await connection.execute(
            f"DELETE FROM {table} WHERE created_at < clock_timestamp() - make_interval(secs => $1 * 86400)", keep_days
        )
    await connection.execute("DELETE FROM run_turns WHERE taken_at < clock_timestamp() - interval '1 day'")


def run_of(row: Record | dict[str, Any]) -> DocumentRun:
    """A run of a row with these columns."""
    batch_id, item = row["batch_id"], row["batch_item"]
    return DocumentRun(
        **{**row, "id": str(row["id"]), "batch_id": str(batch_id) if batch_id else "", "batch_item": item or 0}
    )


def uuid_of(text: str) -> UUID:
    """An id that may be one of ours; the nil UUID, which nothing has, for what cannot be."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
