"""SQL of plain completions: many of a project at once, of tasks that their callers hold and that demand nothing."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection
from services.tasks.board.store.deleting import NO_LEASE
from services.tasks.board.store.tasks import OPEN


async def projects_of(connection: Connection, task_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The project that each is part of, for good."""
    rows = await connection.fetch("SELECT id, project_id FROM tasks WHERE id = ANY($1::uuid[])", task_ids)
    return {row["id"]: row["project_id"] for row in rows}


async def lock(connection: Connection, task_ids: Sequence[UUID]) -> None:
    """Nobody else changes these before the transaction ends."""
    await connection.execute("SELECT FROM tasks WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", task_ids)


async def complete(
    connection: Connection, task_ids: Sequence[UUID], holders: Sequence[str], tokens: Sequence[int]
) -> set[UUID]:
    """Completes those that need no other word: held by this token, in a project on which the holder works by name."""
    rows = await connection.fetch(
        f"""
        WITH written AS (
            UPDATE tasks
            SET status = 'completed',
                completed_at = clock_timestamp(),
                failed_attempts = 0,
                version = tasks.version + 1,
                log_sequence = log_sequence + 1,
                updated_at = clock_timestamp(),
                {NO_LEASE}
            FROM projects
            WHERE tasks.id = ANY($1::uuid[])
              AND projects.id = tasks.project_id
              AND projects.deleted_at IS NULL
              AND tasks.deleted_at IS NULL
              AND tasks.status = 'in_progress'
              AND required_evidence = '{{}}'
              AND lease_expires_at > clock_timestamp()
              AND lease_holder = ($2::text[])[array_position($1, tasks.id)]
              AND fencing_token = ($3::integer[])[array_position($1, tasks.id)]
              AND (projects.owner = lease_holder OR lease_holder = ANY(projects.members))
              AND NOT EXISTS (SELECT {OPEN})
            RETURNING tasks.id, tasks.project_id, log_sequence, fencing_token,
                      ($2::text[])[array_position($1, tasks.id)] AS holder
        ), ended AS (
            UPDATE task_attempts
            SET ended_at = clock_timestamp(),
                outcome = 'completed'
            FROM written
            WHERE task_attempts.task_id = written.id
              AND task_attempts.ended_at IS NULL
        ), logged AS (
            INSERT INTO task_log (task_id, sequence, kind, principal, payload)
            SELECT id, log_sequence, 'transitioned', holder,
                   json_build_object('from', 'in_progress', 'to', 'completed', 'fencing_token', fencing_token::text)
            FROM written
        )
        SELECT id, pg_notify('tasks_ready', project_id::text)
        FROM written
        """,
        task_ids,
        holders,
        tokens,
    )
    return {row["id"] for row in rows}
