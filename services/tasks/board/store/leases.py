"""SQL of leases and attempts: one conditional UPDATE each, by the clock of the database."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.tasks.board.store.deleting import NO_LEASE
from services.tasks.board.store.tasks import OPEN
from services.tasks.board.store.work import KEPT_UNTIL, PARKED_SECONDS
from services.tasks.models import Attempt, NewLease, ReadyTask

COLUMNS = f"""
    task_id, number, holder, agent_id, fencing_token, started_at, ended_at, outcome, reason,
    {PARKED_SECONDS} AS parked_seconds
"""
# Whether one attempt more that failed is as many as may.
USED_UP = "failed_attempts + 1 >= CASE WHEN max_attempts > 0 THEN max_attempts ELSE {} END"

READY = "id, resources, priority, created_at"
IS_READY = f"""
    project_id = $1
    AND status = 'pending'
    AND deleted_at IS NULL
    AND ($2 = '' OR $2 = ANY(tags))
    AND NOT EXISTS (SELECT {OPEN})
"""
BEST = "priority DESC, created_at, id"
# What a lease makes of a task, where `wanted` says whose it is.
GIVEN = """
    status = 'in_progress',
    completed_at = NULL,
    fencing_token = fencing_token + 1,
    lease_holder = wanted.holder,
    lease_agent = wanted.agent,
    lease_seconds = wanted.seconds,
    lease_acquired_at = clock_timestamp(),
    lease_expires_at = clock_timestamp() + make_interval(secs => wanted.seconds),
    attempts = attempts + 1,
    version = tasks.version + 1,
    log_sequence = log_sequence + 1,
    updated_at = clock_timestamp()
"""
IS_FREE = f"""
    tasks.deleted_at IS NULL
    AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
    AND NOT EXISTS (SELECT {OPEN})
"""


async def lock_resources(connection: Connection, project_id: UUID) -> None:
    """Nobody else takes resources of the project before the transaction ends. Taken before any lock of a row."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('resources ' || $1::uuid::text, 0))", project_id
    )


async def grant(connection: Connection, wanted: NewLease, statuses: Sequence[str]) -> bool:
    """Gives a lease, unless somebody holds it, it has none of these statuses or waits for something; whether it did."""
    given = await connection.fetchval(
        f"""
        WITH wanted AS (
            SELECT $1::uuid AS task_id, $2::text AS holder, $3::text AS agent, $4::integer AS seconds
        ), given AS (
            UPDATE tasks
            SET {GIVEN}
            FROM wanted
            WHERE tasks.id = $1
              AND tasks.status = ANY($5::text[])
              AND {IS_FREE}
            RETURNING tasks.id, attempts, fencing_token, log_sequence, lease_holder, lease_agent
        ), begun AS (
            INSERT INTO task_attempts (task_id, number, holder, agent_id, fencing_token)
            SELECT id, attempts, lease_holder, lease_agent, fencing_token
            FROM given
        )
        INSERT INTO task_log (task_id, sequence, kind, principal, payload)
        SELECT id, log_sequence, 'leased', lease_holder,
               json_build_object('agent_id', lease_agent, 'fencing_token', fencing_token)
        FROM given
        RETURNING true
        """,
        wanted.task_id,
        wanted.holder,
        wanted.lease.agent_id,
        wanted.lease.seconds,
        statuses,
    )
    return bool(given)


async def renew(connection: Connection, task_id: UUID, holder: str, token: int, seconds: int | None) -> bool:
    """Has a lease last its whole time from now on, or from the end of what goes on; False where this is not it."""
    renewed = await connection.fetchval(
        f"""
        UPDATE tasks
        SET lease_seconds = coalesce($4::integer, lease_seconds),
            lease_expires_at = greatest(clock_timestamp(), ({KEPT_UNTIL}))
                + make_interval(secs => coalesce($4::integer, lease_seconds))
        WHERE id = $1
          AND deleted_at IS NULL
          AND lease_holder = $2
          AND fencing_token = $3
          AND lease_expires_at > clock_timestamp()
        RETURNING true
        """,
        task_id,
        holder,
        token,
        seconds,
    )
    return bool(renewed)


async def was_held_by(connection: Connection, task_id: UUID, holder: str) -> bool:
    """Whether somebody has ever held the lease of a task."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM task_attempts WHERE task_id = $1 AND holder = $2)", task_id, holder
    )
    return found


async def end(connection: Connection, task_id: UUID, outcome: str, reason: str) -> None:
    """Takes the lease away and ends its attempt; the caller holds the row's lock."""
    await connection.execute(
        """
        UPDATE task_attempts
        SET ended_at = least(clock_timestamp(), (SELECT lease_expires_at FROM tasks WHERE id = $1)),
            outcome = $2,
            reason = $3
        WHERE task_id = $1
          AND ended_at IS NULL
        """,
        task_id,
        outcome,
        reason,
    )
    await connection.execute(f"UPDATE tasks SET {NO_LEASE} WHERE id = $1", task_id)


