"""SQL of the catalogue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from servicekit.identity.scopes import ScopeColumns
from servicekit.postgres import Connection, Record
from services.tools.models import (
    Annotations,
    ApprovalPolicy,
    GrpcSource,
    HttpParameter,
    HttpPart,
    HttpRequestBody,
    HttpSource,
    McpSource,
    SomeTools,
    Tool,
    ToolFilter,
    ToolOutage,
    ToolPause,
)
from services.tools.models.sources import LATER

COLUMNS = """
    name, kind, title, description, version, tags, labels, annotations, input_schema, output_schema,
    timeout_seconds, max_concurrency, source, descriptors, etag, approval, created_at, updated_at,
    full_source, paused_at, paused_by, pause_reason, mcp_server, mcp_tool, mcp_digest, own_settings, gone_at,
    import_name, reconcile_tool,
    (
        SELECT json_build_array(since, reason)
        FROM mcp_standings
        WHERE server = tools.mcp_server
          AND state = 'unavailable'
    ) AS outage
"""
# Of what scopes speak.
SCOPES = ScopeColumns("name", "tags", "labels")
GONE = "Its MCP server lists it no more."
# What a search looks through; the name counts most.
WORDS = """
    setweight(to_tsvector('simple', regexp_replace($1, '[^A-Za-z0-9]+', ' ', 'g')), 'A')
    || setweight(to_tsvector('simple', $3), 'A')
    || setweight(to_tsvector('english', $4), 'B')
    || setweight(to_tsvector('simple', array_to_string($6::text[], ' ')), 'B')
"""


async def get(connection: Connection, name: str) -> Tool | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM tools WHERE name = $1", name)
    return tool_of(row) if row else None


async def get_for_update(connection: Connection, name: str) -> Tool | None:
    row = await connection.fetchrow(f"SELECT {COLUMNS} FROM tools WHERE name = $1 FOR UPDATE", name)
    return tool_of(row) if row else None


async def list_after(
    connection: Connection, after_name: str, wanted: ToolFilter, among: SomeTools | None, limit: int
) -> list[Tool]:
    """Tools in order of their names (by code point), after a name, whose texts hold all words of the query."""
    values: list[Any] = [after_name, wanted.query, wanted.kind, limit]
    shown = "true" if among is None else among.condition(SCOPES, values)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM tools
        WHERE name COLLATE "C" > $1
          AND ($2 = '' OR words @@ plainto_tsquery('english', $2) OR words @@ plainto_tsquery('simple', $2))
          AND ($3 = '' OR kind = $3)
          AND {shown}
        ORDER BY name COLLATE "C"
        LIMIT $4
        """,
        *values,
    )
    return [tool_of(row) for row in rows]


async def insert(connection: Connection, tool: Tool) -> Tool | None:
    """Inserts; None where the name is taken."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO tools (
            name, kind, title, description, version, tags, labels, annotations, input_schema, output_schema,
            timeout_seconds, max_concurrency, source, descriptors, etag, approval,
            mcp_server, mcp_tool, mcp_digest, own_settings, full_source, reconcile_tool, words
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, {WORDS}
        )
        ON CONFLICT (name) DO NOTHING
        RETURNING {COLUMNS}
        """,
        *_values(tool),
    )
    return tool_of(row) if row else None


async def replace(connection: Connection, tool: Tool) -> Tool:
    """Replaces all but the name and the time of creation; the row must be there."""
    row = await connection.fetchrow(
        f"""
        UPDATE tools
        SET kind = $2,
            title = $3,
            description = $4,
            version = $5,
            tags = $6,
            labels = $7,
            annotations = $8,
            input_schema = $9,
            output_schema = $10,
            timeout_seconds = $11,
            max_concurrency = $12,
            source = $13,
            descriptors = $14,
            etag = $15,
            approval = $16,
            mcp_server = $17,
            mcp_tool = $18,
            mcp_digest = $19,
            own_settings = $20,
            full_source = $21,
            reconcile_tool = $22,
            gone_at = NULL,
            updated_at = now(),
            words = {WORDS}
        WHERE name = $1
        RETURNING {COLUMNS}
        """,
        *_values(tool),
    )
    assert row is not None, "the caller holds the row's lock"
    return tool_of(row)


async def pause(connection: Connection, name: str, by: str, reason: str) -> None:
    """Pauses a tool; one that is paused keeps the pause that it has."""
    await connection.execute(
        """
        UPDATE tools
        SET paused_at = now(),
            paused_by = $2,
            pause_reason = $3,
            updated_at = now()
        WHERE name = $1
          AND paused_at IS NULL
        """,
        name,
        by,
        reason,
    )


async def resume(connection: Connection, name: str) -> None:
    """Ends the pause of a tool, where it has one."""
    await connection.execute(
        """
        UPDATE tools
        SET paused_at = NULL,
            updated_at = now()
        WHERE name = $1
          AND paused_at IS NOT NULL
        """,
        name,
    )


async def delete(connection: Connection, name: str) -> None:
    await connection.execute("DELETE FROM tools WHERE name = $1", name)


async def of_server(connection: Connection, server: str) -> list[Tool]:
    """The tools of an MCP server, those that it lists no more with them; locked until the transaction ends."""
    rows = await connection.fetch(f"SELECT {COLUMNS} FROM tools WHERE mcp_server = $1 ORDER BY name FOR UPDATE", server)
    return [tool_of(row) for row in rows]


