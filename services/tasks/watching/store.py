"""SQL of the events of boards, and of boards as they stand, piece by piece."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import orjson

from servicekit.identity.visibility import Audience
from servicekit.pagination import fitting_into
from servicekit.postgres import Connection
from services.tasks.board.store import epics, projects, tasks
from services.tasks.models import BoardEvent, Epic, Head, Task

# Of what is read at a time.
MAX_PAGE_BYTES = 2 * 1024 * 1024
# What the texts of a task take, about.
SIZE = """
    500 + coalesce(octet_length(description) + octet_length(metadata::text) + octet_length(ra_metadata::text), 0)
"""


async def heads(connection: Connection, project_ids: Iterable[UUID]) -> dict[UUID, Head]:
    """How far boards have come, and who sees them; those that were deleted too."""
    rows = await connection.fetch(
        """
        SELECT id,
               (SELECT max(sequence) FROM board_events WHERE board_events.project_id = projects.id) AS sequence,
               owner,
               members,
               groups,
               deleted_at IS NOT NULL AS deleted
        FROM projects
        WHERE id = ANY($1::uuid[])
        """,
        list(project_ids),
    )
    return {
        row["id"]: Head(
            row["sequence"] or 0, Audience((row["owner"], *row["members"]), row["groups"]), deleted=row["deleted"]
        )
        for row in rows
    }


async def events_after(connection: Connection, project_id: UUID, sequence: int, limit: int) -> list[BoardEvent]:
    """The events after a number, in order, with what they happened to as it stands; fewer where they are large."""
    rows = await connection.fetch(
        f"""
        SELECT board_events.sequence,
               board_events.kind,
               board_events.principal,
               board_events.at,
               board_events.epic_id,
               board_events.task_id,
               board_events.log_sequence,
               CASE WHEN task_log.said THEN task_log.kind ELSE '' END AS log_kind,
               coalesce(task_log.payload, project_log.payload, '{{}}') AS detail,
               coalesce(octet_length(task_log.payload::text), 0) + {SIZE} AS size
        FROM board_events
        LEFT JOIN tasks ON tasks.id = board_events.task_id
        LEFT JOIN task_log
            ON task_log.task_id = board_events.task_id
            AND task_log.sequence = board_events.log_sequence
        LEFT JOIN project_log
            ON board_events.task_id IS NULL
            AND project_log.id = board_events.log_sequence
        WHERE board_events.project_id = $1
          AND board_events.sequence > $2
        ORDER BY board_events.sequence
        LIMIT $3
        """,
        project_id,
        sequence,
        limit,
    )
    rows = rows[: fitting_into(MAX_PAGE_BYTES, [row["size"] for row in rows])]
    of_tasks = {row["task_id"] for row in rows if row["task_id"]}
    of_epics = {row["epic_id"] for row in rows if row["kind"].startswith("epic.")}
    of_project = any(row["kind"].startswith("project.") for row in rows)
    tasks_now = {task.id: task for task in await tasks.get_many(connection, list(of_tasks), brief=True)}
    epics_now = {epic.id: epic for epic in await epics.get_many(connection, list(of_epics))} if of_epics else {}
    project_now = await projects.counted(connection, project_id) if of_project else None
    return [
        BoardEvent(
            sequence=row["sequence"],
            kind=row["kind"],
            principal=row["principal"],
            at=row["at"],
            project_id=str(project_id),
            epic_id=_text(row["epic_id"]),
            task_id=_text(row["task_id"]),
            log_sequence=row["log_sequence"] or 0 if row["task_id"] else 0,
            log_kind=row["log_kind"],
            detail=orjson.loads(row["detail"]),
            size=row["size"],
            project=project_now if row["kind"].startswith("project.") else None,
            epic=epics_now.get(_text(row["epic_id"])) if row["kind"].startswith("epic.") else None,
            task=tasks_now.get(_text(row["task_id"])),
        )
        for row in rows
    ]


async def forget(connection: Connection, days: int) -> None:
    """Deletes events that are older, some thousand at a time; not the last of a board: the next is numbered by it."""
    while (
        await connection.execute(
            """
            DELETE FROM board_events
            WHERE ctid = ANY(
                ARRAY(
                    SELECT ctid
                    FROM board_events
                    WHERE at < now() - make_interval(days => $1)
                      AND EXISTS (
                          SELECT
                          FROM board_events AS later
                          WHERE later.project_id = board_events.project_id
                            AND later.sequence > board_events.sequence
                      )
                    LIMIT 10000
                )
            )
            """,
            days,
        )
        != "DELETE 0"
    ):
        pass


async def epics_after(
    connection: Connection, project_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Epic], bool]:
    """The epics of a board, oldest first, those after a time and id; and whether there are more."""
    found, more = await _after(connection, "epics", "500 + octet_length(description)", project_id, after, limit)
    return await epics.get_many(connection, found), more


async def tasks_after(
    connection: Connection, project_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Task], bool]:
    """The same of its tasks."""
    found, more = await _after(connection, "tasks", SIZE, project_id, after, limit)
    return await tasks.get_many(connection, found, brief=True), more


async def _after(
    connection: Connection, table: str, size: str, project_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[UUID], bool]:
    rows = await connection.fetch(
        f"""
        SELECT id, {size} AS size
        FROM {table}
        WHERE project_id = $1
          AND deleted_at IS NULL
          AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3::uuid))
        ORDER BY created_at, id
        LIMIT $4
        """,
        project_id,
        *(after or (None, None)),
        limit + 1,
    )
    fitting = min(limit, fitting_into(MAX_PAGE_BYTES, [row["size"] for row in rows]))
    return [row["id"] for row in rows[:fitting]], len(rows) > fitting


def _text(found: UUID | None) -> str:
    return str(found) if found else ""
