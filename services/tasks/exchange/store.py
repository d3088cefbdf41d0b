"""SQL of imports and exports: what there is by names, and in the order in which it was made."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.tasks.board.store.projects import AUDIENCE


async def projects_of(connection: Connection, owner: str, names: Sequence[str]) -> set[str]:
    """Which of these names an owner has projects of."""
    rows = await connection.fetch(
        "SELECT name FROM projects WHERE owner = $1 AND name = ANY($2::text[]) AND deleted_at IS NULL", owner, names
    )
    return {row["name"] for row in rows}


async def epics_of(connection: Connection, project_id: UUID) -> dict[str, UUID]:
    """The epics of a project by their names, in the order in which they were made."""
    rows = await connection.fetch(
        "SELECT id, name FROM epics WHERE project_id = $1 AND deleted_at IS NULL ORDER BY created_at, id", project_id
    )
    return {row["name"]: row["id"] for row in rows}


async def tasks_of(
    connection: Connection, project_id: UUID, names: Sequence[str]
) -> dict[tuple[UUID, str], tuple[UUID, str]]:
    """The tasks of a project with these names: id and status by epic and name."""
    rows = await connection.fetch(
        """
        SELECT id, epic_id, name, status
        FROM tasks
        WHERE project_id = $1
          AND name = ANY($2::text[])
          AND deleted_at IS NULL
        """,
        project_id,
        names,
    )
    return {(row["epic_id"], row["name"]): (row["id"], row["status"]) for row in rows}


async def lock_tasks(connection: Connection, task_ids: Sequence[UUID]) -> None:
    """Nobody else changes these before the transaction ends, and no lease of them is swept."""
    await connection.execute("SELECT FROM tasks WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE", task_ids)


async def waiting_after(connection: Connection, task_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Who waits for what, of all that waits for these, directly or by others."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE later (id) AS (
            SELECT unnest($1::uuid[])
            UNION
            SELECT task_dependencies.task_id
            FROM later
            JOIN task_dependencies ON task_dependencies.depends_on = later.id
            JOIN tasks ON tasks.id = task_dependencies.task_id AND tasks.deleted_at IS NULL
        )
        SELECT task_dependencies.task_id, task_dependencies.depends_on
        FROM later
        JOIN task_dependencies ON task_dependencies.depends_on = later.id
        JOIN tasks ON tasks.id = task_dependencies.task_id AND tasks.deleted_at IS NULL
        """,
        task_ids,
    )
    return [(row["task_id"], row["depends_on"]) for row in rows]


async def visible(connection: Connection, viewer: Viewer, limit: int) -> list[UUID]:
    """The projects that somebody sees, oldest first, at most so many."""
    values: list[object] = [limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT id
        FROM projects
        WHERE deleted_at IS NULL
          AND {shown}
        ORDER BY created_at, id
        LIMIT $1
        """,
        *values,
    )
    return [row["id"] for row in rows]


async def task_ids(connection: Connection, project_id: UUID, epic_id: UUID | None, limit: int) -> list[UUID]:
    """The tasks of a project, or of one of its epics, in the order in which they were made, at most so many."""
    rows = await connection.fetch(
        """
        SELECT id
        FROM tasks
        WHERE project_id = $1
          AND ($2::uuid IS NULL OR epic_id = $2)
          AND deleted_at IS NULL
        ORDER BY created_at, id
        LIMIT $3
        """,
        project_id,
        epic_id,
        limit,
    )
    return [row["id"] for row in rows]
