"""SQL of the roles."""

from collections.abc import Sequence
from dataclasses import astuple

from servicekit.identity.limits import CallLimits
from servicekit.postgres import Connection, Record
from services.access.models import Role
from services.access.store.scopes import dumped, loaded

COLUMNS = """
    name, permissions, description, built_in, etag, max_quick, max_long, max_waits, max_streams, tool_scopes
"""


async def get_for_update(connection: Connection, name: str) -> Role | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM roles WHERE name = $1 FOR UPDATE", name)
    return _role(row) if row else None


async def named(connection: Connection, wanted: Sequence[str], *, keep: bool = False) -> list[Role]:
    """Those of these roles that exist, in order of their names.

    Args:
        connection: in a transaction, where they are to be kept.
        wanted: names.
        keep: nobody shall delete or change them before the transaction ends.
    """
    lock = "FOR SHARE" if keep else ""
    rows = await connection.fetch(f"SELECT {COLUMNS} FROM roles WHERE name = ANY($1) ORDER BY name {lock}", wanted)
    return [_role(row) for row in rows]


async def names(connection: Connection) -> set[str]:
    """The names of all roles."""
    return {row["name"] for row in await connection.fetch("SELECT name FROM roles")}


async def list_after(connection: Connection, after: str, limit: int) -> list[Role]:
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM roles
        WHERE name COLLATE "C" > $1
        ORDER BY name COLLATE "C"
        LIMIT $2
        """,
        after,
        limit,
    )
    return [_role(row) for row in rows]


async def insert(connection: Connection, role: Role) -> bool:
    """Inserts; False where the name is taken."""
    inserted = await connection.fetchval(
        """
        INSERT INTO roles (
            name, permissions, description, built_in, etag, max_quick, max_long, max_waits, max_streams, tool_scopes
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT DO NOTHING
        RETURNING true
        """,
        role.name,
        list(role.permissions),
        role.description,
        role.built_in,
        role.etag,
        *astuple(role.limits),
        dumped(role.tool_scopes),
    )
    return bool(inserted)


async def replace(connection: Connection, role: Role) -> None:
    await connection.execute(
        """
        UPDATE roles
        SET permissions = $2,
            description = $3,
            built_in = $4,
            etag = $5,
            max_quick = $6,
            max_long = $7,
            max_waits = $8,
            max_streams = $9,
            tool_scopes = $10
        WHERE name = $1
        """,
        role.name,
        list(role.permissions),
        role.description,
        role.built_in,
        role.etag,
        *astuple(role.limits),
        dumped(role.tool_scopes),
    )


async def delete(connection: Connection, name: str) -> None:
    await connection.execute("DELETE FROM roles WHERE name = $1", name)


async def in_use(connection: Connection, name: str) -> bool:
    """Whether a key that is not revoked has the role."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM keys WHERE roles @> ARRAY[$1] AND revoked_at IS NULL)", name
        )
    )


def _role(row: Record) -> Role:
    limits = CallLimits(row["max_quick"], row["max_long"], row["max_waits"], row["max_streams"])
    return Role(
        row["name"],
        tuple(row["permissions"]),
        row["description"],
        row["built_in"],
        row["etag"],
        limits,
        loaded(row["tool_scopes"]),
    )
