"""SQL of runs that are done under leases: which of them have ended and have not been told of."""

from servicekit.leased_work import EndedWork, FindEnded, Lease
from servicekit.postgres import Connection


def ended_runs(max_beginning_seconds: float) -> FindEnded:
    """Finds those that have ended, and those that are on no record after this time: their process died with them."""

    async def find_ended(connection: Connection, run_id: str | None, limit: int) -> list[EndedWork]:
        rows = await connection.fetch(
            """
            SELECT w.work_id, w.resource_id, w.fencing_token, coalesce(r.outcome, 'nothing') AS outcome,
                   coalesce(r.document_sha256, '') AS digest
            FROM leased_work w
            LEFT JOIN runs r ON r.id = w.work_id::uuid
            WHERE ($1::text IS NULL OR w.work_id = $1)
              AND CASE
                  WHEN r.id IS NULL THEN w.began_at < clock_timestamp() - make_interval(secs => $3)
                  ELSE r.status IN ('completed', 'failed')
              END
            ORDER BY w.began_at
            LIMIT $2
            """,
            run_id,
            limit,
            max_beginning_seconds,
        )
        return [
            EndedWork(row["work_id"], Lease(row["resource_id"], row["fencing_token"]), row["outcome"], row["digest"])
            for row in rows
        ]

    return find_ended
