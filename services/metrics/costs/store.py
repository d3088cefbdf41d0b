"""SQL of prices, and of the tokens that were used."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from servicekit.postgres import Connection, Record
from services.metrics.costs.models import Price, PriceTable, Usage

COLUMNS = "version, effective_at, prices, created_by, created_at"


async def insert(
    connection: Connection, prices: Sequence[Price], effective_at: datetime | None, created_by: str
) -> PriceTable:
    """Inserts a table with the next number; valid from now on unless a time is given."""
    # So that no number is taken twice, and none is left out.
    await connection.execute("LOCK TABLE price_tables IN EXCLUSIVE MODE")
    row = await connection.fetchrow(
        f"""
        INSERT INTO price_tables (version, effective_at, prices, created_by)
        SELECT coalesce(max(version), 0) + 1, coalesce($1, now()), $2, $3
        FROM price_tables
        RETURNING {COLUMNS}
        """,
        effective_at,
        orjson.dumps([[each.model, each.token_type, each.usd_per_million] for each in prices]).decode(),
        created_by,
    )
    return _table(row)


async def list_before(connection: Connection, version: int | None, limit: int) -> list[PriceTable]:
    """The newest, or those before a number."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM price_tables
        WHERE $1::integer IS NULL OR version < $1
        ORDER BY version DESC
        LIMIT $2
        """,
        version,
        limit,
    )
    return [_table(row) for row in rows]


async def tables(connection: Connection, start: datetime, end: datetime) -> list[PriceTable]:
    """Those that hold at some time within, in order of the times from which on they do; of one time the newest."""
    rows = await connection.fetch(
        f"""
        SELECT DISTINCT ON (effective_at) {COLUMNS}
        FROM price_tables
        WHERE effective_at < $2
          AND effective_at >= coalesce((SELECT max(effective_at) FROM price_tables WHERE effective_at <= $1), $1)
        ORDER BY effective_at, version DESC
        """,
        start,
        end,
    )
    return [_table(row) for row in rows]


async def add_usage(
    connection: Connection, series: Sequence[int], minutes: Sequence[datetime], tokens: Sequence[float]
) -> None:
    """Adds tokens by series and minute."""
    await connection.execute(
        """
        INSERT INTO token_usage AS u (series_id, bucket, tokens)
        SELECT *
        FROM unnest($1::bigint[], $2::timestamptz[], $3::float8[])
        ON CONFLICT (series_id, bucket) DO UPDATE
        SET tokens = u.tokens + excluded.tokens
        """,
        series,
        minutes,
        tokens,
    )


async def forget_usage(connection: Connection, before: datetime) -> None:
    """Deletes what is as old as events that are not kept."""
    await connection.execute("DELETE FROM token_usage WHERE bucket < $1", before)


async def usage(
    connection: Connection,
    metric_name: str,
    starts: Sequence[datetime],
    within: tuple[datetime, datetime],
    whose: str,
    beneath: tuple[str, str],
) -> list[Usage]:
    """Tokens by series, and by the times from which on prices hold.

    Args:
        connection: to the database.
        metric_name: what counts them.
        starts: from when on prices hold, in order.
        within: from when, and until when.
        whose: who sent them; empty: all.
        beneath: a dimension that is a path, and the path at or beneath which they were used; empty: anywhere.
    """
    rows = await connection.fetch(
        """
        WITH wanted AS (
            SELECT id, dimensions
            FROM series
            WHERE type = 'custom'
              AND dimensions ->> 'metric_name' = $1
              AND ($5 = '' OR principal = $5)
              AND ($7 = '' OR dimensions ->> $6 = $7 OR starts_with(dimensions ->> $6, $7 || '/'))
        ),
        split AS MATERIALIZED (
            -- Minutes of which not all is asked about, or not all has one price.
            SELECT DISTINCT date_trunc('minute', edge, 'UTC') AS bucket
            FROM unnest($2::timestamptz[] || ARRAY[$3, $4]::timestamptz[]) AS edges (edge)
            WHERE edge > date_trunc('minute', edge, 'UTC')
        ),
        used AS (
            SELECT series_id, width_bucket(bucket, $2::timestamptz[]) AS period, tokens
            FROM token_usage
            WHERE series_id IN (SELECT id FROM wanted)
              AND bucket >= $3
              AND bucket < $4
              AND bucket NOT IN (SELECT bucket FROM split)
            UNION ALL
            SELECT series_id, width_bucket(at, $2::timestamptz[]), value * weight
            FROM split
            JOIN metric_events ON at >= bucket AND at < bucket + interval '1 minute'
            WHERE series_id IN (SELECT id FROM wanted)
              AND at >= $3
              AND at < $4
            UNION ALL
            -- What is not rolled up yet.
            SELECT series_id, width_bucket(at, $2::timestamptz[]), value * weight
            FROM metric_events
            WHERE batch IN (SELECT batch FROM pending_rollups)
              AND series_id IN (SELECT id FROM wanted)
              AND at >= $3
              AND at < $4
              AND date_trunc('minute', at, 'UTC') NOT IN (SELECT bucket FROM split)
        )
        SELECT dimensions, period, sum(tokens) AS tokens
        FROM used
        JOIN wanted ON wanted.id = series_id
        GROUP BY wanted.id, dimensions, period
        """,
        metric_name,
        list(starts),
        *within,
        whose,
        *beneath,
    )
    return [Usage(orjson.loads(row["dimensions"]), row["period"], row["tokens"]) for row in rows]


def _table(row: Record | Any) -> PriceTable:
    prices = [Price(*each) for each in orjson.loads(row["prices"])]
    return PriceTable(row["version"], row["effective_at"], prices, row["created_by"], row["created_at"])
