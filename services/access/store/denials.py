"""SQL of the denials."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection
from services.access.models import Denial

COLUMNS = "id, at, service, method, reason, permission, principal, correlation_id, request_id, count, address"

# A refusal is whose call it was. Of those who are not known the row has what they claimed, which is nobody's name.
AUDIENCE = AudienceColumns(owners=("principal",))
OF_SOMEBODY = "reason <> 'UNAUTHENTICATED'"


async def insert(connection: Connection, denials: Sequence[Denial]) -> None:
    await connection.executemany(
        """
        INSERT INTO denials (
            at, service, method, reason, permission, principal, correlation_id, request_id, count, address
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        [
            (
                d.at,
                d.service,
                d.method,
                d.reason,
                d.permission,
                d.principal,
                d.correlation_id,
                d.request_id,
                d.count,
                d.address,
            )
            for d in denials
        ],
    )


async def add_to_minute(connection: Connection, denial: Denial) -> bool:
    """Adds to the row of its like in the same minute; False where there is none."""
    found = await connection.fetchval(
        """
        UPDATE denials
        SET count = count + $6
        WHERE id = (
            SELECT id
            FROM denials
            WHERE principal = $1
              AND service = $2
              AND method = $3
              AND reason = $4
              AND address = $7
              AND date_trunc('minute', at) = date_trunc('minute', $5::timestamptz)
              AND id > uuidv7(interval '-2 minutes')
            ORDER BY id DESC
            LIMIT 1
        )
        RETURNING true
        """,
        denial.principal,
        denial.service,
        denial.method,
        denial.reason,
        denial.at,
        denial.count,
        denial.address,
    )
    return bool(found)


async def list_before(
    connection: Connection, principal: str, viewer: Viewer, before: UUID | None, limit: int
) -> list[Denial]:
    """Newest first, those before an id."""
    values: list[Any] = []
    conditions = [AUDIENCE.condition(viewer, values)]
    if not viewer.sees_all:
        conditions.append(OF_SOMEBODY)
    # Each in a statement of its own: one plan for "any, or this one" walks all of them for a name that is rare.
    for condition, value in (("principal = {}", principal), ("id < {}", before)):
        if value:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM denials
        WHERE {" AND ".join(conditions)}
        ORDER BY id DESC
        LIMIT {limit:d}
        """,
        *values,
    )
    return [Denial(**{**dict(row), "id": str(row["id"])}) for row in rows]


async def forget(connection: Connection, days: int) -> None:
    await connection.execute("DELETE FROM denials WHERE at < now() - make_interval(days => $1)", days)
