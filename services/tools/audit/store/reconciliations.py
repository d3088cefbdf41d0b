"""SQL of what is found out of invocations whose end nobody knows."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection
from services.tools.models import Reconciliation


async def insert(connection: Connection, ids: Sequence[UUID]) -> None:
    """Notes those whose tools name one that finds out; in the transaction of their outcomes.

    Not for what was itself to find out: two tools that name each other would go on for ever.
    """
    if ids:
        await connection.execute(
            """
            INSERT INTO reconciliations (invocation_id, tool_name)
            SELECT i.id, t.reconcile_tool
            FROM invocations i
            JOIN tools t ON t.name = i.tool_name
            WHERE i.id = ANY($1)
              AND t.reconcile_tool <> ''
              AND NOT EXISTS (SELECT FROM reconciliations r WHERE r.attempts @> ARRAY[i.id])
            ON CONFLICT DO NOTHING
            """,
            ids,
        )


async def of(connection: Connection, invocation_id: UUID) -> Reconciliation | None:
    row = await connection.fetchrow(
        "SELECT status, tool_name, attempts, decided_at FROM reconciliations WHERE invocation_id = $1", invocation_id
    )
    return Reconciliation(row["status"], row["tool_name"], tuple(row["attempts"]), row["decided_at"]) if row else None


async def claim(connection: Connection, attempt: UUID, seconds: float) -> tuple[UUID, str, int] | None:
    """Gives the next that is due to one replica, for a time: which invocation, the tool that finds out, which try."""
    row = await connection.fetchrow(
        """
        UPDATE reconciliations
        SET attempts = attempts || $1::uuid,
            due_at = now() + make_interval(secs => $2)
        WHERE invocation_id = (
            SELECT invocation_id
            FROM reconciliations
            WHERE status = 'open'
              AND due_at <= now()
            ORDER BY due_at
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        RETURNING invocation_id, tool_name, cardinality(attempts) AS tries
        """,
        attempt,
        seconds,
    )
    return (row["invocation_id"], row["tool_name"], row["tries"]) if row else None


async def postpone(connection: Connection, invocation_id: UUID, seconds: float) -> None:
    """Lets the next try begin after this time and no earlier."""
    await connection.execute(
        "UPDATE reconciliations SET due_at = now() + make_interval(secs => $2) WHERE invocation_id = $1",
        invocation_id,
        seconds,
    )


async def decide(connection: Connection, invocation_id: UUID, status: str) -> None:
    """Writes the verdict, unless there is one."""
    await connection.execute(
        """
        UPDATE reconciliations
        SET status = $2,
            decided_at = now()
        WHERE invocation_id = $1
          AND status = 'open'
        """,
        invocation_id,
        status,
    )
