"""SQL of what is remembered of the series that come by OTLP."""

from collections.abc import Collection, Mapping, Sequence

from servicekit.postgres import Connection
from services.metrics.otlp.models import Measured


async def lock(connection: Connection, keys: Collection[bytes]) -> dict[bytes, bytes]:
    """What is kept under these keys, theirs alone until the transaction ends, those that are new among them.

    In one order everywhere, so that no two exports wait for each other.
    """
    wanted = sorted(keys)
    await connection.execute(
        """
        INSERT INTO otlp_series (series, state)
        SELECT series, ''
        FROM unnest($1::bytea[]) AS series
        ORDER BY series
        ON CONFLICT DO NOTHING
        """,
        wanted,
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
    return {row["series"]: row["state"] for row in rows if row["state"]}


async def keep(connection: Connection, states: Mapping[bytes, bytes]) -> None:
    """Remembers these."""
    await connection.execute(
        """
        UPDATE otlp_series
        SET state = new.state,
            seen_on = current_date
        FROM unnest($1::bytea[], $2::bytea[]) AS new (series, state)
        WHERE otlp_series.series = new.series
        """,
        list(states.keys()),
        list(states.values()),
    )


async def forget(connection: Connection, days: int, limit: int) -> int:
    """Drops some of those that have not been told of for so long; how many."""
    dropped = await connection.fetch(
        """
        DELETE FROM otlp_series
        WHERE series IN (
            SELECT series
            FROM otlp_series
            WHERE seen_on < current_date - $1::integer
            LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        RETURNING 1
        """,
        days,
        limit,
    )
    return len(dropped)


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
