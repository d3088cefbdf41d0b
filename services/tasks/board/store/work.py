"""SQL of what other services do under leases; the caller has locked the task's row, and so sees what others wrote."""

from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection
from services.tasks.models import EndedWork, NewWork, Work

# How long of an attempt its holder waited for what others did; what overlaps counts once.
PARKED_SECONDS = """
    coalesce(
        (
            SELECT sum(extract(epoch FROM upper(span) - lower(span)))
            FROM unnest(
                (
                    SELECT range_agg(
                        tstzrange(
                            began_at,
                            greatest(
                                began_at,
                                least(coalesce(task_work.ended_at, until), task_attempts.ended_at, clock_timestamp())
                            )
                        )
                    )
                    FROM task_work
                    WHERE task_work.task_id = task_attempts.task_id
                      AND task_work.fencing_token = task_attempts.fencing_token
                )
            ) AS span
        ),
        0
    )::float8
"""
# Of the lease of a task: how long it is kept by what goes on.
KEPT_UNTIL = """
    SELECT max(until)
    FROM task_work
    WHERE task_work.task_id = tasks.id
      AND task_work.fencing_token = tasks.fencing_token
      AND task_work.ended_at IS NULL
"""


async def begin(connection: Connection, work: NewWork, max_seconds: int) -> datetime:
    """Keeps the lease for the time that it may take, and says until when; the same again is begun once."""
    until: datetime = await connection.fetchval(
        """
        WITH begun AS (
            INSERT INTO task_work (kind, work_id, task_id, fencing_token, subject, until)
            VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6::integer))
            ON CONFLICT (task_id, fencing_token, kind, work_id) DO UPDATE
            SET until = greatest(task_work.until, EXCLUDED.until)
            WHERE task_work.ended_at IS NULL
            -- No row has been there before.
            RETURNING until, xmax = 0 AS is_new
        ), held AS (
            UPDATE tasks
            SET lease_expires_at = greatest(
                    lease_expires_at,
                    greatest(clock_timestamp(), (SELECT until FROM begun)) + make_interval(secs => lease_seconds)
                ),
                log_sequence = log_sequence + (SELECT count(*) FROM begun WHERE is_new)::integer
            WHERE id = $3
            RETURNING id, log_sequence, lease_expires_at
        ), logged AS (
            INSERT INTO task_log (task_id, sequence, kind, principal, payload)
            SELECT id, log_sequence, 'work_begun', $7,
                   json_build_object(
                       'kind', $1::text, 'id', $2::text, 'subject', $5::text, 'fencing_token', $4::integer
                   )
            FROM held
            WHERE EXISTS (SELECT FROM begun WHERE is_new)
        )
        SELECT lease_expires_at
        FROM held
        """,
        work.kind,
        work.work_id,
        UUID(work.task_id),
        work.fencing_token,
        work.subject,
        min(work.max_seconds, max_seconds),
        work.holder,
    )
    return until


async def of_lease(connection: Connection, task_id: UUID, fencing_token: int) -> list[Work]:
    """All that was begun under a lease."""
    rows = await connection.fetch(
        """
        SELECT kind, work_id, subject, outcome, digest
        FROM task_work
        WHERE task_id = $1
          AND fencing_token = $2
        """,
        task_id,
        fencing_token,
    )
    return [Work(**row) for row in rows]


async def end(connection: Connection, ended: EndedWork) -> None:
    """Notes how it ended; the lease under which it was done, where that lasts, lasts its whole time from now on."""
    await connection.execute(
        f"""
        WITH ended AS (
            UPDATE task_work
            SET ended_at = clock_timestamp(),
                outcome = $3,
                digest = $4
            WHERE kind = $1
              AND work_id = $2
              AND task_id = $5
              AND fencing_token = $6
              AND ended_at IS NULL
            RETURNING task_id, fencing_token
        ), held AS (
            UPDATE tasks
            SET lease_expires_at = CASE
                    WHEN tasks.fencing_token = ended.fencing_token AND lease_expires_at > clock_timestamp()
                    THEN greatest(
                        clock_timestamp(),
                        ({KEPT_UNTIL} AND NOT (kind = $1 AND work_id = $2))
                    ) + make_interval(secs => lease_seconds)
                    ELSE lease_expires_at
                END,
                log_sequence = log_sequence + 1
            FROM ended
            WHERE tasks.id = ended.task_id
              AND tasks.deleted_at IS NULL
            RETURNING tasks.id, tasks.log_sequence, ended.fencing_token
        )
        INSERT INTO task_log (task_id, sequence, kind, principal, payload)
        SELECT id, log_sequence, 'work_ended', '',
               json_build_object(
                   'kind', $1::text, 'id', $2::text, 'outcome', $3::text, 'digest', $4::text,
                   'fencing_token', fencing_token
               )
        FROM held
        """,
        ended.kind,
        ended.work_id,
        ended.outcome,
        ended.digest,
        UUID(ended.task_id),
        ended.fencing_token,
    )
