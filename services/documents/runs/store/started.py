"""SQL of runs that were started: what they wait with, who is at them, and how they end."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from servicekit.leased_work import Lease
from servicekit.postgres import Connection
from services.documents.inputs import store as inputs
from services.documents.models import CHANNEL, Caller, ClaimedRun, Digests, DocumentRun, NewRun, RunInput
from services.documents.runs.store.runs import COLUMNS, insert_archive, run_of


async def insert(connection: Connection, run_id: UUID, given: RunInput, run: NewRun) -> DocumentRun:
    """A run that is to be done."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO runs (
            id, status, skill, preset, template_sha256, task_sha256, policy_sha256, request_sha256, created_by,
            correlation_id, request_id, task_id, fencing_token
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        RETURNING {COLUMNS}
        """,
        run_id,
        run.status,
        run.skill,
        run.preset,
        run.digests.template,
        run.digests.task,
        run.digests.policy,
        run.digests.request,
        run.caller.principal,
        run.caller.correlation_id,
        run.caller.request_id,
        run.lease.resource_id,
        run.lease.fencing_token,
    )
    assert row is not None
    await inputs.keep_template(connection, run.digests.template, given.template)
    await inputs.keep_task(connection, run_id, given, run.digests.template)
    await _tell(connection, "pending")
    return run_of(row)


async def count_open(connection: Connection, principal: str) -> int:
    """How many of a caller's have not ended, but for those of batches; what it starts otherwise waits meanwhile."""
    await lock_owner(connection, principal)
    count: int = await connection.fetchval(
        """
        SELECT count(*)
        FROM runs
        WHERE created_by = $1 AND status IN ('pending', 'running', 'waiting', 'held') AND batch_id IS NULL
        """,
        principal,
    )
    return count


async def lock_owner(connection: Connection, principal: str) -> None:
    """Lets one start of a caller after the other into the rest of its transaction, so that what is there counts."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('started runs ' || $1, 0))", principal)


async def claim(connection: Connection, lease_seconds: float) -> ClaimedRun | None:
    """A run that nobody is at, or whose replica has not said for as long as a lease lasts that it is there.

    Callers take turns; of one of them the oldest is next, and what was started alone before what is of a batch.
    """
    rows = await connection.fetch(
        """
        WITH RECURSIVE callers AS (
            -- Each caller once, however many runs of it there are.
            SELECT min(created_by) AS created_by FROM runs WHERE status IN ('pending', 'running')
            UNION ALL
            SELECT (
                SELECT min(created_by) FROM runs
                WHERE status IN ('pending', 'running') AND created_by > callers.created_by
            )
            FROM callers
            WHERE callers.created_by IS NOT NULL
        )
        SELECT created_by
        FROM callers
        LEFT JOIN run_turns USING (created_by)
        WHERE created_by IS NOT NULL
        ORDER BY taken_at NULLS FIRST, created_by
        """
    )
    for caller in rows:
        row = await connection.fetchrow(
            f"""
            UPDATE runs
            SET status = 'running', attempts = attempts + 1,
                lease_until = clock_timestamp() + make_interval(secs => $1)
            WHERE id = (
                SELECT id
                FROM runs
                WHERE created_by = $2
                  AND status IN ('pending', 'running')
                  AND (status = 'pending' OR lease_until < clock_timestamp())
                  AND (
                      EXISTS (SELECT FROM run_tasks WHERE run_id = id)
                      OR EXISTS (SELECT FROM run_inputs WHERE run_id = id)
                  )
                ORDER BY (batch_id IS NOT NULL), created_at, id
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            )
            RETURNING attempts, request_sha256, {COLUMNS}
            """,
            lease_seconds,
            caller["created_by"],
        )
        if row is not None:
            return await _claimed(connection, dict(row))
    return None


async def _claimed(connection: Connection, row: dict[str, Any]) -> ClaimedRun:
    attempt, request_sha256 = row.pop("attempts"), row.pop("request_sha256")
    run = run_of(row)
    given = await inputs.of_run(connection, UUID(run.id))
    assert given is not None, "only runs with something to do are claimed"
    await connection.execute(
        """
        INSERT INTO run_turns (created_by, taken_at)
        VALUES ($1, clock_timestamp())
        ON CONFLICT (created_by) DO UPDATE SET taken_at = EXCLUDED.taken_at
        """,
        run.created_by,
    )
    await _tell(connection, run.id)
    return ClaimedRun(
        id=run.id,
        attempt=attempt,
        skill=run.skill,
        preset=run.preset,
        digests=Digests(run.template_sha256, run.task_sha256, run.policy_sha256, request_sha256),
        caller=Caller(run.created_by, run.request_id, run.correlation_id, ""),
        given=given,
        batch_id=run.batch_id,
        lease=Lease(run.task_id, run.fencing_token),
    )


async def renew(connection: Connection, claimed: ClaimedRun, lease_seconds: float) -> bool:
    """Says that its replica is there; False where another one is at it meanwhile."""
    return await _update(
        connection,
        claimed,
        "lease_until = clock_timestamp() + make_interval(secs => $3)",
        lease_seconds,
    )


async def give_back(connection: Connection, claimed: ClaimedRun) -> None:
    """For another replica: this one stops."""
    if await _update(connection, claimed, "status = 'pending', attempts = attempts - 1, lease_until = NULL"):
        await _tell(connection, "pending")


async def wait(connection: Connection, claimed: ClaimedRun) -> bool:
    """It waits for people, and nobody is at it; False where another replica is meanwhile."""
    if not await _update(connection, claimed, "status = 'waiting', attempts = attempts - 1, lease_until = NULL"):
        return False
    await _tell(connection, claimed.id)
    return True


async def finish(
    connection: Connection, claimed: ClaimedRun, run: NewRun, pieces: Sequence[bytes], kept: int, keep_hours: float
) -> bool:
    """How it ended; False where another replica is at it meanwhile, and nothing is written."""
    ended = await _update(
        connection,
        claimed,
        """
        status = $3, exit_code = $4, outcome = $5, error_code = $6, document_sha256 = $7, missing_required = $8,
        queue_wait_ms = $9, subprocess_ms = $10, total_ms = $11, lease_until = NULL, archive_bytes = $12,
        archived_until = CASE WHEN $12 > 0 THEN clock_timestamp() + make_interval(secs => $13 * 3600) END
        """,
        run.status,
        run.exit_code,
        run.outcome,
        run.error_code,
        run.document_sha256,
        list(run.missing_required),
        run.timing.queue_wait_ms,
        run.timing.subprocess_ms,
        run.timing.total_ms,
        kept,
        keep_hours,
    )
    if not ended:
        return False
    if kept:
        await insert_archive(connection, UUID(claimed.id), pieces)
    await inputs.let_go(connection, [UUID(claimed.id)])
    await _tell(connection, claimed.id)
    return True


async def _update(connection: Connection, claimed: ClaimedRun, changes: str, *values: Any) -> bool:
    """Changes it where this claim is the last one of it."""
    done = await connection.fetchval(
        f"UPDATE runs SET {changes} WHERE id = $1 AND attempts = $2 AND status = 'running' RETURNING true",
        UUID(claimed.id),
        claimed.attempt,
        *values,
    )
    return bool(done)


async def _tell(connection: Connection, what: str) -> None:
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, what)
