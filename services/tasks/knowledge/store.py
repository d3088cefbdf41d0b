"""SQL of the knowledge base."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Record
from services.tasks.board.store.projects import AUDIENCE
from services.tasks.knowledge.models import KnowledgeItem, KnowledgeLogEntry, KnowledgeRemark

# What a version is made of.
FIELDS = ("parent_id", "title", "content", "category", "tags", "priority", "is_active", "metadata")
COLUMNS = """
    knowledge_items.id, knowledge_items.owner, knowledge_items.project_id, knowledge_items.epic_id, task_id, parent_id,
    title, content, category, tags, priority, is_active, metadata, created_by, knowledge_items.version,
    knowledge_items.created_at, knowledge_items.updated_at
"""
# What is about something that was deleted is gone with it.
THERE = """
    knowledge_items.deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM projects WHERE id = knowledge_items.project_id AND deleted_at IS NOT NULL)
    AND NOT EXISTS (SELECT FROM epics WHERE id = knowledge_items.epic_id AND deleted_at IS NOT NULL)
    AND NOT EXISTS (SELECT FROM tasks WHERE id = knowledge_items.task_id AND deleted_at IS NOT NULL)
"""
# The parameters of the filters come first, in their order.
WANTED = f"""
    FROM knowledge_items
    LEFT JOIN projects ON projects.id = knowledge_items.project_id
    WHERE {THERE}
      AND ($1::uuid IS NULL OR knowledge_items.project_id = $1)
      AND ($2::uuid IS NULL OR knowledge_items.epic_id = $2)
      AND ($3::uuid IS NULL OR knowledge_items.task_id = $3)
      AND CASE $4
              WHEN '' THEN true
              WHEN 'global' THEN project_id IS NULL
              WHEN 'project' THEN project_id IS NOT NULL AND epic_id IS NULL
              WHEN 'epic' THEN epic_id IS NOT NULL AND task_id IS NULL
              ELSE task_id IS NOT NULL
          END
      AND ($5 = '' OR category = $5)
      AND ($6 = '' OR $6 = ANY(tags))
      AND ($7::uuid IS NULL OR knowledge_items.id = $7)
      AND ($8::uuid IS NULL OR parent_id = $8)
      AND ($9 OR is_active)
      AND ($10 = '' OR words @@ websearch_to_tsquery('simple', $10))
"""
LOG_COLUMNS = "knowledge_id, sequence, action, reason, changed_fields, version, principal, created_by, metadata, at"


async def insert(connection: Connection, owner: str, created_by: str, about: Sequence[UUID | None]) -> UUID:
    """Makes an empty one about a project, an epic, a task, or none of these."""
    made: UUID = await connection.fetchval(
        """
        INSERT INTO knowledge_items (owner, created_by, project_id, epic_id, task_id)
        VALUES ($1, $2, $3, $4, $5)
        RETURNING id
        """,
        owner,
        created_by,
        *about,
    )
    return made


async def get(connection: Connection, knowledge_id: UUID, *, lock: bool = False) -> KnowledgeItem | None:
    """One item; locked, nobody changes it before the transaction ends."""
    for_update = "FOR UPDATE" if lock else ""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM knowledge_items WHERE id = $1 AND {THERE} {for_update}", knowledge_id
    )
    return _item(row) if row else None


async def version_of(
    connection: Connection, knowledge_id: UUID, version: int
) -> tuple[Mapping[str, Any], datetime] | None:
    """What was otherwise in an earlier version, and when that was made; None where there is none."""
    row = await connection.fetchrow(
        "SELECT document, at FROM knowledge_versions WHERE knowledge_id = $1 AND version = $2", knowledge_id, version
    )
    return (orjson.loads(row["document"]), row["at"]) if row else None


async def write(
    connection: Connection, knowledge_id: UUID, values: Mapping[str, Any], version: int, entry: Mapping[str, Any]
) -> None:
    """Changes fields by their names, keeps the version, and says so in the log; the caller holds the row's lock."""
    written = [orjson.dumps(value).decode() if name == "metadata" else value for name, value in values.items()]
    assignments = "".join(f"{name} = ${number}, " for number, name in enumerate(values, start=8))
    await connection.execute(
        f"""
        WITH written AS (
            UPDATE knowledge_items
            SET {assignments}
                version = $2,
                log_sequence = log_sequence + 1,
                updated_at = clock_timestamp()
            WHERE id = $1
            RETURNING *
        ), kept AS (
            INSERT INTO knowledge_versions (knowledge_id, version, document, at)
            SELECT id,
                   version,
                   json_build_object(
                       'parent_id', parent_id, 'title', title, 'content', content, 'category', category, 'tags', tags,
                       'priority', priority, 'is_active', is_active, 'metadata', metadata
                   ),
                   updated_at
            FROM written
        )
        INSERT INTO knowledge_log (
            knowledge_id, sequence, action, reason, changed_fields, version, principal, created_by
        )
        SELECT id, log_sequence, $3, $4, $5, version, $6, $7
        FROM written
        """,
        knowledge_id,
        version,
        entry["action"],
        entry["reason"],
        sorted(values),
        entry["principal"],
        entry["created_by"],
        *written,
    )


