"""SQL over all boards that somebody sees."""

from typing import Any

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.tasks.board.store.projects import AUDIENCE
from services.tasks.board.store.tasks import OPEN
from services.tasks.models import Counts


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
