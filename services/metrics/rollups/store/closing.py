"""SQL of closing: up to when finer roll-ups are in the coarser ones, and what is still to be added."""

from servicekit.postgres import Connection
from services.metrics.rollups.models import TIERS, Tier
from services.metrics.rollups.store.rollups import time_of

TIERS_BY_TABLE = {tier.table: tier for tier in TIERS}


async def closed_until(connection: Connection) -> dict[Tier, int]:
    """Of each tier but the coarsest the time before which its buckets are in the next coarser, microseconds."""
    rows = await connection.fetch(
        "SELECT table_name, (extract(epoch FROM closed_until) * 1000000)::bigint AS until FROM closed_rollups"
    )
    return {TIERS_BY_TABLE[row["table_name"]]: row["until"] for row in rows}


async def set_closed_until(connection: Connection, tier: Tier, until: int) -> None:
    """Notes that everything before a time is in the next coarser."""
    await connection.execute(
        "UPDATE closed_rollups SET closed_until = $2 WHERE table_name = $1", tier.table, time_of(until)
    )


async def now(connection: Connection) -> int:
    """The time of the database, microseconds since 1970."""
    return int(await connection.fetchval("SELECT (extract(epoch FROM now()) * 1000000)::bigint"))


async def first_bucket(connection: Connection, tier: Tier, within: tuple[int, int]) -> int | None:
    """When the first bucket begins that there is within a time, microseconds; None where there is none."""
    found: int | None = await connection.fetchval(
        f"""
        SELECT (extract(epoch FROM min(bucket)) * 1000000)::bigint
        FROM {tier.table}
        WHERE bucket >= $1
          AND bucket < $2
        """,
        time_of(within[0]),
        time_of(within[1]),
    )
    return found


async def series_within(connection: Connection, tier: Tier, within: tuple[int, int]) -> list[int]:
    """The series that have buckets within a time."""
    rows = await connection.fetch(
        f"""
        SELECT DISTINCT series_id
        FROM {tier.table}
        WHERE bucket >= $1
          AND bucket < $2
        ORDER BY series_id
        """,
        time_of(within[0]),
        time_of(within[1]),
    )
    return [row["series_id"] for row in rows]
