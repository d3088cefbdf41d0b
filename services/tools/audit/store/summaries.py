"""SQL of summaries: outcomes counted by hour, and what is added up from that and from what is not counted yet."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.tools.audit.models import InvocationFilter, ToolSummary
from services.tools.audit.store.lists import CLOCK_MARGIN_MS, id_at
from services.tools.audit.store.shown import ToolNames

HOUR = timedelta(hours=1)
# One process counts at a time. Any number will do, as long as every process uses the same.
COUNT_LOCK = 0x636F756E
# A step of the histogram ends where durations are so much longer than where it begins.
STEP = 1.04
# Of an outcome: its step, or -1 where humans were asked: how long they took says nothing of the tool.
STEP_OF = f"""
    CASE
        WHEN (SELECT true FROM approvals a WHERE a.invocation_id = o.invocation_id) THEN -1
        ELSE floor(
            ln(greatest(1, extract(epoch FROM o.completed_at - o.created_at)::float8 * 1000000)) / ln({STEP}::float8)
        )
    END::smallint
"""
# The middle of a step, milliseconds.
MIDDLE_OF = f"power({STEP}::float8, {{}} + 0.5) / 1000"

Piece = tuple[UUID, int, int]


async def lock_counting(connection: Connection) -> bool:
    """Whether this transaction may count; False where another process is at it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", COUNT_LOCK))


async def uncounted(connection: Connection) -> list[Piece]:
    """What is not counted yet of each chain: its id, from which receipt and up to which."""
    rows = await connection.fetch(
        """
        SELECT c.id, c.counted_sequence + 1 AS first, last.sequence AS last
        FROM chains c
        CROSS JOIN LATERAL (
            SELECT o.sequence
            FROM outcomes o
            WHERE o.chain_id = c.id
            ORDER BY o.sequence DESC
            LIMIT 1
        ) AS last
        WHERE last.sequence > c.counted_sequence
        ORDER BY c.id
        """
    )
    return [(row["id"], row["first"], row["last"]) for row in rows]


async def count(connection: Connection, pieces: Sequence[Piece]) -> None:
    """Counts the outcomes of these pieces for who asked and for everybody; needs a transaction and the lock."""
    await _look_up_only(connection)
    ids, firsts, lasts = zip(*pieces, strict=True)
    await connection.execute(
        f"""
        WITH ended AS MATERIALIZED (
            SELECT date_trunc('hour', o.created_at, 'UTC') AS hour, o.principal, o.tool_name, o.status,
                   {STEP_OF} AS step
            FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS piece (chain_id, first, last)
            JOIN outcomes o ON o.chain_id = piece.chain_id AND o.sequence BETWEEN piece.first AND piece.last
            WHERE o.tool_name IS NOT NULL
        ), added AS MATERIALIZED (
            SELECT hour, coalesce(principal, '') AS principal, tool_name, status, step, count(*) AS count
            FROM ended
            GROUP BY GROUPING SETS ((hour, principal, tool_name, status, step), (hour, tool_name, status, step))
        ), standing AS (
            SELECT h.hour, h.principal, h.tool_name, h.status, was.step, was.count::bigint
            FROM (SELECT DISTINCT hour, principal, tool_name, status FROM added) AS touched
            JOIN hourly_outcomes h USING (hour, principal, tool_name, status)
            CROSS JOIN unnest(h.steps, h.counts) AS was (step, count)
        ), summed AS (
            SELECT hour, principal, tool_name, status, step, sum(count)::integer AS count
            FROM (SELECT * FROM added UNION ALL SELECT * FROM standing) AS both_of_them
            GROUP BY hour, principal, tool_name, status, step
        )
        INSERT INTO hourly_outcomes (hour, principal, tool_name, status, steps, counts)
        SELECT hour, principal, tool_name, status, array_agg(step ORDER BY step), array_agg(count ORDER BY step)
        FROM summed
        GROUP BY hour, principal, tool_name, status
        ON CONFLICT (principal, hour, tool_name, status) DO UPDATE
        SET steps = excluded.steps,
            counts = excluded.counts
        """,
        ids,
        firsts,
        lasts,
    )
    await connection.execute(
        """
        UPDATE chains c
        SET counted_sequence = piece.last
        FROM unnest($1::uuid[], $2::integer[]) AS piece (id, last)
        WHERE c.id = piece.id
        """,
        ids,
        lasts,
    )


