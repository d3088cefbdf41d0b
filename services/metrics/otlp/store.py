"""SQL of what is remembered of the series that come by OTLP."""

from collections.abc import Collection, Mapping, Sequence

from servicekit.postgres import Connection
from services.metrics.otlp.models import Measured


async def lock(connection: Connection, keys: Collection[bytes], principal: str) -> tuple[dict[bytes, bytes], int]:
    """What is kept under these keys, the caller's, and how many of them are new; its alone until the transaction ends.

    In one order everywhere, so that no two exports wait for each other.
    """
    wanted = sorted(keys)
    inserted = await connection.execute(
        """
        INSERT INTO otlp_series (series, state, principal)
        SELECT series, '', $2
        FROM unnest($1::bytea[]) AS series
        ORDER BY series
        ON CONFLICT DO NOTHING
        """,
        wanted,
        principal,
    )
    rows = await connection.fetch(
        """
        SELECT series, state
        FROM otlp_series
        WHERE series = ANY ($1::bytea[])
        ORDER BY series
        FOR UPDATE
        """,
        wanted,
    )
    return {row["series"]: row["state"] for row in rows if row["state"]}, int(inserted.rpartition(" ")[2])


async def keep(connection: Connection, states: Mapping[bytes, bytes]) -> None:
    """Remembers these."""
    await connection.execute(
        """
        UPDATE otlp_series
        SET state = new.state,
            seen_on = current_date,
            seen_at = date_trunc('hour', now())
        FROM unnest($1::bytea[], $2::bytea[]) AS new (series, state)
        WHERE otlp_series.series = new.series
        """,
        list(states.keys()),
        list(states.values()),
    )


async def forgotten_until(connection: Connection, principal: str) -> int:
    """Until when what began may have been let go of; nanoseconds since 1970."""
    found = await connection.fetchval("SELECT forgotten_until FROM otlp_callers WHERE principal = $1", principal)
    return int(found or 0)


async def add_usage(connection: Connection, principal: str, series: int, size: int) -> tuple[int, int]:
    """Counts what is remembered more, or less, of a caller's; how many series and bytes that is now.

    Other exports of the caller wait until this transaction ends, so it comes last.
    """
    row = await connection.fetchrow(
        """
        INSERT INTO otlp_callers (principal, series, bytes)
        VALUES ($1, greatest($2, 0), greatest($3, 0))
        ON CONFLICT (principal) DO UPDATE
        SET series = greatest(otlp_callers.series + $2, 0),
            bytes = greatest(otlp_callers.bytes + $3, 0)
        RETURNING series, bytes
        """,
        principal,
        series,
        size,
    )
    assert row is not None
    return row["series"], row["bytes"]


async def let_go(
    connection: Connection, principal: str, sparing: Collection[bytes], limit: int, until: int
) -> tuple[int, int]:
    """Drops series of a caller, those first that were told of longest ago; how many, and how many bytes they had.

    Args:
        connection: in the transaction of the export.
        principal: the caller.
        sparing: those of the export.
        limit: how many at most.
        until: now, nanoseconds since 1970: what began before may be of them.
    """
    row = await connection.fetchrow(
        """
        WITH oldest AS (
            SELECT series
            FROM otlp_series
            WHERE principal = $1
              AND series <> ALL ($2::bytea[])
            ORDER BY seen_at
            LIMIT $3
            FOR UPDATE SKIP LOCKED
        ),
        dropped AS (
            DELETE FROM otlp_series
            USING oldest
            WHERE otlp_series.series = oldest.series
            RETURNING octet_length(state) AS size
        )
        SELECT count(*) AS series, coalesce(sum(size), 0)::bigint AS bytes
        FROM dropped
        """,
        principal,
        list(sparing),
        limit,
    )
    assert row is not None
    if row["series"]:
        await connection.execute("UPDATE otlp_callers SET forgotten_until = $2 WHERE principal = $1", principal, until)
    return row["series"], row["bytes"]


async def forget(connection: Connection, days: int, limit: int) -> int:
    """Drops some of those that have not been told of for so long; how many."""
    dropped = await connection.fetchval(
        """
        WITH dropped AS (
            DELETE FROM otlp_series
            WHERE series IN (
                SELECT series
                FROM otlp_series
                WHERE seen_on < current_date - $1::integer
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
            RETURNING principal, octet_length(state) AS size
        ),
        of_callers AS (
            UPDATE otlp_callers
            SET series = greatest(otlp_callers.series - gone.series, 0),
                bytes = greatest(otlp_callers.bytes - gone.bytes, 0)
            FROM (
                SELECT principal, count(*) AS series, sum(size)::bigint AS bytes
                FROM dropped
                GROUP BY principal
            ) AS gone
            WHERE otlp_callers.principal = gone.principal
        )
        SELECT count(*)
        FROM dropped
        """,
        days,
        limit,
    )
    return int(dropped)


async def insert_events(connection: Connection, request: int, measured: Sequence[Measured]) -> None:
    """Inserts events that came together; the number of the request is 64 random bits."""
    await connection.execute(
        """
        INSERT INTO metric_events (at, series_id, value, weight, request, position, metadata)
        SELECT 'epoch'::timestamptz + at_us * interval '1 microsecond',
               series_id,
               value,
               weight,
               $5,
               number - 1,
               CASE
                   WHEN invocation_id <> '' THEN jsonb_build_object('invocation_id', invocation_id)
               END
        FROM unnest($1::bigint[], $2::bigint[], $3::float8[], $4::bigint[], $6::text[])
            WITH ORDINALITY AS measured (at_us, series_id, value, weight, invocation_id, number)
        """,
        [each.at_us for each in measured],
        [each.series.id for each in measured],
        [each.value for each in measured],
        [each.weight for each in measured],
        request,
        [each.invocation_id for each in measured],
    )
