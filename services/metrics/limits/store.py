"""SQL of the calls that callers have left."""

from collections.abc import Mapping

from servicekit.postgres import Connection, Record

# What there is now, of a bucket and what is wanted of it; the rate of a key may have changed.
FILLED = """
    least(
        excluded.rate,
        bucket.tokens * excluded.rate / bucket.rate
            + greatest(extract(epoch FROM excluded.reckoned_at - bucket.reckoned_at), 0) * excluded.rate / 60
    )
"""


async def take(connection: Connection, wanted: Mapping[tuple[str, int], int]) -> dict[str, Record]:
    """Takes calls of each caller, as far as there are; of each what was granted and is left."""
    rows = await connection.fetch(
        f"""
        INSERT INTO rate_buckets AS bucket (caller, rate, tokens, reckoned_at, wanted, granted)
        SELECT caller, rate, rate - least(wanted, rate), clock_timestamp(), wanted, least(wanted, rate)
        FROM unnest($1::text[], $2::int[], $3::int[]) AS asked (caller, rate, wanted)
        -- In one order everywhere, so that no two replicas wait for each other.
        ORDER BY caller
        ON CONFLICT (caller) DO UPDATE
        SET rate = excluded.rate,
            tokens = {FILLED} - least(excluded.wanted, floor({FILLED})),
            reckoned_at = greatest(excluded.reckoned_at, bucket.reckoned_at),
            wanted = excluded.wanted,
            granted = least(excluded.wanted, floor({FILLED}))
        RETURNING caller, tokens, granted
        """,
        [caller for caller, _ in wanted],
        [rate for _, rate in wanted],
        list(wanted.values()),
    )
    return {row["caller"]: row for row in rows}


async def available(connection: Connection, caller: str, rate: int) -> float:
    """What a caller has left, of which nothing is taken."""
    found = await connection.fetchval(
        """
        SELECT least($2, tokens * $2 / rate + extract(epoch FROM clock_timestamp() - reckoned_at) * $2 / 60)
        FROM rate_buckets
        WHERE caller = $1
        """,
        caller,
        float(rate),
    )
    return float(rate if found is None else found)


async def forget(connection: Connection) -> None:
    """Deletes those that are full again."""
    await connection.execute("DELETE FROM rate_buckets WHERE reckoned_at < clock_timestamp() - interval '1 day'")
