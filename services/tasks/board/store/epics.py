"""SQL of epics."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Record
from services.tasks.board.store.deleting import ENDED_LEASES, deleted_tasks
from services.tasks.board.store.projects import AUDIENCE
from services.tasks.models import Deleted, Epic

COLUMNS = """
    epics.id, epics.project_id, epics.name, epics.description, epics.status, epics.priority, epics.created_by,
    epics.version, epics.created_at, epics.updated_at,
    (SELECT count(*) FROM tasks WHERE tasks.epic_id = epics.id AND tasks.deleted_at IS NULL) AS tasks,
    (
        SELECT count(*)
        FROM tasks
        WHERE tasks.epic_id = epics.id AND tasks.deleted_at IS NULL AND tasks.status = 'completed'
    ) AS completed
"""


async def find_or_insert(connection: Connection, project_id: UUID, name: str, created_by: str) -> UUID:
    """The project's epic of a name, made where there is none."""
    await connection.execute(
        """
        WITH made AS (
            INSERT INTO epics (project_id, name, created_by)
            VALUES ($1, $2, $3)
            ON CONFLICT (project_id, name) WHERE deleted_at IS NULL DO NOTHING
            RETURNING id
        )
        INSERT INTO project_log (project_id, epic_id, kind, principal)
        SELECT $1, id, 'created', $3
        FROM made
        """,
        project_id,
        name,
        created_by,
    )
    found: UUID = await connection.fetchval(
        "SELECT id FROM epics WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL", project_id, name
    )
    return found


async def project_of(connection: Connection, epic_id: UUID) -> UUID | None:
    """The project that an epic is part of, for good; None where there is no such epic."""
    found: UUID | None = await connection.fetchval(
        "SELECT project_id FROM epics WHERE id = $1 AND deleted_at IS NULL", epic_id
    )
    return found


async def get(connection: Connection, epic_id: UUID, *, lock: bool = False) -> Epic | None:
    """One epic; locked, nobody changes it before the transaction ends."""
    for_update = "FOR UPDATE" if lock else ""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM epics WHERE id = $1 AND deleted_at IS NULL {for_update}", epic_id
    )
    return _epic(row) if row else None


async def get_many(connection: Connection, epic_ids: Sequence[UUID]) -> list[Epic]:
    """Epics as they stand, in the order of their ids."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM epics
        WHERE id = ANY($1::uuid[])
          AND deleted_at IS NULL
        ORDER BY array_position($1, id)
        """,
        epic_ids,
    )
    return [_epic(row) for row in rows]


async def list_before(
    connection: Connection,
    project_id: UUID | None,
    status: str,
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Epic]:
    """Newest first, those before a time and id."""
    values: list[Any] = [project_id, status, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM epics
        JOIN projects ON projects.id = epics.project_id
        WHERE epics.deleted_at IS NULL
          AND ($1::uuid IS NULL OR epics.project_id = $1)
          AND ($2 = '' OR epics.status = $2)
          AND ($3::timestamptz IS NULL OR (epics.created_at, epics.id) < ($3, $4::uuid))
          AND {shown}
        ORDER BY epics.created_at DESC, epics.id DESC
        LIMIT $5
        """,
        *values,
    )
    return [_epic(row) for row in rows]


async def update(connection: Connection, epic_id: UUID, values: Mapping[str, Any], by: str) -> None:
    """Changes fields by their names."""
    assignments = "".join(f"{name} = ${number}, " for number, name in enumerate(values, start=4))
    await connection.execute(
        f"""
        WITH written AS (
            UPDATE epics
            SET {assignments}
                version = version + 1,
                updated_at = clock_timestamp()
            WHERE id = $1
            RETURNING project_id
        )
        INSERT INTO project_log (project_id, epic_id, kind, principal, payload)
        SELECT project_id, $1, 'updated', $2, json_build_object('fields', $3::text[])
        FROM written
        """,
        epic_id,
        by,
        sorted(values),
        *values.values(),
    )


async def delete(connection: Connection, epic_id: UUID, by: str) -> Deleted:
    """Deletes it with its tasks; the caller holds the project's lock alone."""
    row = await connection.fetchrow(
        f"""
        WITH {deleted_tasks("epic_id = $1")}, of_epics AS (
            UPDATE epics
            SET deleted_at = clock_timestamp()
            WHERE id = $1 AND deleted_at IS NULL
            RETURNING id, project_id
        ), logged AS (
            INSERT INTO project_log (project_id, epic_id, kind, principal, payload)
            SELECT project_id, id, 'deleted', $2, json_build_object('tasks', (SELECT count(*) FROM of_tasks))
            FROM of_epics
        )
        SELECT (SELECT count(*) FROM of_epics) AS epics,
               (SELECT count(*) FROM of_tasks) AS tasks,
               {ENDED_LEASES}
        """,
        epic_id,
        by,
    )
    assert row is not None
    return Deleted(**row)


def _epic(row: Record) -> Epic:
    return Epic(**{**row, "id": str(row["id"]), "project_id": str(row["project_id"])})
