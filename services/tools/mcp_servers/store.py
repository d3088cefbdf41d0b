"""SQL of MCP servers, and of how they stand for each replica."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from servicekit.postgres import Connection, Record
from services.tools.mcp_servers.models import HttpTransport, McpServer, RefusedTool, Standing, StdioTransport
from services.tools.models import ApprovalPolicy

COLUMNS = """
    name, transport, approval, timeout_seconds, max_concurrency, etag, digest, created_at, updated_at,
    refreshed_at, refused, m.state, m.since, m.reason,
    (SELECT count(*) FROM tools WHERE mcp_server = s.name AND gone_at IS NULL) AS tool_count
"""
STANDING = """
    LEFT JOIN mcp_standings m ON m.server = s.name
"""


async def get(connection: Connection, name: str) -> McpServer | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM mcp_servers s {STANDING} WHERE s.name = $1", name)
    return _server(row) if row else None


async def get_for_update(connection: Connection, name: str) -> McpServer | None:
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM mcp_servers s {STANDING} WHERE s.name = $1 FOR UPDATE OF s", name
    )
    return _server(row) if row else None


async def list_after(connection: Connection, after_name: str, limit: int) -> list[McpServer]:
    """Servers in order of their names (by code point), after a name."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM mcp_servers s
        {STANDING}
        WHERE s.name COLLATE "C" > $1
        ORDER BY s.name COLLATE "C"
        LIMIT $2
        """,
        after_name,
        limit,
    )
    return [_server(row) for row in rows]


async def count(connection: Connection) -> int:
    """How many there are; who inserts after that waits for others who do."""
    await connection.execute("LOCK TABLE mcp_servers IN SHARE ROW EXCLUSIVE MODE")
    return int(await connection.fetchval("SELECT count(*) FROM mcp_servers"))


async def insert(connection: Connection, server: McpServer) -> bool:
    """Inserts; False where the name is taken."""
    inserted = await connection.fetchval(
        """
        INSERT INTO mcp_servers (name, transport, approval, timeout_seconds, max_concurrency, etag, digest)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (name) DO NOTHING
        RETURNING true
        """,
        *_values(server),
    )
    return bool(inserted)


async def replace(connection: Connection, server: McpServer) -> None:
    """Replaces all but the name and the time of creation."""
    await connection.execute(
        """
        UPDATE mcp_servers
        SET transport = $2,
            approval = $3,
            timeout_seconds = $4,
            max_concurrency = $5,
            etag = $6,
            digest = $7,
            updated_at = now()
        WHERE name = $1
        """,
        *_values(server),
    )


async def delete(connection: Connection, name: str) -> None:
    """Deletes it, and its tools with it."""
    await connection.execute("DELETE FROM mcp_servers WHERE name = $1", name)


async def record_refresh(connection: Connection, name: str, refused: Sequence[RefusedTool]) -> None:
    """That it was listed now, and what of that is not taken."""
    await connection.execute(
        "UPDATE mcp_servers SET refreshed_at = now(), refused = $2 WHERE name = $1",
        name,
        orjson.dumps([{"name": tool.name, "reason": tool.reason} for tool in refused]).decode(),
    )


async def record_standings(
    connection: Connection, replica: UUID, standings: Sequence[tuple[str, str, datetime, str]]
) -> None:
    """How servers stand for a replica: name, state, since when, why; of others it knows no more."""
    await connection.execute(
        """
        WITH seen AS (
            SELECT *
            FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[]) AS seen (server, state, since, reason)
        ), forgotten AS (
            DELETE FROM mcp_connections
            WHERE replica = $1
              AND server <> ALL($2::text[])
        )
        INSERT INTO mcp_connections AS c (server, replica, state, since, reason)
        SELECT server, $1, state, since, reason
        FROM seen
        -- Who was taken for dead meanwhile, or a server that was removed, is not there.
        WHERE EXISTS (SELECT FROM replicas WHERE id = $1 FOR KEY SHARE)
          AND EXISTS (SELECT FROM mcp_servers s WHERE s.name = seen.server FOR KEY SHARE)
        ON CONFLICT (server, replica) DO UPDATE
        SET state = excluded.state,
            since = excluded.since,
            reason = excluded.reason
        WHERE (c.state, c.since, c.reason) IS DISTINCT FROM (excluded.state, excluded.since, excluded.reason)
        """,
        replica,
        *([list(column) for column in zip(*standings, strict=True)] if standings else [[], [], [], []]),
    )


async def announce(connection: Connection, name: str) -> None:
    """Tells all replicas, after the commit, that a server changed."""
    await connection.execute("SELECT pg_notify('mcp_servers_changed', $1)", name)


def _values(server: McpServer) -> Sequence[Any]:
    return (
        server.name,
        orjson.dumps(server.transport.fields).decode(),
        None if server.approval is None else orjson.dumps(server.approval).decode(),
        server.timeout_seconds,
        server.max_concurrency,
        server.etag,
        server.digest,
    )


def _server(row: Record) -> McpServer:
    transport = orjson.loads(row["transport"])
    approval = None if row["approval"] is None else orjson.loads(row["approval"])
    return McpServer(
        name=row["name"],
        transport=HttpTransport(**transport) if "url" in transport else StdioTransport(**transport),
        approval=None
        if approval is None
        # As it was built, with tuples: what is read must equal what was written.
        else ApprovalPolicy(
            **{**approval, "assignees": tuple(approval["assignees"]), "groups": tuple(approval["groups"])}
        ),
        timeout_seconds=row["timeout_seconds"],
        max_concurrency=row["max_concurrency"],
        etag=row["etag"],
        digest=row["digest"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        standing=Standing(
            state=row["state"] or "connecting",
            since=row["since"] or row["updated_at"],
            reason=row["reason"] or "",
            refreshed_at=row["refreshed_at"],
            tool_count=row["tool_count"],
            refused=tuple(RefusedTool(**one) for one in orjson.loads(row["refused"])),
        ),
    )
