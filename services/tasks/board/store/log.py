"""SQL of the logs of tasks."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from servicekit.postgres import Connection, Record
from services.tasks.board.store.tasks import RENEWED
from services.tasks.models import LogEntry

COLUMNS = "task_id, sequence, kind, principal, at, payload"


async def append(
    connection: Connection,
    task_id: UUID,
    kind: str,
    by: str,
    payload: Mapping[str, Any],
    *,
    renew: bool,
    said: bool = False,
) -> LogEntry | None:
    """Adds the next entry; it is no change of the task. None where there is no such task.

    Under a lease it is a sign that its holder is at it, which renews it. What a caller said is marked so.
    """
    row = await connection.fetchrow(
        f"""
        WITH next AS (
            UPDATE tasks
            SET log_sequence = log_sequence + 1,
                lease_expires_at = CASE WHEN $5 THEN {RENEWED} ELSE lease_expires_at END
            WHERE id = $1
              AND deleted_at IS NULL
            RETURNING id, log_sequence
        )
        INSERT INTO task_log (task_id, sequence, kind, principal, payload, said)
        SELECT id, log_sequence, $2, $3, $4, $6
        FROM next
        RETURNING {COLUMNS}
        """,
        task_id,
        kind,
        by,
        orjson.dumps(payload).decode(),
        renew,
        said,
    )
    return _entry(row) if row else None


async def list_before(connection: Connection, task_id: UUID, before: int | None, limit: int) -> list[LogEntry]:
    """Newest first, those before a number."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM task_log
        WHERE task_id = $1
          AND ($2::integer IS NULL OR sequence < $2)
        ORDER BY sequence DESC
        LIMIT $3
        """,
        task_id,
        before,
        limit,
    )
    return [_entry(row) for row in rows]


def _entry(row: Record) -> LogEntry:
    return LogEntry(**{**row, "task_id": str(row["task_id"]), "payload": orjson.loads(row["payload"])})
