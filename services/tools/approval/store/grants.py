"""SQL of grants: made, listed, used, revoked."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from servicekit.identity.scopes import Scope, ScopeColumns
from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.tools.approval.models import GrantFilter, ToolGrant

COLUMNS = """
    id, principal, tools, arguments, uses, used, expires_at, any_version, tool_etags, reason,
    created_by, created_at, revoked_by, revoked_at, invocation_id
"""
# Neither revoked, expired nor used up.
USABLE = "(revoked_at IS NULL AND expires_at > now() AND (uses IS NULL OR used < uses))"
AUDIENCE = AudienceColumns(owners=("principal", "created_by"))
TOOLS = ScopeColumns("name", "tags", "labels")
# Any number will do, as long as every process uses the same.
GRANTS_LOCK = 0x6772616E


async def etags_of(connection: Connection, tools: Scope, limit: int) -> Mapping[str, str]:
    """The first tools of a scope, in order of their names, with their etags."""
    values: list[Any] = [limit]
    rows = await connection.fetch(
        f"""
        SELECT name, etag
        FROM tools
        WHERE {TOOLS.condition(tools, values)}
        ORDER BY name COLLATE "C"
        LIMIT $1
        """,
        *values,
    )
    return {row["name"]: row["etag"] for row in rows}


async def count_usable(connection: Connection, principal: str) -> int:
    """How many a principal can use; who makes one for it after that waits for others who do."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", GRANTS_LOCK, principal)
    return int(await connection.fetchval(f"SELECT count(*) FROM grants WHERE principal = $1 AND {USABLE}", principal))


async def insert(connection: Connection, grant: ToolGrant) -> ToolGrant:
    row = await connection.fetchrow(
        f"""
        INSERT INTO grants (
            id, principal, tools, arguments, uses, expires_at, any_version, tool_etags, reason, created_by,
            invocation_id
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        RETURNING {COLUMNS}
        """,
        grant.id,
        grant.principal,
        list(grant.tools),
        None if grant.arguments is None else orjson.dumps(grant.arguments).decode(),
        grant.uses,
        grant.expires_at,
        grant.any_version,
        orjson.dumps(dict(grant.tool_etags)).decode(),
        grant.reason,
        grant.created_by,
        grant.invocation_id,
    )
    assert row is not None
    return _grant(row)


async def forget(connection: Connection, grant_id: UUID) -> None:
    """Takes one back that this transaction made."""
    await connection.execute("DELETE FROM grants WHERE id = $1", grant_id)


async def get(connection: Connection, grant_id: UUID) -> ToolGrant | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM grants WHERE id = $1", grant_id)
    return _grant(row) if row else None


async def list_before(
    connection: Connection, wanted: GrantFilter, viewer: Viewer, before: UUID | None, limit: int
) -> list[ToolGrant]:
    """Newest first, those before an id, of those that the viewer sees."""
    values: list[Any] = [limit]
    conditions = [AUDIENCE.condition(viewer, values)]
    for condition, value in (("principal =", wanted.principal), ("id <", before)):
        if value:
            values.append(value)
            conditions.append(f"{condition} ${len(values)}")
    if wanted.usable:
        conditions.append(USABLE)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM grants
        WHERE {" AND ".join(conditions)}
        ORDER BY id DESC
        LIMIT $1
        """,
        *values,
    )
    return [_grant(row) for row in rows]


async def list_usable(connection: Connection, principal: str, tool_name: str, tool_etag: str) -> Sequence[ToolGrant]:
    """Those of a principal that are good for a tool as it is now, or for any version; first what expires first."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM grants
        WHERE principal = $1
          AND {USABLE}
          AND (any_version OR tool_etags ->> $2 = $3)
        ORDER BY expires_at, id
        """,
        principal,
        tool_name,
        tool_etag,
    )
    return [_grant(row) for row in rows]


async def spend(connection: Connection, grant_id: UUID) -> bool:
    """Uses it once; False where it cannot be used any more."""
    spent = await connection.fetchval(
        f"""
        UPDATE grants
        SET used = used + 1
        WHERE id = $1
          AND {USABLE}
        RETURNING true
        """,
        grant_id,
    )
    return bool(spent)


async def revoke(connection: Connection, grant_id: UUID, by: str) -> ToolGrant | None:
    """Ends it, unless that is done already; None where there is none."""
    row = await connection.fetchrow(
        f"""
        UPDATE grants
        SET revoked_by = CASE WHEN revoked_at IS NULL THEN $2 ELSE revoked_by END,
            revoked_at = coalesce(revoked_at, now())
        WHERE id = $1
        RETURNING {COLUMNS}
        """,
        grant_id,
        by,
    )
    return _grant(row) if row else None


def _grant(row: Record) -> ToolGrant:
    return ToolGrant(
        id=row["id"],
        principal=row["principal"],
        tools=tuple(row["tools"]),
        arguments=None if row["arguments"] is None else orjson.loads(row["arguments"]),
        uses=row["uses"],
        used=row["used"],
        expires_at=row["expires_at"],
        any_version=row["any_version"],
        tool_etags=orjson.loads(row["tool_etags"]),
        reason=row["reason"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        revoked_by=row["revoked_by"],
        revoked_at=row["revoked_at"],
        invocation_id=row["invocation_id"],
    )