async def expire(connection: Connection, project_id: UUID | None, max_attempts: int, limit: int) -> dict[UUID, str]:
    """Takes away leases that have expired, of a project or of all, and says what became of the tasks.

    What somebody else writes at this moment is left to the next time.
    """
    rows = await connection.fetch(
        f"""
        WITH over AS (
            SELECT id, lease_expires_at
            FROM tasks
            -- The clock of the statement, which an index can be asked for.
            WHERE lease_expires_at <= statement_timestamp()
              AND ($1::uuid IS NULL OR project_id = $1)
            ORDER BY lease_expires_at
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        ), written AS (
            UPDATE tasks
            SET status = CASE
                    WHEN status <> 'in_progress' THEN status
                    WHEN {USED_UP.format("$2")} THEN 'blocked'
                    ELSE 'pending'
                END,
                failed_attempts = failed_attempts + 1,
                version = version + 1,
                log_sequence = log_sequence + 1,
                updated_at = clock_timestamp(),
                {NO_LEASE}
            FROM over
            WHERE tasks.id = over.id
            RETURNING tasks.id, tasks.project_id, tasks.status, tasks.log_sequence, tasks.fencing_token
        ), ended AS (
            UPDATE task_attempts
            SET ended_at = over.lease_expires_at,
                outcome = 'expired'
            FROM over
            WHERE task_attempts.task_id = over.id
              AND task_attempts.ended_at IS NULL
        ), logged AS (
            INSERT INTO task_log (task_id, sequence, kind, principal, payload)
            SELECT id,
                   log_sequence,
                   'lease_expired',
                   '',
                   json_build_object('fencing_token', fencing_token, 'to', status)
            FROM written
        )
        SELECT id, status, pg_notify('tasks_ready', project_id::text)
        FROM written
        """,
        project_id,
        max_attempts,
        limit,
    )
    return {row["id"]: row["status"] for row in rows}


async def ready(connection: Connection, project_id: UUID, tag: str, limit: int) -> list[ReadyTask]:
    """The best that are ready, need no resources and nobody else is about to take, locked."""
    rows = await connection.fetch(
        f"""
        SELECT {READY}
        FROM tasks
        WHERE {IS_READY}
          AND resources = '{{}}'
        ORDER BY {BEST}
        LIMIT $3
        FOR UPDATE OF tasks SKIP LOCKED
        """,
        project_id,
        tag,
        limit,
    )
    return [ReadyTask(*row) for row in rows]


async def ready_after(
    connection: Connection, project_id: UUID, tag: str, after: ReadyTask | None, limit: int
) -> list[ReadyTask]:
    """The best that are ready, whatever they need, behind one of them; not locked, so they may be taken meanwhile."""
    rows = await connection.fetch(
        f"""
        SELECT {READY}
        FROM tasks
        WHERE {IS_READY}
          AND (
              $4::integer IS NULL
              OR priority < $4
              OR (priority = $4 AND (created_at, id) > ($5::timestamptz, $6::uuid))
          )
        ORDER BY {BEST}
        LIMIT $3
        """,
        project_id,
        tag,
        limit,
        *((after.priority, after.created_at, after.id) if after else (None, None, None)),
    )
    return [ReadyTask(*row) for row in rows]


async def held(connection: Connection, project_id: UUID) -> dict[str, Sequence[str]]:
    """What is held in a project: by the id of the task that is leased."""
    rows = await connection.fetch(
        """
        SELECT id, resources
        FROM tasks
        WHERE project_id = $1
          AND deleted_at IS NULL
          AND lease_expires_at > clock_timestamp()
          AND resources <> '{}'
        """,
        project_id,
    )
    return {str(row["id"]): row["resources"] for row in rows}


async def attempts_before(connection: Connection, task_id: UUID, before: int | None, limit: int) -> list[Attempt]:
    """Newest first, those before a number."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM task_attempts
        WHERE task_id = $1
          AND ($2::integer IS NULL OR number < $2)
        ORDER BY number DESC
        LIMIT $3
        """,
        task_id,
        before,
        limit,
    )
    return [_attempt(row) for row in rows]


def _attempt(row: Record) -> Attempt:
    return Attempt(**{**row, "task_id": str(row["task_id"])})
