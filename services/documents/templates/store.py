"""SQL of stored templates."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.documents.templates.models import NewTemplate, Template, TemplateFilter

AUDIENCE = AudienceColumns(owners=("created_by",), groups=("shared_with",))
COLUMNS = "id, name, version, sha256, size_bytes, shared_with, created_by, created_at"
# As many owners of one name are looked at, at most.
MAX_OWNERS = 100


async def lock_owner(connection: Connection, principal: str) -> None:
    """Lets one upload of a principal after the other into the rest of its transaction, so that what is there counts."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('templates ' || $1, 0))", principal)


async def owned(connection: Connection, principal: str) -> tuple[int, int]:
    """How many versions a principal has stored, and how many bytes."""
    row = await connection.fetchrow(
        "SELECT count(*) AS number, coalesce(sum(size_bytes), 0) AS bytes FROM templates WHERE created_by = $1",
        principal,
    )
    assert row is not None
    return int(row["number"]), int(row["bytes"])


async def share(connection: Connection, new: NewTemplate) -> Template | None:
    """The version that has these bytes under this name already, shared as is said now; None where none has."""
    row = await connection.fetchrow(
        f"""
        UPDATE templates
        SET shared_with = $4
        WHERE created_by = $1 AND name = $2 AND sha256 = $3
        RETURNING {COLUMNS}
        """,
        new.created_by,
        new.name,
        new.sha256,
        list(new.shared_with),
    )
    return template_of(row) if row else None


async def insert(connection: Connection, new: NewTemplate, pieces: Sequence[bytes]) -> Template:
    """Stores another version of a name, or its first one."""
    row = await connection.fetchrow(
        f"""
        WITH numbered AS (
            INSERT INTO template_names (created_by, name, last_version)
            VALUES ($1, $2, 1)
            ON CONFLICT (created_by, name) DO UPDATE SET last_version = template_names.last_version + 1
            RETURNING last_version
        )
        INSERT INTO templates (name, version, sha256, size_bytes, shared_with, created_by)
        SELECT $2, last_version, $3, $4, $5, $1
        FROM numbered
        RETURNING {COLUMNS}
        """,
        new.created_by,
        new.name,
        new.sha256,
        len(new.content),
        list(new.shared_with),
    )
    assert row is not None
    await connection.executemany(
        "INSERT INTO template_contents (template_id, number, content) VALUES ($1, $2, $3)",
        [(row["id"], number, piece) for number, piece in enumerate(pieces)],
    )
    return template_of(row)


async def get(connection: Connection, template_id: UUID) -> Template | None:
    """One version."""
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM templates WHERE id = $1", template_id)
    return template_of(row) if row else None


async def named(connection: Connection, name: str, version: int | None, viewer: Viewer) -> list[Template]:
    """Of each owner whose templates the viewer sees: this version of a name, or its newest one."""
    values: list[Any] = [name, version, MAX_OWNERS]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT DISTINCT ON (created_by) {COLUMNS}
        FROM templates
        WHERE name = $1
          AND ($2::integer IS NULL OR version = $2)
          AND {shown}
        ORDER BY created_by, version DESC
        LIMIT $3
        """,
        *values,
    )
    return [template_of(row) for row in rows]


async def list_before(
    connection: Connection, wanted: TemplateFilter, viewer: Viewer, before: tuple[datetime, UUID] | None, limit: int
) -> list[Template]:
    """Newest first, those before a time and id."""
    values: list[Any] = [wanted.name, wanted.sha256, *(before or (None, None)), limit]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM templates
        WHERE ($1 = '' OR name = $1)
          AND ($2 = '' OR sha256 = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $5
        """,
        *values,
    )
    return [template_of(row) for row in rows]


async def piece(connection: Connection, template_id: UUID, number: int) -> bytes | None:
    """One piece of a version; None after the last."""
    found: bytes | None = await connection.fetchval(
        "SELECT content FROM template_contents WHERE template_id = $1 AND number = $2", template_id, number
    )
    return found


async def delete(connection: Connection, template_id: UUID) -> None:
    """Deletes a version; its number is not given again."""
    await connection.execute("DELETE FROM templates WHERE id = $1", template_id)


def template_of(row: Record) -> Template:
    """A version of a row with these columns."""
    return Template(**{**row, "id": str(row["id"])})
