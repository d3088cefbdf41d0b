"""SQL of approvals in hand: what is still to be done about each, and the decision by which one replica does it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection
from services.tools.models import Decision, OpenApproval, Outcome


async def list_open(connection: Connection) -> list[OpenApproval]:
    """Everything that is still to be done, oldest first."""
    rows = await connection.fetch(
        """
        SELECT w.invocation_id, a.human_request_id, w.asked, w.reference, w.outcome_status, w.error, w.error_reason,
               extract(epoch FROM now() - w.since)::float8 AS age_seconds,
               EXISTS (SELECT FROM outcomes o WHERE o.invocation_id = w.invocation_id) AS ended
        FROM open_approvals w
        JOIN approvals a ON a.invocation_id = w.invocation_id
        ORDER BY w.invocation_id
        """
    )
    return [
        OpenApproval(
            invocation_id=row["invocation_id"],
            human_request_id=row["human_request_id"],
            asked=row["asked"],
            reference=row["reference"],
            age_seconds=row["age_seconds"],
            outcome_status=row["outcome_status"] or "",
            error=row["error"] or "",
            error_reason=row["error_reason"] or "",
            ended=row["ended"],
        )
        for row in rows
    ]


async def reference_of(connection: Connection, invocation_id: UUID) -> str:
    """By what access says whether whoever asked still may; empty where nobody checked, or it is closed."""
    return (
        await connection.fetchval("SELECT reference FROM open_approvals WHERE invocation_id = $1", invocation_id) or ""
    )


async def note_asked(connection: Connection, ids: Sequence[UUID], *, asked: bool) -> set[UUID]:
    """Notes whether hitl has their human requests; returns those that are still open."""
    rows = await connection.fetch(
        """
        UPDATE open_approvals
        SET asked = $2
        WHERE invocation_id = ANY($1)
        RETURNING invocation_id
        """,
        ids,
        asked,
    )
    return {row["invocation_id"] for row in rows}


async def claim(connection: Connection, invocation_id: UUID, decision: Decision, started_at: datetime | None) -> bool:
    """Takes an approved invocation over, to run it; False where somebody else was faster.

    Args:
        connection: where.
        invocation_id: which.
        decision: what is recorded.
        started_at: when it begins to run, where it has a slot already: written as its second event.
    """
    claimed = await connection.fetchrow(
        """
        WITH closed AS (
            DELETE FROM open_approvals
            WHERE invocation_id = $1
              AND outcome_status IS NULL
              AND NOT EXISTS (SELECT FROM outcomes WHERE invocation_id = $1)
            RETURNING invocation_id
        ), decided AS (
            INSERT INTO decisions (
                invocation_id, status, decided_by, decided_at, comment, edited_arguments, digest, replica, grant_id
            )
            SELECT invocation_id, $2::text, $3::text[], $4::timestamptz, $5::text, $6::json, $7::bytea, $8::uuid,
                   $10::text
            FROM closed
            RETURNING invocation_id
        ), started AS (
            INSERT INTO invocation_events (invocation_id, sequence, kind, payload, at)
            SELECT invocation_id, 2, 'running', '[]', $9::timestamptz
            FROM decided
            WHERE $9::timestamptz IS NOT NULL
        )
        SELECT pg_notify('invocations', invocation_id::text)
        FROM decided
        """,
        invocation_id,
        *_values(decision),
        started_at,
        decision.grant_id,
    )
    return claimed is not None


async def is_decided_by(connection: Connection, invocation_id: UUID, replica: UUID) -> bool:
    """Whether this process made the decision that is on record."""
    found = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM decisions WHERE invocation_id = $1 AND replica = $2)", invocation_id, replica
    )
    return bool(found)


async def decide(connection: Connection, outcome: Outcome) -> bool:
    """Records a decision by which nothing is run, and how the invocation is to end; False where it was decided."""
    approval = outcome.approval
    assert approval is not None
    assert approval.decision is not None
    decided = await connection.fetchval(
        """
        WITH outcome AS (
            UPDATE open_approvals
            SET outcome_status = $9::text,
                error = $10::text,
                error_reason = $11::text
            WHERE invocation_id = $1
              AND outcome_status IS NULL
              AND NOT EXISTS (SELECT FROM outcomes WHERE invocation_id = $1)
            RETURNING invocation_id
        )
        INSERT INTO decisions (
            invocation_id, status, decided_by, decided_at, comment, edited_arguments, digest, replica
        )
        SELECT invocation_id, $2::text, $3::text[], $4::timestamptz, $5::text, $6::json, $7::bytea, $8::uuid
        FROM outcome
        RETURNING invocation_id
        """,
        outcome.intent.id,
        *_values(approval.decision),
        outcome.status,
        outcome.error,
        outcome.error_reason,
    )
    return decided is not None


async def close(connection: Connection, ids: Sequence[UUID]) -> None:
    """Nothing is left to be done for these."""
    await connection.execute("DELETE FROM open_approvals WHERE invocation_id = ANY($1)", ids)


def _values(decision: Decision) -> tuple[object, ...]:
    return (
        decision.status,
        list(decision.decided_by),
        decision.decided_at,
        decision.comment,
        decision.edited_arguments,
        decision.digest,
        decision.replica,
    )
