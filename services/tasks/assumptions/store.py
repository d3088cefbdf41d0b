"""SQL of what was found of assumptions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Record
from services.tasks.assumptions.models import Finding, Validation
from services.tasks.board.store.projects import AUDIENCE
from services.tasks.models import Task

COLUMNS = """
    validations.id, validations.project_id, epic_id, task_id, tag, tag_type, outcome, confidence, reason, validator,
    agent_id, validations.created_at, validated_at
"""
# Said again so soon, it is the first word that is taken back.
REPLACED_MINUTES = 10
DAYS = 30
# The parameters of the filters come first, in their order.
WANTED = """
    FROM assumption_validations AS validations
    JOIN projects ON projects.id = validations.project_id AND projects.deleted_at IS NULL
    WHERE NOT EXISTS (SELECT FROM tasks WHERE tasks.id = validations.task_id AND tasks.deleted_at IS NOT NULL)
      AND ($1::uuid IS NULL OR validations.project_id = $1)
      AND ($2::uuid IS NULL OR epic_id = $2)
      AND ($3::uuid IS NULL OR task_id = $3)
      AND ($4 = '' OR outcome = $4)
      AND ($5 = '' OR tag_type = $5)
"""


async def write(
    connection: Connection, task: Task, found: Finding, tag_type: str, confidence: int, validator: str
) -> Validation:
    """Says it, or says it anew; the caller holds the task's row, so nobody says it twice at once."""
    values = (UUID(task.id), found.tag, validator, found.agent_id, found.outcome, confidence, found.reason)
    row = await connection.fetchrow(
        f"""
        UPDATE assumption_validations AS validations
        SET outcome = $5,
            confidence = $6,
            reason = $7,
            validated_at = clock_timestamp()
        WHERE task_id = $1
          AND tag = $2
          AND validator = $3
          AND agent_id = $4
          AND validated_at > clock_timestamp() - make_interval(mins => {REPLACED_MINUTES})
        RETURNING {COLUMNS}
        """,
        *values,
    )
    if row is None:
        row = await connection.fetchrow(
            f"""
            INSERT INTO assumption_validations AS validations (
                task_id, tag, validator, agent_id, outcome, confidence, reason, tag_type, project_id, epic_id
            )
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            RETURNING {COLUMNS}
            """,
            *values,
            tag_type,
            UUID(task.project_id),
            UUID(task.epic_id),
        )
    assert row is not None
    return _validation(row)


async def list_before(
    connection: Connection,
    wanted: Sequence[object],
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Validation]:
    """Newest first, those before a time and id."""
    values: list[Any] = [*wanted, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        {WANTED}
          AND ($6::timestamptz IS NULL OR (validations.created_at, validations.id) < ($6, $7::uuid))
          AND {shown}
        ORDER BY validations.created_at DESC, validations.id DESC
        LIMIT $8
        """,
        *values,
    )
    return [_validation(row) for row in rows]


async def counts(connection: Connection, wanted: Sequence[object], viewer: Viewer) -> list[tuple[str, str, int]]:
    """How many there are of each type of tag and outcome."""
    values: list[Any] = [*wanted]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"SELECT tag_type, outcome, count(*) AS number {WANTED} AND {shown} GROUP BY 1, 2 ORDER BY 1, 2", *values
    )
    return [(row["tag_type"], row["outcome"], row["number"]) for row in rows]


async def place_of(connection: Connection, validation_id: UUID, viewer: Viewer) -> tuple[datetime, UUID] | None:
    """Where one stands among all, newest first; None where the viewer sees none of this id."""
    values: list[Any] = [None, None, None, "", "", validation_id]
    shown = AUDIENCE.condition(viewer, values)
    row = await connection.fetchrow(
        f"SELECT validations.created_at, validations.id {WANTED} AND validations.id = $6 AND {shown}", *values
    )
    return (row["created_at"], row["id"]) if row else None


async def days(connection: Connection, wanted: Sequence[object], viewer: Viewer) -> list[tuple[str, int, int]]:
    """The last days with any, oldest first: how many, and how many that have held."""
    values: list[Any] = [*wanted]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT to_char(validated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
               count(*) AS total,
               count(*) FILTER (WHERE outcome = 'validated') AS validated
        {WANTED}
          AND {shown}
        GROUP BY 1
        ORDER BY 1 DESC
        LIMIT {DAYS}
        """,
        *values,
    )
    return [(row["day"], row["total"], row["validated"]) for row in reversed(rows)]


def _validation(row: Record) -> Validation:
    return Validation(**{**row, **{name: str(row[name]) for name in ("id", "project_id", "epic_id", "task_id")}})
