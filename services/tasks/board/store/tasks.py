"""SQL of tasks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Record
from services.tasks.board.store.projects import AUDIENCE
from services.tasks.models import Task

# What a task waits for; a task that was deleted holds nobody up.
WAITED_FOR = """
    FROM task_dependencies
    JOIN tasks AS earlier ON earlier.id = task_dependencies.depends_on
    WHERE task_dependencies.task_id = tasks.id
      AND earlier.deleted_at IS NULL
"""
OPEN = f"{WAITED_FOR} AND earlier.status <> 'completed'"
COLUMNS = f"""
    tasks.id, tasks.project_id, tasks.epic_id, tasks.name, tasks.description, tasks.status, tasks.priority, ra_mode,
    ra_score, ra_tags, ra_metadata, tags, metadata, prompt_snapshot, parallel_group, parallel_eligible,
    client_session_id, log_sequence, tasks.created_by, tasks.version, tasks.created_at, tasks.updated_at, completed_at,
    fencing_token, lease_holder, lease_agent, lease_acquired_at, lease_expires_at, attempts, failed_attempts,
    max_attempts, resources, required_evidence, evidence,
    coalesce(lease_expires_at > clock_timestamp(), false) AS leased,
    ARRAY(SELECT earlier.id::text {WAITED_FOR} ORDER BY earlier.id) AS dependencies,
    ARRAY(SELECT earlier.id::text {OPEN} ORDER BY earlier.id) AS open_dependencies
"""
# Of what waits for nothing.
READY_COLUMNS = COLUMNS.replace(f"ARRAY(SELECT earlier.id::text {OPEN} ORDER BY earlier.id)", "'{}'::text[]")
# A list has what is short.
BRIEF = COLUMNS.replace("prompt_snapshot", "'' AS prompt_snapshot")
# One that has expired stays so; one that was given for longer is not cut short.
RENEWED = """
    CASE
        WHEN lease_expires_at > clock_timestamp()
        THEN greatest(lease_expires_at, clock_timestamp() + make_interval(secs => lease_seconds))
        ELSE lease_expires_at
    END
"""
IDS = ("id", "project_id", "epic_id")
DOCUMENTS = ("metadata", "ra_metadata", "evidence")


async def get_many(connection: Connection, task_ids: Sequence[UUID], *, brief: bool = False) -> list[Task]:
    """Tasks as they stand, in the order of their ids; brief: as lists have them."""
    rows = await connection.fetch(
        f"""
        SELECT {BRIEF if brief else COLUMNS}
        FROM tasks
        WHERE id = ANY($1::uuid[])
          AND deleted_at IS NULL
        ORDER BY array_position($1, id)
        """,
        task_ids,
    )
    return [task_of_row(row) for row in rows]


async def announce(connection: Connection, project_id: UUID) -> None:
    """Tells whoever waits for tasks of a project, after the commit, that there may be one."""
    await connection.execute("SELECT pg_notify('tasks_ready', $1::uuid::text)", project_id)


async def insert(
    connection: Connection, project_id: UUID, epic_id: UUID, name: str, status: str, created_by: str
) -> bool:
    """Makes one, unless the epic has one of that name; whether it did."""
    inserted = await connection.fetchval(
        """
        INSERT INTO tasks (project_id, epic_id, name, status, created_by)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (epic_id, name) WHERE deleted_at IS NULL DO NOTHING
        RETURNING true
        """,
        project_id,
        epic_id,
        name,
        status,
        created_by,
    )
    return bool(inserted)


async def find(connection: Connection, epic_id: UUID, name: str) -> UUID | None:
    """The epic's task of a name."""
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM tasks WHERE epic_id = $1 AND name = $2 AND deleted_at IS NULL", epic_id, name
    )
    return found


async def project_of(connection: Connection, task_id: UUID) -> UUID | None:
    """The project that a task is part of, for good; None where there is no such task."""
    found: UUID | None = await connection.fetchval(
        "SELECT project_id FROM tasks WHERE id = $1 AND deleted_at IS NULL", task_id
    )
    return found


