"""SQL of series: what roll-ups are of."""

from collections.abc import Mapping, Sequence

import orjson

from servicekit.postgres import Connection
from services.metrics.rollups.models import SeriesKey


async def ids(connection: Connection, keys: Sequence[SeriesKey]) -> dict[SeriesKey, int]:
    """The ids of those of these series that there are."""
    rows = await connection.fetch(
        """
        SELECT place, s.id
        FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::jsonb[])
            WITH ORDINALITY AS wanted (service, type, principal, totals, dimensions, place)
        JOIN rollup_series s USING (service, type, principal, totals, dimensions)
        """,
        *_columns(keys),
    )
    return {keys[row["place"] - 1]: row["id"] for row in rows}


async def insert(connection: Connection, keys: Sequence[SeriesKey]) -> None:
    """Makes those that there are not."""
    await connection.execute(
        """
        INSERT INTO rollup_series (service, type, principal, totals, dimensions)
        SELECT *
        FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::jsonb[])
        ON CONFLICT DO NOTHING
        """,
        *_columns(keys),
    )


async def counts(connection: Connection, owners: Sequence[tuple[str, str, str]]) -> Mapping[tuple[str, str, str], int]:
    """How many series with dimensions there are of each service, type and principal."""
    rows = await connection.fetch(
        """
        SELECT service, type, principal, count(*) AS number
        FROM rollup_series
        JOIN unnest($1::text[], $2::text[], $3::text[]) AS wanted (service, type, principal)
            USING (service, type, principal)
        WHERE NOT totals
        GROUP BY service, type, principal
        """,
        *map(list, zip(*owners, strict=True)),
    )
    return {(row["service"], row["type"], row["principal"]): row["number"] for row in rows}


def _columns(keys: Sequence[SeriesKey]) -> tuple[list[str], list[str], list[str], list[bool], list[str]]:
    return (
        [key.service for key in keys],
        [key.type for key in keys],
        [key.principal for key in keys],
        [key.totals for key in keys],
        [orjson.dumps(dict(key.dimensions)).decode() for key in keys],
    )
