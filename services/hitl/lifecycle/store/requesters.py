"""SQL of who asked: by what access says whether they still may."""

from collections.abc import Sequence

from servicekit.postgres import Connection


async def of_pending(connection: Connection) -> Sequence[tuple[str, str, bool]]:
    """Of what is pending: who asked, the permission for it, and whether it is known to be lost."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT requester_reference, requester_permission, requester_lost_access
        FROM human_requests
        WHERE status = 'pending' AND requester_reference <> ''
        """
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def pending_of(connection: Connection, reference: str, permission: str, lost_access: bool) -> list[str]:
    """The ids of the pending requests of one of them."""
    rows = await connection.fetch(
        """
        SELECT id
        FROM human_requests
        WHERE status = 'pending'
          AND requester_reference <> ''
          AND requester_reference = $1
          AND requester_permission = $2
          AND requester_lost_access = $3
        ORDER BY id
        """,
        reference,
        permission,
        lost_access,
    )
    return [row["id"] for row in rows]
