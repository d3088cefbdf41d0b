"""SQL of batches: runs that were started together, how far they are, and how they are stopped."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.documents.inputs import store as inputs
from services.documents.models import CANCELLED, CHANNEL, Batch, BatchFilter, BatchItem, NewBatch

AUDIENCE = AudienceColumns(owners=("created_by",))
COLUMNS = """
    id, skill, preset, template_sha256, item_count, ended_count, outcomes, created_by, correlation_id, request_id,
    created_at, cancelled_at, ended_at
"""


async def insert(connection: Connection, new: NewBatch) -> Batch:
    """A batch, its runs, and what they wait with."""
    digests = [each for _, each in new.tasks]
    row = await connection.fetchrow(
        f"""
        INSERT INTO batches (skill, preset, template_sha256, item_count, created_by, correlation_id, request_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        RETURNING {COLUMNS}
        """,
        new.skill,
        new.preset,
        digests[0].template,
        len(new.tasks),
        new.caller.principal,
        new.caller.correlation_id,
        new.caller.request_id,
    )
    assert row is not None
    batch = batch_of(row)
    await inputs.keep_template(connection, batch.template_sha256, new.template)
    await connection.execute(
        """
        WITH items AS (
            SELECT *
            FROM unnest($1::bytea[], $2::text[], $3::text[])
                WITH ORDINALITY AS item (task, task_sha256, request_sha256, number)
        ), made AS (
            INSERT INTO runs (
                status, skill, preset, template_sha256, task_sha256, policy_sha256, request_sha256, created_by,
                correlation_id, request_id, batch_id, batch_item
            )
            SELECT 'pending', b.skill, b.preset, b.template_sha256, items.task_sha256, $4, items.request_sha256,
                b.created_by, b.correlation_id, b.request_id, b.id, items.number
            FROM items, batches b
            WHERE b.id = $5
            RETURNING id, batch_item
        )
        INSERT INTO run_tasks (run_id, template_sha256, task, fields, sponsor, sponsor_until)
        SELECT made.id, $6, items.task, $7, $8, $9
        FROM made
        JOIN items ON items.number = made.batch_item
        """,
        [task for task, _ in new.tasks],
        [each.task for each in digests],
        [each.request for each in digests],
        digests[0].policy,
        UUID(batch.id),
        batch.template_sha256,
        json.dumps(dict(new.fields)),
        new.sponsor.reference,
        new.sponsor.until,
    )
    await connection.execute("SELECT pg_notify($1, 'pending')", CHANNEL)
    return batch


async def count_open(connection: Connection, principal: str) -> int:
    """How many batches of a caller's have not ended."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM batches WHERE created_by = $1 AND ended_at IS NULL", principal
    )
    return count


async def count_ended(connection: Connection, batch_id: UUID, outcome: str, number: int = 1) -> None:
    """Notes that runs of a batch have ended so, in the transaction that ends them."""
    await connection.execute(
        """
        UPDATE batches
        SET ended_count = ended_count + $3,
            outcomes = outcomes || jsonb_build_object($2::text, coalesce((outcomes ->> $2)::integer, 0) + $3),
            ended_at = CASE WHEN ended_count + $3 = item_count THEN clock_timestamp() END
        WHERE id = $1
        """,
        batch_id,
        outcome,
        number,
    )
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(batch_id))


async def cancel(connection: Connection, batch_id: UUID) -> None:
    """Ends those of its runs that have not ended; whoever is at one of them is told, and writes nothing of it."""
    rows = await connection.fetch(
        """
        UPDATE runs
        SET status = 'failed', outcome = $2, error_code = 'BATCH_CANCELLED'
        WHERE batch_id = $1 AND status IN ('pending', 'running')
        RETURNING id, lease_until IS NOT NULL AS begun
        """,
        batch_id,
        CANCELLED,
    )
    if not rows:
        return
    await inputs.let_go(connection, [row["id"] for row in rows])
    await connection.execute("UPDATE batches SET cancelled_at = clock_timestamp() WHERE id = $1", batch_id)
    await count_ended(connection, batch_id, CANCELLED, len(rows))
    for row in rows:
        if row["begun"]:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(row["id"]))


async def get(connection: Connection, batch_id: UUID) -> Batch | None:
    """One batch."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM batches WHERE id = $1", batch_id)
    return batch_of(row) if row else None


async def list_before(
    connection: Connection, wanted: BatchFilter, viewer: Viewer, before: tuple[datetime, UUID] | None, limit: int
) -> list[Batch]:
    """Newest first, those before a time and id."""
    values: list[Any] = [wanted.skill, wanted.correlation_id, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM batches
        WHERE ($1 = '' OR skill = $1)
          AND ($2 = '' OR correlation_id = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        *values,
    )
    return [batch_of(row) for row in rows]


async def items(connection: Connection, batch_id: UUID) -> Sequence[BatchItem]:
    """What became of each of its runs, in the order of the payloads."""
    rows = await connection.fetch(
        """
        SELECT batch_item AS number, id::text AS run_id, outcome, exit_code, error_code, document_sha256, archive_bytes
        FROM runs
        WHERE batch_id = $1
        ORDER BY batch_item
        """,
        batch_id,
    )
    return [BatchItem(**row) for row in rows]


def batch_of(row: Record) -> Batch:
    """A batch of a row with these columns."""
    return Batch(**{**row, "id": str(row["id"]), "outcomes": json.loads(row["outcomes"])})
