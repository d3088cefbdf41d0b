"""SQL of invocations that are done under leases: which of them have ended and have not been told of."""

from servicekit.leased_work import MAX_BEGINNING_SECONDS, EndedWork, Lease
from servicekit.postgres import Connection


async def find_ended(connection: Connection, invocation_id: str | None, limit: int) -> list[EndedWork]:
    """Those that have an outcome, with the digests of their receipts, and those never recorded; of one, or of all."""
    rows = await connection.fetch(
        """
        SELECT w.work_id, w.resource_id, w.fencing_token, coalesce(o.status, 'nothing') AS status,
               coalesce(encode(o.digest, 'hex'), '') AS digest
        FROM leased_work w
        LEFT JOIN outcomes o ON o.invocation_id = w.work_id::uuid
        WHERE ($1::text IS NULL OR w.work_id = $1)
          AND (
              o.invocation_id IS NOT NULL
              OR (
                  w.began_at < clock_timestamp() - make_interval(secs => $3::integer)
                  AND NOT EXISTS (SELECT FROM invocations i WHERE i.id = w.work_id::uuid)
              )
          )
        ORDER BY w.began_at
        LIMIT $2
        """,
        invocation_id,
        limit,
        MAX_BEGINNING_SECONDS,
    )
    return [
        EndedWork(row["work_id"], Lease(row["resource_id"], row["fencing_token"]), row["status"], row["digest"])
        for row in rows
    ]
