"""SQL of what tasks wait for. Whoever changes it holds the project's lock alone, so no two changes close a circle."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection


async def unknown(connection: Connection, project_id: UUID, task_ids: Sequence[UUID]) -> UUID | None:
    """One of these that is no task of the project; None where all are."""
    found: UUID | None = await connection.fetchval(
        """
        SELECT wanted
        FROM unnest($2::uuid[]) AS wanted
        WHERE NOT EXISTS (
            SELECT FROM tasks WHERE id = wanted AND project_id = $1 AND deleted_at IS NULL
        )
        ORDER BY wanted
        LIMIT 1
        """,
        project_id,
        task_ids,
    )
    return found


async def waiting(connection: Connection, task_id: UUID, task_ids: Sequence[UUID]) -> UUID | None:
    """One of these that is the task, or waits for it by whatever way; None where none does."""
    found: UUID | None = await connection.fetchval(
        """
        WITH RECURSIVE later (id) AS (
            SELECT $1::uuid
            UNION
            SELECT task_dependencies.task_id
            FROM later
            JOIN task_dependencies ON task_dependencies.depends_on = later.id
            JOIN tasks ON tasks.id = task_dependencies.task_id AND tasks.deleted_at IS NULL
        )
        SELECT id
        FROM later
        WHERE id = ANY($2::uuid[])
        ORDER BY id
        LIMIT 1
        """,
        task_id,
        task_ids,
    )
    return found


async def replace(connection: Connection, task_id: UUID, task_ids: Sequence[UUID]) -> None:
    """Has a task wait for these and for nothing else."""
    await connection.execute(
        "DELETE FROM task_dependencies WHERE task_id = $1 AND depends_on <> ALL($2::uuid[])", task_id, task_ids
    )
    await connection.execute(
        """
        INSERT INTO task_dependencies (task_id, depends_on)
        SELECT $1, wanted
        FROM unnest($2::uuid[]) AS wanted
        ON CONFLICT DO NOTHING
        """,
        task_id,
        task_ids,
    )