async def summary(
    connection: Connection,
    wanted: InvocationFilter,
    created_after: datetime,
    viewer: Viewer,
    limit: int,
    names: ToolNames | None = None,
) -> list[ToolSummary]:
    """Per tool, of those that are named; hours that are asked for as a whole from their counts.

    Needs a transaction of `Database.reading`.
    """
    await connection.execute("SET LOCAL jit = off")
    await _look_up_only(connection)
    pieces = await uncounted(connection)
    ids, firsts, lasts = zip(*pieces, strict=True) if pieces else ((), (), ())
    first = created_after if _is_hour(created_after) else _hour(created_after) + HOUR
    end = None if wanted.created_before is None else max(_hour(wanted.created_before), first)
    values: list[Any] = ["" if viewer.sees_all else viewer.name, first, ids, firsts, lasts]

    def value(given: object) -> str:
        values.append(given)
        return f"${len(values)}"

    def between(column: str, identity: str, begin: datetime, until: datetime | None) -> str:
        """Ids are times as well, and tell which months are looked into."""
        bounds = [f"{column} >= {value(begin)}", f"{identity} >= {value(id_at(begin, -CLOCK_MARGIN_MS))}"]
        if until is not None:
            bounds += [f"{column} < {value(until)}", f"{identity} < {value(id_at(until, CLOCK_MARGIN_MS))}"]
        return " AND ".join(bounds)

    own = "" if viewer.sees_all else " AND o.principal = $1"
    of_tool = f" AND tool_name = {value(wanted.tool_name)}" if wanted.tool_name else ""
    if names is not None:
        of_tool += f" AND {names.condition('tool_name', values)}"
    not_counted = f"o.created_at >= $2{'' if end is None else f' AND o.created_at < {value(end)}'}"
    sources = [
        f"""
        SELECT h.tool_name, h.status, was.step, was.count
        FROM hourly_outcomes h
        CROSS JOIN unnest(h.steps, h.counts) AS was (step, count)
        WHERE h.principal = $1 AND h.hour >= $2 {"" if end is None else f"AND h.hour < {value(end)}"} {of_tool}
        """,
        # Few rows of a few chains: by the time that is asked for, all outcomes of it would be looked at for each.
        f"""
        SELECT o.tool_name, o.status, {STEP_OF} AS step, 1 AS count
        FROM (
            SELECT o.*
            FROM unnest($3::uuid[], $4::integer[], $5::integer[]) AS piece (chain_id, first, last)
            JOIN outcomes o ON o.chain_id = piece.chain_id AND o.sequence BETWEEN piece.first AND piece.last
            OFFSET 0
        ) AS o
        WHERE {not_counted} {own} {of_tool}
        """,
    ]
    # The hours that are asked for in part.
    edges = [(created_after, first if wanted.created_before is None else min(first, wanted.created_before))]
    if wanted.created_before is not None and end is not None:
        edges.append((end, wanted.created_before))
    sources += [
        f"""
        SELECT o.tool_name, o.status, {STEP_OF} AS step, 1 AS count
        FROM outcomes o
        WHERE {between("o.created_at", "o.invocation_id", begin, until)} {own} {of_tool}
        """
        for begin, until in edges
        if begin < until
    ]
    rows = await connection.fetch(
        f"""
        WITH ended AS MATERIALIZED (
            {" UNION ALL ".join(sources)}
        ), total AS (
            SELECT tool_name,
                   sum(count) AS count,
                   coalesce(sum(count) FILTER (WHERE status = 'success'), 0) AS success_count,
                   coalesce(sum(count) FILTER (WHERE status = 'failed'), 0) AS failed_count,
                   coalesce(sum(count) FILTER (WHERE status = 'cancelled'), 0) AS cancelled_count
            FROM ended
            WHERE tool_name IS NOT NULL
            GROUP BY tool_name
        ), reached AS (
            SELECT tool_name, step,
                   sum(sum(count)) OVER (PARTITION BY tool_name ORDER BY step)
                       / sum(sum(count)) OVER (PARTITION BY tool_name) AS share
            FROM ended
            WHERE step >= 0
            GROUP BY tool_name, step
        ), latency AS (
            SELECT tool_name,
                   {MIDDLE_OF.format("min(step) FILTER (WHERE share >= 0.50)")} AS p50,
                   {MIDDLE_OF.format("min(step) FILTER (WHERE share >= 0.95)")} AS p95,
                   {MIDDLE_OF.format("min(step) FILTER (WHERE share >= 0.99)")} AS p99
            FROM reached
            GROUP BY tool_name
        )
        SELECT tool_name, count, success_count, failed_count, cancelled_count,
               coalesce(p50, 0) AS p50, coalesce(p95, 0) AS p95, coalesce(p99, 0) AS p99
        FROM total
        LEFT JOIN latency USING (tool_name)
        ORDER BY tool_name
        LIMIT {limit:d}
        """,
        *values,
    )
    return [
        ToolSummary(
            row["tool_name"],
            int(row["count"]),
            int(row["success_count"]),
            int(row["failed_count"]),
            int(row["cancelled_count"]),
            row["p50"],
            row["p95"],
            row["p99"],
        )
        for row in rows
    ]


async def _look_up_only(connection: Connection) -> None:
    """The planner would rather read all outcomes than look up those that are wanted."""
    await connection.execute(
        "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off; "
        "SET LOCAL plan_cache_mode = force_custom_plan"
    )


def _hour(at: datetime) -> datetime:
    """The hour in which a time lies."""
    return at.replace(minute=0, second=0, microsecond=0)


def _is_hour(at: datetime) -> bool:
    return at == _hour(at)
