"""SQL of requests that are asked under leases: which of them have ended and have not been told of."""

from servicekit.leased_work import MAX_BEGINNING_SECONDS, EndedWork, Lease
from servicekit.postgres import Connection


async def find_ended(connection: Connection, human_request_id: str | None, limit: int) -> list[EndedWork]:
    """Those that have ended, and those that were never made; of one, or of all. What was approved is said so."""
    rows = await connection.fetch(
        """
        SELECT w.work_id, w.resource_id, w.fencing_token,
               CASE
                   WHEN r.id IS NULL THEN 'nothing'
                   WHEN r.status = 'responded' AND r.request_type = 'approval' AND decisive.response = 'approve'
                       THEN 'approved'
                   ELSE r.status
               END AS outcome
        FROM leased_work w
        -- Ids are their callers' to choose: one that is taken by another request says nothing of this one.
        LEFT JOIN human_requests r
          ON r.id = w.work_id AND r.task_id = w.resource_id AND r.fencing_token = w.fencing_token
        LEFT JOIN LATERAL (
            SELECT v.response #>> '{}' AS response
            FROM human_responses v
            WHERE v.human_request_id = r.id AND v.decides AND v.via <> 'timeout'
        ) AS decisive ON true
        WHERE ($1::text IS NULL OR w.work_id = $1)
          AND CASE
              WHEN r.id IS NULL THEN w.began_at < clock_timestamp() - make_interval(secs => $3::integer)
              ELSE r.status <> 'pending'
          END
        ORDER BY w.began_at
        LIMIT $2
        """,
        human_request_id,
        limit,
        MAX_BEGINNING_SECONDS,
    )
    return [EndedWork(row["work_id"], Lease(row["resource_id"], row["fencing_token"]), row["outcome"]) for row in rows]