async def mark_gone(connection: Connection, name: str) -> None:
    """Its server lists it no more; what it was given of its own stays, should it be listed again."""
    await connection.execute(
        "UPDATE tools SET gone_at = now(), updated_at = now() WHERE name = $1 AND gone_at IS NULL", name
    )


async def names_defined_by_code(connection: Connection) -> list[str]:
    rows = await connection.fetch("SELECT name FROM tools WHERE kind IN ('builtin', 'plugin')")
    return [row["name"] for row in rows]


async def announce(connection: Connection, name: str) -> None:
    """Tells all replicas, after the commit, that a tool changed."""
    await connection.execute("SELECT pg_notify('tools_changed', $1)", name)


async def last_change(connection: Connection) -> Any:
    """Changes whenever the catalogue does: the newest update and the number of tools."""
    return tuple(await connection.fetchrow("SELECT max(updated_at), count(*) FROM tools") or ())


def _values(tool: Tool) -> Sequence[Any]:
    return (
        tool.name,
        tool.kind,
        tool.title,
        tool.description,
        tool.version,
        list(tool.tags),
        _dump(dict(tool.labels)),
        _dump(_fields(tool.annotations)),
        _dump(tool.input_schema),
        _dump(tool.output_schema),
        tool.timeout_seconds,
        tool.max_concurrency,
        _dump(_simple(tool.source)),
        tool.descriptors,
        tool.etag,
        _dump(_fields(tool.approval)),
        *(
            (tool.source.server, tool.source.tool, tool.source.digest)
            if isinstance(tool.source, McpSource)
            else (None, "", "")
        ),
        tool.own_settings,
        _dump(_full(tool.source)),
        tool.reconcile_tool,
    )


def _fields(value: Any) -> Any:
    """A flat dataclass with slots as a dictionary; None stays None."""
    if value is None:
        return None
    return {name: dict(item) if isinstance(item := getattr(value, name), dict) else item for name in value.__slots__}


def _dump(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _load(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def tool_of(row: Record) -> Tool:
    """A tool from a row of COLUMNS."""
    approval = _load(row["approval"])
    return Tool(
        name=row["name"],
        kind=row["kind"],
        title=row["title"],
        description=row["description"],
        version=row["version"],
        tags=tuple(row["tags"]),
        labels=_load(row["labels"]),
        annotations=Annotations(**_load(row["annotations"])),
        input_schema=_load(row["input_schema"]),
        output_schema=_load(row["output_schema"]),
        timeout_seconds=row["timeout_seconds"],
        max_concurrency=row["max_concurrency"],
        source=_source(row),
        descriptors=row["descriptors"],
        etag=row["etag"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        approval=None if approval is None else _policy(approval),
        pause=row["paused_at"] and ToolPause(row["paused_at"], row["paused_by"], row["pause_reason"]),
        own_settings=row["own_settings"],
        outage=_outage(row),
        import_name=row["import_name"],
        reconcile_tool=row["reconcile_tool"],
    )


def _source(row: Record) -> GrpcSource | HttpSource | McpSource | None:
    if row["mcp_server"] is not None:
        return McpSource(row["mcp_server"], row["mcp_tool"], row["mcp_digest"])
    # The release before writes the first and leaves the other as it was.
    return _source_of(_load(row["source"]) or _load(row["full_source"]))


def _simple(source: GrpcSource | HttpSource | McpSource | None) -> dict[str, Any] | None:
    """A source that the release before can run; None of others.

    One that has some of what came later stands in a column which that release does not know, so that it runs nothing
    else than was meant; one that has none is written as before.
    """
    fields = _source_fields(source)
    return None if fields is None or fields.keys() & LATER else fields


def _full(source: GrpcSource | HttpSource | McpSource | None) -> dict[str, Any] | None:
    """A source that it could not run as it is meant; None of others."""
    fields = _source_fields(source)
    return fields if fields is not None and fields.keys() & LATER else None


def _source_of(fields: dict[str, Any] | None) -> GrpcSource | HttpSource | None:
    """A source as it was written."""
    if fields is None:
        return None
    if "target" in fields:
        return GrpcSource(**fields)
    parameters = tuple(HttpParameter(**each) for each in fields.pop("parameters", ()))
    body = fields.pop("body", None)
    if body is not None:
        body = HttpRequestBody(**{**body, "parts": tuple(HttpPart(**each) for each in body["parts"])})
    headers = tuple(fields.pop("caller_headers", ()))
    return HttpSource(**fields, parameters=parameters, body=body, caller_headers=headers)


def _source_fields(source: GrpcSource | HttpSource | McpSource | None) -> dict[str, Any] | None:
    if source is None or isinstance(source, McpSource):
        return None
    fields: dict[str, Any] = orjson.loads(orjson.dumps(source))
    return {name: value for name, value in fields.items() if name not in LATER or value}


def _outage(row: Record) -> ToolOutage | None:
    if row["gone_at"] is not None:
        return ToolOutage(row["gone_at"], GONE, is_gone=True)
    down = _load(row["outage"])
    return down and ToolOutage(datetime.fromisoformat(down[0]), down[1])


def _policy(fields: dict[str, Any]) -> ApprovalPolicy:
    """A policy as it was built, with tuples: what is read must equal what was written."""
    return ApprovalPolicy(**{**fields, "assignees": tuple(fields["assignees"]), "groups": tuple(fields["groups"])})
