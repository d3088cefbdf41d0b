"""SQL of limits, but for what was used of them, which stands in buckets (servicekit/call_buckets.py)."""

from typing import Any, cast
from uuid import UUID

import orjson

from servicekit.call_buckets import Window
from servicekit.identity.scopes import Scope
from servicekit.postgres import Connection, Record
from services.tools.limits.models import InvocationQuota, InvocationRate, ToolLimit

COLUMNS = "name, id, definition, etag, created_by, created_at, updated_by, updated_at"


async def get(connection: Connection, name: str) -> ToolLimit | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM tool_limits WHERE name = $1", name)
    return _limit(row) if row else None


async def get_for_update(connection: Connection, name: str) -> ToolLimit | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM tool_limits WHERE name = $1 FOR UPDATE", name)
    return _limit(row) if row else None


async def list_after(connection: Connection, after_name: str, limit: int) -> list[ToolLimit]:
    """Limits in order of their names (by code point), after a name."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM tool_limits
        WHERE name COLLATE "C" > $1
        ORDER BY name COLLATE "C"
        LIMIT $2
        """,
        after_name,
        limit,
    )
    return [_limit(row) for row in rows]


async def count(connection: Connection) -> int:
    """How many there are; who inserts after that waits for others who do."""
    await connection.execute("LOCK TABLE tool_limits IN SHARE ROW EXCLUSIVE MODE")
    return int(await connection.fetchval("SELECT count(*) FROM tool_limits"))


async def insert(connection: Connection, limit: ToolLimit) -> ToolLimit | None:
    """Inserts; None where the name is taken."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO tool_limits (name, id, definition, etag, created_by, updated_by)
        VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (name) DO NOTHING
        RETURNING {COLUMNS}
        """,
        limit.name,
        limit.id,
        _definition(limit),
        limit.etag,
        limit.updated_by,
    )
    return _limit(row) if row else None


async def replace(connection: Connection, limit: ToolLimit) -> ToolLimit:
    """Replaces what is said of one that there is."""
    row = await connection.fetchrow(
        f"""
        UPDATE tool_limits
        SET definition = $2,
            etag = $3,
            updated_by = $4,
            updated_at = now()
        WHERE name = $1
        RETURNING {COLUMNS}
        """,
        limit.name,
        _definition(limit),
        limit.etag,
        limit.updated_by,
    )
    assert row is not None
    return _limit(row)


async def delete(connection: Connection, limit_id: UUID) -> None:
    """Deletes it, and what was used of it."""
    await connection.execute("DELETE FROM tool_limits WHERE id = $1", limit_id)
    await connection.execute("DELETE FROM call_buckets WHERE starts_with(key, $1)", f"{limit_id} ")


async def announce(connection: Connection) -> None:
    """Tells all replicas, after the commit, that limits changed."""
    await connection.execute("NOTIFY tool_limits_changed")


async def last_change(connection: Connection) -> Any:
    """Changes whenever one of the limits does."""
    return tuple(await connection.fetchrow("SELECT max(updated_at), count(*) FROM tool_limits") or ())


def _definition(limit: ToolLimit) -> str:
    allowed = limit.allowed
    kind = "quota" if isinstance(allowed, InvocationQuota) else "rate"
    return orjson.dumps(
        {
            "tools": limit.scope.names,
            "tags": limit.scope.tags,
            "labels": dict(limit.scope.labels),
            "principals": limit.principals,
            "roles": limit.roles,
            "per_tool": limit.per_tool,
            "per_principal": limit.per_principal,
            kind: allowed,
            "reason": limit.reason,
        }
    ).decode()


def _limit(row: Record) -> ToolLimit:
    said = orjson.loads(row["definition"])
    quota = said.get("quota")
    return ToolLimit(
        name=row["name"],
        scope=Scope.made(said["tools"], said["tags"], said["labels"]),
        allowed=InvocationQuota(quota["invocations"], cast("Window", quota["window"]))
        if quota
        else InvocationRate(**said["rate"]),
        principals=tuple(said["principals"]),
        roles=tuple(said["roles"]),
        per_tool=said["per_tool"],
        per_principal=said["per_principal"],
        reason=said["reason"],
        etag=row["etag"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_by=row["updated_by"],
        updated_at=row["updated_at"],
        id=row["id"],
    )
