"""SQL of the contacts."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.hitl.delivery.models import Contact, ContactDefinition, QuietHours

COLUMNS = """
    id, kind, address, person, groups, quiet_begin, quiet_end, time_zone, digest_from, description, paused, etag,
    created_at, updated_at
"""
# Where people can be reached is the administrators', and nobody else's.
AUDIENCE = AudienceColumns()


async def insert(
    connection: Connection, contact_id: UUID, wanted: ContactDefinition, etag: str, most: int
) -> Contact | None:
    """Inserts; None where there are `most` already, whoever else inserts at the same time."""
    await connection.execute("LOCK TABLE contacts IN SHARE ROW EXCLUSIVE MODE")
    row = await connection.fetchrow(
        f"""
        INSERT INTO contacts (
            id, kind, address, person, groups, quiet_begin, quiet_end, time_zone, digest_from, description, paused, etag
        )
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
        WHERE (SELECT count(*) FROM contacts) < $13
        RETURNING {COLUMNS}
        """,
        contact_id,
        *_values(wanted),
        etag,
        most,
    )
    return _contact(row) if row else None


async def get(connection: Connection, contact_id: UUID, viewer: Viewer) -> Contact | None:
    values: list[Any] = [contact_id]
    shown = AUDIENCE.condition(viewer, values)
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM contacts WHERE id = $1 AND {shown}", *values)
    return _contact(row) if row else None


async def list_before(
    connection: Connection, person: str, viewer: Viewer, before: tuple[datetime, UUID] | None, limit: int
) -> list[Contact]:
    """Newest first, those before a time and id; of one person or ("") of all."""
    values: list[Any] = [*(before or (None, None)), limit, person]
    shown = AUDIENCE.condition(viewer, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM contacts
        WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
          AND ($4 = '' OR person = $4)
          AND {shown}
        ORDER BY created_at DESC, id DESC
        LIMIT $3
        """,
        *values,
    )
    return [_contact(row) for row in rows]


async def replace(
    connection: Connection, contact_id: UUID, wanted: ContactDefinition, old_etag: str, etag: str
) -> Contact | None:
    """Replaces the definition; None where there is none with this id and etag ("" is any)."""
    row = await connection.fetchrow(
        f"""
        UPDATE contacts
        SET kind = $2,
            address = $3,
            person = $4,
            groups = $5,
            quiet_begin = $6,
            quiet_end = $7,
            time_zone = $8,
            digest_from = $9,
            description = $10,
            paused = $11,
            etag = $12,
            updated_at = now()
        WHERE id = $1
          AND ($13 = '' OR etag = $13)
        RETURNING {COLUMNS}
        """,
        contact_id,
        *_values(wanted),
        etag,
        old_etag,
    )
    return _contact(row) if row else None


async def pause(connection: Connection, contact_id: UUID, etag: str) -> bool:
    """Tells it nothing any more; whether there is such a contact."""
    return bool(
        await connection.fetchval(
            """
            UPDATE contacts
            SET etag = CASE WHEN paused THEN etag ELSE $2 END,
                updated_at = CASE WHEN paused THEN updated_at ELSE now() END,
                paused = true
            WHERE id = $1
            RETURNING true
            """,
            contact_id,
            etag,
        )
    )


async def delete(connection: Connection, contact_id: UUID) -> bool:
    """Deletes it, and with it the deliveries and the links to it; whether there was one."""
    return bool(await connection.fetchval("DELETE FROM contacts WHERE id = $1 RETURNING true", contact_id))


async def knows_time_zone(connection: Connection, name: str) -> bool:
    """Whether the database, by whose clock quiet hours go, has a zone of this name."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)", name)
    return found


def _values(wanted: ContactDefinition) -> list[Any]:
    quiet = wanted.quiet_hours
    return [
        wanted.kind,
        wanted.address,
        wanted.person,
        list(wanted.groups),
        time.fromisoformat(quiet.begin) if quiet else None,
        time.fromisoformat(quiet.end) if quiet else None,
        quiet.time_zone if quiet else "UTC",
        wanted.digest_from,
        wanted.description,
        wanted.paused,
    ]


def _contact(row: Record) -> Contact:
    quiet = None
    if row["quiet_begin"] is not None:
        quiet = QuietHours(f"{row['quiet_begin']:%H:%M}", f"{row['quiet_end']:%H:%M}", row["time_zone"])
    definition = ContactDefinition(
        row["kind"],
        row["address"],
        row["person"],
        tuple(row["groups"]),
        quiet,
        row["digest_from"],
        row["description"],
        row["paused"],
    )
    return Contact(row["id"], definition, row["etag"], row["created_at"], row["updated_at"])