async def projects_of(connection: Connection, task_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The project that each is part of, for good; of those that were deleted, too."""
    rows = await connection.fetch("SELECT id, project_id FROM tasks WHERE id = ANY($1::uuid[])", task_ids)
    return {row["id"]: row["project_id"] for row in rows}


async def get(connection: Connection, task_id: UUID, *, lock: bool = False) -> Task | None:
    """One task; locked, nobody changes it before the transaction ends."""
    if lock:
        # A statement of its own: what the next one reads of other rows is then not older than the lock.
        await connection.execute("SELECT FROM tasks WHERE id = $1 FOR UPDATE", task_id)
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM tasks WHERE id = $1 AND deleted_at IS NULL", task_id)
    return task_of_row(row) if row else None


async def list_before(
    connection: Connection,
    wanted: tuple[UUID | None, UUID | None, str, str, bool],
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
    *,
    unleased: bool = False,
) -> list[Task]:
    """Newest first, those before a time and id: of a project, of an epic, with a status, with a tag, only the ready.

    Unleased: only those that nobody is at.
    """
    values: list[Any] = [*wanted, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    free = "coalesce(lease_expires_at <= clock_timestamp(), true)" if unleased else "true"
    rows = await connection.fetch(
        f"""
        SELECT {BRIEF}
        FROM tasks
        JOIN projects ON projects.id = tasks.project_id
        WHERE tasks.deleted_at IS NULL
          AND ($1::uuid IS NULL OR tasks.project_id = $1)
          AND ($2::uuid IS NULL OR tasks.epic_id = $2)
          AND ($3 = '' OR tasks.status = $3)
          AND ($4 = '' OR $4 = ANY(tags))
          AND (NOT $5::boolean OR (tasks.status = 'pending' AND NOT EXISTS (SELECT {OPEN})))
          AND ($6::timestamptz IS NULL OR (tasks.created_at, tasks.id) < ($6, $7::uuid))
          AND {free}
          AND {shown}
        ORDER BY tasks.created_at DESC, tasks.id DESC
        LIMIT $8
        """,
        *values,
    )
    return [task_of_row(row) for row in rows]


async def update(
    connection: Connection, task_id: UUID, values: Mapping[str, Any], kind: str, by: str, payload: Mapping[str, Any]
) -> None:
    """Changes fields by their names, and says so in the log; the caller holds the row's lock.

    A lease that the task has lasts its whole time from now on: who holds none has been refused before.
    """
    written = [orjson.dumps(value).decode() if name in DOCUMENTS else value for name, value in values.items()]
    assignments = "".join(f"{name} = ${number}, " for number, name in enumerate(values, start=5))
    if "status" in values:
        completed_at = "clock_timestamp()" if values["status"] == "completed" else "NULL"
        assignments += f"completed_at = {completed_at}, "
    await connection.execute(
        f"""
        WITH written AS (
            UPDATE tasks
            SET {assignments}
                version = version + 1,
                log_sequence = log_sequence + 1,
                updated_at = clock_timestamp(),
                lease_expires_at = {RENEWED}
            WHERE id = $1
            RETURNING id, log_sequence
        )
        INSERT INTO task_log (task_id, sequence, kind, principal, payload)
        SELECT id, log_sequence, $2, $3, $4
        FROM written
        """,
        task_id,
        kind,
        by,
        orjson.dumps(payload).decode(),
        *written,
    )


async def delete(connection: Connection, task_id: UUID) -> None:
    """Deletes it; the caller holds the row's lock."""
    await connection.execute("UPDATE tasks SET deleted_at = clock_timestamp() WHERE id = $1", task_id)


def task_of_row(row: Record | Mapping[str, Any]) -> Task:
    """As a row of these columns has it."""
    values = dict(row)
    for name in IDS:
        values[name] = str(values[name])
    for name in DOCUMENTS:
        text = values[name]
        # Most have none, and to read that takes longer than to see it.
        values[name] = {} if text == "{}" else [] if text == "[]" else orjson.loads(text)
    return Task(**values)