async def delete(connection: Connection, knowledge_id: UUID) -> None:
    """Deletes it; it stays, marked."""
    await connection.execute("UPDATE knowledge_items SET deleted_at = clock_timestamp() WHERE id = $1", knowledge_id)


async def list_before(
    connection: Connection,
    wanted: Sequence[object],
    viewer: Viewer,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[KnowledgeItem]:
    """Newest first, those before a time and id.

    Wanted are: of a project, of an epic, of a task, of a scope, of a category, with a tag, with an id, with a parent,
    inactive ones too, with words.
    """
    values: list[Any] = [*wanted, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        {WANTED}
          AND ($11::timestamptz IS NULL OR (knowledge_items.created_at, knowledge_items.id) < ($11, $12::uuid))
          AND (knowledge_items.project_id IS NULL OR {shown})
        ORDER BY knowledge_items.created_at DESC, knowledge_items.id DESC
        LIMIT $13
        """,
        *values,
    )
    return [_item(row) for row in rows]


async def count(connection: Connection, wanted: Sequence[object], viewer: Viewer) -> int:
    """How many there are; wanted as `list_before` has it."""
    values: list[Any] = [*wanted]
    shown = AUDIENCE.condition(viewer, values)
    found: int = await connection.fetchval(
        f"SELECT count(*) {WANTED} AND (knowledge_items.project_id IS NULL OR {shown})", *values
    )
    return found


async def most_important(
    connection: Connection, about: tuple[UUID | None, UUID | None], viewer: Viewer, limit: int
) -> list[KnowledgeItem]:
    """What holds of a project, or of an epic and its project, and what is global: the highest priority first."""
    values: list[Any] = [*about, limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM knowledge_items
        LEFT JOIN projects ON projects.id = knowledge_items.project_id
        WHERE {THERE}
          AND is_active
          AND (
              knowledge_items.project_id IS NULL
              OR knowledge_items.project_id = $1
              AND ($2::uuid IS NULL OR knowledge_items.epic_id IS NULL OR knowledge_items.epic_id = $2)
          )
          AND (knowledge_items.project_id IS NULL OR {shown})
        ORDER BY priority DESC, knowledge_items.updated_at DESC, knowledge_items.id DESC
        LIMIT $3
        """,
        *values,
    )
    return [_item(row) for row in rows]


async def append(connection: Connection, remark: KnowledgeRemark, by: str) -> KnowledgeLogEntry | None:
    """Adds what somebody says; it is no change of the item. None where there is no such item."""
    row = await connection.fetchrow(
        f"""
        WITH next AS (
            UPDATE knowledge_items
            SET log_sequence = log_sequence + 1
            WHERE id = $1
              AND deleted_at IS NULL
            RETURNING id, log_sequence, version
        )
        INSERT INTO knowledge_log (knowledge_id, sequence, action, reason, version, principal, created_by, metadata)
        SELECT id, log_sequence, $2, $3, version, $4, $5, $6
        FROM next
        RETURNING {LOG_COLUMNS}
        """,
        UUID(remark.knowledge_id),
        remark.action,
        remark.reason,
        by,
        remark.created_by,
        orjson.dumps(remark.metadata).decode(),
    )
    return _entry(row) if row else None


async def log_before(
    connection: Connection, knowledge_id: UUID, before: int | None, limit: int
) -> list[KnowledgeLogEntry]:
    """Newest first, those before a number."""
    rows = await connection.fetch(
        f"""
        SELECT {LOG_COLUMNS}
        FROM knowledge_log
        WHERE knowledge_id = $1
          AND ($2::integer IS NULL OR sequence < $2)
        ORDER BY sequence DESC
        LIMIT $3
        """,
        knowledge_id,
        before,
        limit,
    )
    return [_entry(row) for row in rows]


def _item(row: Record) -> KnowledgeItem:
    ids = {name: str(row[name] or "") for name in ("id", "project_id", "epic_id", "task_id", "parent_id")}
    return KnowledgeItem(**{**row, **ids, "metadata": orjson.loads(row["metadata"])})


def _entry(row: Record) -> KnowledgeLogEntry:
    return KnowledgeLogEntry(
        **{**row, "knowledge_id": str(row["knowledge_id"]), "metadata": orjson.loads(row["metadata"])}
    )
