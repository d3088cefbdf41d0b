"""SQL of approvals as the audit has them: that humans are asked, and what came of it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.tools.models import Approval, Decision


def human_request_id(invocation_id: UUID) -> str:
    """The human request of an invocation: chosen by us, so that asking twice asks once."""
    return f"invocation-{invocation_id}"


async def insert(connection: Connection, references: Mapping[UUID, str]) -> None:
    """Notes that these invocations await their approval, and who asked; in the transaction of their intents."""
    await connection.execute(
        """
        WITH wanted AS (
            SELECT *
            FROM unnest($1::uuid[], $2::text[], $3::text[]) AS w (invocation_id, human_request_id, reference)
        ), noted AS (
            INSERT INTO approvals (invocation_id, human_request_id)
            SELECT invocation_id, human_request_id
            FROM wanted
        )
        INSERT INTO open_approvals (invocation_id, reference)
        SELECT invocation_id, reference
        FROM wanted
        """,
        list(references),
        [human_request_id(invocation_id) for invocation_id in references],
        list(references.values()),
    )


async def of_invocations(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Approval]:
    """The approvals of these invocations; those that have none are left out."""
    rows = await connection.fetch(
        """
        SELECT a.invocation_id, a.human_request_id,
               d.status AS decision, d.decided_by, d.decided_at, d.comment, d.edited_arguments,
               d.digest AS decision_digest, d.replica AS decision_replica, d.grant_id AS made_grant_id
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
        grant_id=row["made_grant_id"],
    )
    return Approval(row["human_request_id"], decision)
