"""SQL over all boards that somebody sees, and of what is left of deleted ones; of one task with its log."""

from typing import Any
from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.tasks.board.store import log
from services.tasks.board.store.deleting import ENDED_LEASES, deleted_tasks
from services.tasks.board.store.projects import AUDIENCE
from services.tasks.board.store.tasks import OPEN
from services.tasks.models import Deleted, LogEntry
from services.tasks.original.models import Counts

# Of the entries of one answer.
MAX_ENTRY_BYTES = 2 * 1024 * 1024

# What is above it was deleted, and it was not.
ORPHANED_EPIC = """
    epics.deleted_at IS NULL
    AND EXISTS (SELECT FROM projects WHERE id = epics.project_id AND deleted_at IS NOT NULL)
"""
ORPHANED_TASK = """
    tasks.deleted_at IS NULL
    AND (
        EXISTS (SELECT FROM projects WHERE id = tasks.project_id AND deleted_at IS NOT NULL)
        OR EXISTS (SELECT FROM epics WHERE id = tasks.epic_id AND deleted_at IS NOT NULL)
    )
"""


async def counts(connection: Connection, viewer: Viewer) -> Counts:
    """What there is to do and what is leased."""
    values: list[Any] = []
    shown = AUDIENCE.condition(viewer, values)
    row = await connection.fetchrow(
        f"""
        WITH seen AS (
            SELECT tasks.*
            FROM tasks
            JOIN projects ON projects.id = tasks.project_id
            WHERE tasks.deleted_at IS NULL
              AND {shown}
        ), attempts AS (
            SELECT task_attempts.*
            FROM task_attempts
            JOIN seen ON seen.id = task_attempts.task_id
            WHERE seen.updated_at >= date_trunc('day', clock_timestamp(), 'UTC')
        )
        SELECT (SELECT count(*) FROM seen) AS total,
               (SELECT count(*) FROM seen WHERE lease_expires_at > clock_timestamp()) AS locked,
               (SELECT count(*) FROM seen WHERE lease_expires_at <= clock_timestamp()) AS expired,
               (
                   SELECT count(*)
                   FROM seen
                   WHERE completed_at >= date_trunc('day', clock_timestamp(), 'UTC')
               ) AS completed_today,
               (
                   SELECT count(*)
                   FROM seen AS tasks
                   WHERE status = 'pending'
                     AND NOT EXISTS (SELECT {OPEN})
               ) AS available,
               (
                   SELECT count(*)
                   FROM attempts
                   WHERE started_at >= date_trunc('day', clock_timestamp(), 'UTC')
               ) AS acquired_today,
               (
                   SELECT count(*)
                   FROM attempts
                   WHERE ended_at >= date_trunc('day', clock_timestamp(), 'UTC')
                     AND outcome = 'expired'
               ) AS cleaned_today
        """,
        *values,
    )
    assert row is not None
    return Counts(**row)


async def entries_before(
    connection: Connection, task_id: UUID, before: int | None, limit: int
) -> tuple[list[LogEntry], bool]:
    """The newest entries, or those before a number, as many as have room; and whether there are earlier ones."""
    fitting = await connection.fetchval(
        """
        SELECT count(*)
        FROM (
            SELECT sum(octet_length(payload::text)) OVER (ORDER BY sequence DESC) AS bytes
            FROM (
                SELECT sequence, payload
                FROM task_log
                WHERE task_id = $1
                  AND ($2::integer IS NULL OR sequence < $2)
                ORDER BY sequence DESC
                LIMIT $3
            ) AS newest
        ) AS summed
        WHERE bytes <= $4
        """,
        task_id,
        before,
        limit,
        MAX_ENTRY_BYTES,
    )
    found = await log.list_before(connection, task_id, before, fitting + 1)
    return found[:fitting], len(found) > fitting


async def with_orphans(connection: Connection, viewer: Viewer) -> list[UUID]:
    """The projects, deleted or not, in which something is left of what was deleted, in the order of their ids."""
    values: list[Any] = []
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT projects.id
        FROM projects
        WHERE {shown}
          AND (
              EXISTS (SELECT FROM epics WHERE epics.project_id = projects.id AND {ORPHANED_EPIC})
              OR EXISTS (SELECT FROM tasks WHERE tasks.project_id = projects.id AND {ORPHANED_TASK})
          )
        ORDER BY projects.id
        """,
        *values,
    )
    return [row["id"] for row in rows]


async def delete_orphans(connection: Connection, project_id: UUID) -> Deleted:
    """Deletes them; the caller holds the project's lock alone."""
    orphaned = f"id IN (SELECT tasks.id FROM tasks WHERE tasks.project_id = $1 AND {ORPHANED_TASK})"
    row = await connection.fetchrow(
        f"""
        WITH {deleted_tasks(orphaned)}, of_epics AS (
            UPDATE epics
            SET deleted_at = clock_timestamp()
            WHERE project_id = $1
              AND {ORPHANED_EPIC}
            RETURNING id
        )
        SELECT (SELECT count(*) FROM of_epics) AS epics,
               (SELECT count(*) FROM of_tasks) AS tasks,
               {ENDED_LEASES}
        """,
        project_id,
    )
    assert row is not None
    return Deleted(**row)
