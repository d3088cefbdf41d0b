"""SQL that lets go of requests that ended long ago. Their ids are the callers' own and come once: they have no time."""

from datetime import datetime

from servicekit.postgres import Connection


async def oldest_kept(connection: Connection, old: datetime) -> datetime | None:
    """When the oldest request was made that has not ended before that time."""
    found: datetime | None = await connection.fetchval(
        """
        SELECT created_at
        FROM human_requests
        WHERE ended_at IS NULL OR ended_at >= $1
        ORDER BY created_at
        LIMIT 1
        """,
        old,
    )
    return found


async def delete_ended(connection: Connection, days: int, limit: int) -> int:
    """Deletes some that ended so many days ago; how many those were."""
    deleted: int = await connection.fetchval(
        """
        WITH old AS MATERIALIZED (
            SELECT id
            FROM human_requests
            WHERE ended_at < now() - make_interval(days => $1)
            ORDER BY ended_at
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        ), links AS (
            DELETE FROM action_links WHERE human_request_id IN (SELECT id FROM old)
        ), answers AS (
            DELETE FROM human_responses WHERE human_request_id IN (SELECT id FROM old)
        ), gone AS (
            DELETE FROM human_requests WHERE id IN (SELECT id FROM old) RETURNING id
        )
        SELECT count(*) FROM gone
        """,
        days,
        limit,
    )
    return deleted
