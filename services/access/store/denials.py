"""SQL of the denials."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection
from services.access.models import Denial

COLUMNS = "id, at, service, method, reason, permission, principal, correlation_id, request_id, count"


async def insert(connection: Connection, denials: Sequence[Denial]) -> None:
    await connection.executemany(
        """
        INSERT INTO denials (at, service, method, reason, permission, principal, correlation_id, request_id, count)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        [
            (d.at, d.service, d.method, d.reason, d.permission, d.principal, d.correlation_id, d.request_id, d.count)
            for d in denials
        ],
    )


async def list_before(connection: Connection, principal: str, before: UUID | None, limit: int) -> list[Denial]:
    """Newest first, those before an id."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM denials
        WHERE ($1 = '' OR principal = $1)
          AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC
        LIMIT $3
        """,
        principal,
        before,
        limit,
    )
    return [Denial(**{**dict(row), "id": str(row["id"])}) for row in rows]


async def forget(connection: Connection, days: int) -> None:
    await connection.execute("DELETE FROM denials WHERE at < now() - make_interval(days => $1)", days)
