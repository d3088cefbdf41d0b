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


async def usage(
    connection: Connection, metric_name: str, starts: Sequence[datetime], start: datetime, end: datetime, whose: str
) -> list[Usage]:
    """Tokens by series, and by the times from which on prices hold; `whose` sent them, or all where that is empty."""
    rows = await connection.fetch(
        """
        WITH wanted AS (
            SELECT id, dimensions
            FROM series
            WHERE type = 'custom'
              AND dimensions ->> 'metric_name' = $1
              AND ($5 = '' OR principal = $5)
        )
        SELECT dimensions, period, tokens
        FROM wanted
        JOIN (
            -- Once over the events of the time, which have no index by series.
            SELECT series_id, width_bucket(at, $2::timestamptz[]) AS period, sum(value * weight) AS tokens
            FROM metric_events
            WHERE series_id IN (SELECT id FROM wanted)
              AND at >= $3
              AND at < $4
            GROUP BY 1, 2
        ) AS used ON used.series_id = wanted.id
        """,
        metric_name,
        list(starts),
        start,
        end,
        whose,
    )
    return [Usage(orjson.loads(row["dimensions"]), row["period"], row["tokens"]) for row in rows]


def _table(row: Record | Any) -> PriceTable:
    prices = [Price(*each) for each in orjson.loads(row["prices"])]
    return PriceTable(row["version"], row["effective_at"], prices, row["created_by"], row["created_at"])
