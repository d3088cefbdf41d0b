"""SQL of approvals: that humans are asked, what is still to be done about it, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.tools.models import Approval, Decision, Ending, OpenApproval


def human_request_id(invocation_id: UUID) -> str:
    """The human request of an invocation: chosen by us, so that asking twice asks once."""
    return f"invocation-{invocation_id}"


async def insert(connection: Connection, ids: Sequence[UUID]) -> None:
    """Notes that these invocations await their approval; in the transaction that records their intents."""
    await connection.execute(
        """
        WITH wanted AS (
            SELECT *
            FROM unnest($1::uuid[], $2::text[]) AS w (invocation_id, human_request_id)
        ), noted AS (
            INSERT INTO approvals (invocation_id, human_request_id)
            SELECT invocation_id, human_request_id
            FROM wanted
        )
        INSERT INTO open_approvals (invocation_id)
        SELECT invocation_id
        FROM wanted
        """,
        ids,
        [human_request_id(invocation_id) for invocation_id in ids],
    )


async def list_open(connection: Connection) -> list[OpenApproval]:
    """Everything that is still to be done, oldest first."""
    rows = await connection.fetch(
        """
        SELECT w.invocation_id, a.human_request_id, w.asked, w.outcome_status, w.error, w.error_reason,
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
            age_seconds=row["age_seconds"],
            outcome_status=row["outcome_status"] or "",
            error=row["error"] or "",
            error_reason=row["error_reason"] or "",
            ended=row["ended"],
        )
        for row in rows
    ]


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
        started_at: when it begins to run, where it has a place already: written as its second event.
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
                invocation_id, status, decided_by, decided_at, comment, edited_arguments, digest, replica
            )
            SELECT invocation_id, $2::text, $3::text[], $4::timestamptz, $5::text, $6::json, $7::bytea, $8::uuid
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
    )
    return claimed is not None


async def is_decided_by(connection: Connection, invocation_id: UUID, replica: UUID) -> bool:
    """Whether this process made the decision that is on record."""
    found = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM decisions WHERE invocation_id = $1 AND replica = $2)", invocation_id, replica
    )
    return bool(found)


async def decide(connection: Connection, ending: Ending) -> bool:
    """Records a decision by which nothing is run, and how the invocation is to end; False where it was decided."""
    approval = ending.approval
    assert approval is not None
    assert approval.decision is not None
    decided = await connection.fetchval(
        """
        WITH ending AS (
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
        FROM ending
        RETURNING invocation_id
        """,
        ending.intent.id,
        *_values(approval.decision),
        ending.status,
        ending.error,
        ending.error_reason,
    )
    return decided is not None


async def close(connection: Connection, ids: Sequence[UUID]) -> None:
    """Nothing is left to be done for these."""
    await connection.execute("DELETE FROM open_approvals WHERE invocation_id = ANY($1)", ids)


async def of_invocations(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Approval]:
    """The approvals of these invocations; those that have none are left out."""
    rows = await connection.fetch(
        """
        SELECT a.invocation_id, a.human_request_id,
               d.status AS decision, d.decided_by, d.decided_at, d.comment, d.edited_arguments,
               d.digest AS decision_digest, d.replica AS decision_replica
        FROM approvals a
        LEFT JOIN decisions d ON d.invocation_id = a.invocation_id
        WHERE a.invocation_id = ANY($1)
        """,
        ids,
    )
    return {row["invocation_id"]: approval(row) for row in rows}


async def redact(connection: Connection, invocation_id: UUID) -> None:
    """Erases what the redaction of the arguments takes with it; the digest stays."""
    await connection.execute(
        "UPDATE decisions SET comment = NULL, edited_arguments = NULL WHERE invocation_id = $1", invocation_id
    )


def approval(row: Record) -> Approval:
    """An approval from the columns that `of_invocations` names."""
    if row["decision"] is None:
        return Approval(row["human_request_id"])
    decision = Decision(
        status=row["decision"],
        decided_by=tuple(row["decided_by"]),
        decided_at=row["decided_at"],
        comment=row["comment"],
        edited_arguments=row["edited_arguments"],
        digest=row["decision_digest"],
        replica=row["decision_replica"],
    )
    return Approval(row["human_request_id"], decision)


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
