"""SQL of runs that were started: what they wait with, who is at them, and how they end."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from servicekit.identity.detached_work import Sponsor
from servicekit.leased_work import Lease
from servicekit.postgres import Connection
from services.documents.models import CHANNEL, Caller, ClaimedRun, Digests, DocumentRun, NewRun, RunInput
from services.documents.runs.store.runs import COLUMNS, run_of


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
    await connection.execute(
        """
        INSERT INTO run_inputs (run_id, template, task, fields, sponsor, sponsor_until)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        run_id,
        given.template,
        given.task,
        json.dumps(dict(given.fields)),
        given.sponsor.reference,
        given.sponsor.until,
    )
    await _tell(connection, "pending")
    return run_of(row)


async def count_open(connection: Connection, principal: str) -> int:
    """How many of a caller's have not ended."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM runs WHERE created_by = $1 AND status IN ('pending', 'running', 'waiting', 'held')",
        principal,
    )
    return count


async def claim(connection: Connection, lease_seconds: float) -> ClaimedRun | None:
    """The oldest that nobody is at, or whose replica has not said for as long as a lease lasts that it is there."""
    row = await connection.fetchrow(
        """
        UPDATE runs
        SET status = 'running', attempts = attempts + 1,
            lease_until = clock_timestamp() + make_interval(secs => $1)
        FROM run_inputs
        WHERE run_inputs.run_id = runs.id
          AND runs.id = (
              SELECT id
              FROM runs
              WHERE status = 'pending' OR (status = 'running' AND lease_until < clock_timestamp())
              ORDER BY created_at, id
              LIMIT 1
              FOR UPDATE SKIP LOCKED
          )
        RETURNING runs.id, runs.attempts, runs.created_by, runs.correlation_id, runs.request_id, runs.skill,
            runs.preset, runs.template_sha256, runs.task_sha256, runs.policy_sha256, runs.request_sha256,
            runs.task_id, runs.fencing_token,
            run_inputs.template, run_inputs.task, run_inputs.fields, run_inputs.sponsor, run_inputs.sponsor_until
        """,
        lease_seconds,
    )
    if row is None:
        return None
    await _tell(connection, str(row["id"]))
    return ClaimedRun(
        id=str(row["id"]),
        attempt=row["attempts"],
        skill=row["skill"],
        preset=row["preset"],
        digests=Digests(row["template_sha256"], row["task_sha256"], row["policy_sha256"], row["request_sha256"]),
        caller=Caller(row["created_by"], row["request_id"], row["correlation_id"], ""),
        given=RunInput(
            row["template"],
            row["task"],
            json.loads(row["fields"]),
            Sponsor(row["sponsor"], row["sponsor_until"]),
        ),
        lease=Lease(row["task_id"], row["fencing_token"]),
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
        await connection.executemany(
            "INSERT INTO run_archives (run_id, number, content) VALUES ($1, $2, $3)",
            [(UUID(claimed.id), number, piece) for number, piece in enumerate(pieces)],
        )
    await connection.execute("DELETE FROM run_inputs WHERE run_id = $1", UUID(claimed.id))
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
