"""SQL of projects, and the lock that each of them has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.tasks.board.store.deleting import ENDED_LEASES, deleted_tasks
from services.tasks.models import Deleted, Project

# Who sees a project and what is in it; as `Project.audience`.
AUDIENCE = AudienceColumns(owners=("projects.owner",), people=("projects.members",), groups=("projects.groups",))
COLUMNS = """
    projects.id, owner, projects.name, projects.description, projects.status, members, groups, projects.version,
    projects.created_at, projects.updated_at,
    (SELECT count(*) FROM epics WHERE epics.project_id = projects.id AND epics.deleted_at IS NULL) AS epics,
    (SELECT count(*) FROM tasks WHERE tasks.project_id = projects.id AND tasks.deleted_at IS NULL) AS tasks,
    (
        SELECT count(*)
        FROM tasks
        WHERE tasks.project_id = projects.id AND tasks.deleted_at IS NULL AND tasks.status = 'completed'
    ) AS completed
"""
BRIEF = "id, owner, name, description, status, members, groups, version, created_at, updated_at"


async def lock(connection: Connection, project_id: UUID, *, alone: bool) -> None:
    """Keeps what is in a project from being deleted before the transaction ends; alone: nobody else is within.

    Everybody takes it before any lock of a row, and nobody takes it twice, so nobody waits in a circle.
    """
    function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await connection.execute(f"SELECT {function}(hashtextextended('project ' || $1::uuid::text, 0))", project_id)


async def find_or_insert(connection: Connection, owner: str, name: str) -> UUID | None:
    """The owner's project of a name, made where there is none; None where it is deleted in this very moment."""
    await connection.execute(
        """
        WITH made AS (
            INSERT INTO projects (owner, name)
            VALUES ($1, $2)
            ON CONFLICT (owner, name) WHERE deleted_at IS NULL DO NOTHING
            RETURNING id
        )
        INSERT INTO project_log (project_id, kind, principal)
        SELECT id, 'created', $1
        FROM made
        """,
        owner,
        name,
    )
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM projects WHERE owner = $1 AND name = $2 AND deleted_at IS NULL", owner, name
    )
    return found


async def find(connection: Connection, name: str, viewer: Viewer) -> UUID | None:
    """The project of a name that somebody works on: their own, else the oldest."""
    values: list[Any] = [name, viewer.name]
    # Whoever sees everything works on none of it for that.
    works_on = AUDIENCE.condition(Viewer(viewer.principal, viewer.service, sees_all=False), values)
    found: UUID | None = await connection.fetchval(
        f"""
        SELECT id
        FROM projects
        WHERE name = $1
          AND deleted_at IS NULL
          AND {works_on}
        ORDER BY owner <> $2, created_at, id
        LIMIT 1
        """,
        *values,
    )
    return found


async def get(connection: Connection, project_id: UUID, *, lock: bool = False) -> Project | None:
    """One project, with nothing counted; locked, nobody changes it before the transaction ends."""
    for_update = "FOR UPDATE" if lock else ""
    row = await connection.fetchrow(
        f"SELECT {BRIEF} FROM projects WHERE id = $1 AND deleted_at IS NULL {for_update}", project_id
    )
    return project_of_row(row) if row else None


async def counted(connection: Connection, project_id: UUID) -> Project | None:
    """One project, with what is in it counted."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM projects WHERE id = $1 AND deleted_at IS NULL", project_id)
    return project_of_row(row) if row else None


async def list_before(
    connection: Connection,
    status: str,
    name: str,
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Project]:
    """Newest first, those before a time and id."""
    values: list[Any] = [status, name, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM projects
        WHERE deleted_at IS NULL
          AND ($1 = '' OR status = $1)
          AND ($2 = '' OR name = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        *values,
    )
    return [project_of_row(row) for row in rows]


async def update(connection: Connection, project_id: UUID, values: Mapping[str, Any], by: str) -> None:
    """Changes fields by their names."""
    assignments = "".join(f"{name} = ${number}, " for number, name in enumerate(values, start=4))
    await connection.execute(
        f"""
        WITH written AS (
            UPDATE projects
            SET {assignments}
                version = version + 1,
                updated_at = clock_timestamp()
            WHERE id = $1
            RETURNING id
        )
        INSERT INTO project_log (project_id, kind, principal, payload)
        SELECT id, 'updated', $2, json_build_object('fields', $3::text[])
        FROM written
        """,
        project_id,
        by,
        sorted(values),
        *values.values(),
    )


async def delete(connection: Connection, project_id: UUID, by: str) -> Deleted:
    """Deletes it with all that is in it; the caller holds its lock alone."""
    row = await connection.fetchrow(
        f"""
        WITH {deleted_tasks("project_id = $1")}, of_epics AS (
            UPDATE epics SET deleted_at = clock_timestamp() WHERE project_id = $1 AND deleted_at IS NULL RETURNING 1
        ), of_projects AS (
            UPDATE projects SET deleted_at = clock_timestamp() WHERE id = $1 AND deleted_at IS NULL RETURNING id
        ), logged AS (
            INSERT INTO project_log (project_id, kind, principal, payload)
            SELECT id,
                   'deleted',
                   $2,
                   json_build_object(
                       'epics', (SELECT count(*) FROM of_epics), 'tasks', (SELECT count(*) FROM of_tasks)
                   )
            FROM of_projects
        )
        SELECT (SELECT count(*) FROM of_projects) AS projects,
               (SELECT count(*) FROM of_epics) AS epics,
               (SELECT count(*) FROM of_tasks) AS tasks,
               {ENDED_LEASES}
        """,
        project_id,
        by,
    )
    assert row is not None
    return Deleted(**row)


def project_of_row(row: Record | Mapping[str, Any]) -> Project:
    """As a row of these columns has it."""
    return Project(**{**row, "id": str(row["id"])})
