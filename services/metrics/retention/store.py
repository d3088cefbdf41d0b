"""SQL of retention: policies, what is old, and how large everything is."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from servicekit.postgres import Connection
from services.metrics.retention.models import TABLES, TIERS_BY_TABLE, Extent, Policy
from services.metrics.rollups.models import Tier


async def now(connection: Connection) -> datetime:
    """The time of the database when the transaction began."""
    found: datetime = await connection.fetchval("SELECT now()")
    return found


async def policies(connection: Connection, defaults: Mapping[str, int]) -> dict[str, Policy]:
    """The policies by table; where nobody has said how long, the default holds."""
    rows = await connection.fetch("SELECT table_name, retention_days, is_active FROM retention_policies")
    found = {row["table_name"]: row for row in rows}
    return {
        name: Policy(name, found[name]["retention_days"] or defaults[name], found[name]["is_active"]) for name in TABLES
    }


async def put_policy(connection: Connection, policy: Policy, by: str) -> None:
    await connection.execute(
        """
        UPDATE retention_policies
        SET retention_days = $2,
            is_active = $3,
            updated_by = $4,
            updated_at = now()
        WHERE table_name = $1
        """,
        policy.table_name,
        policy.retention_days,
        policy.is_active,
        by,
    )


async def kept_since(connection: Connection) -> dict[Tier | None, int]:
    """Of events and of each tier the time from which on all of it is there, microseconds since 1970."""
    rows = await connection.fetch(
        "SELECT table_name, (extract(epoch FROM kept_since) * 1000000)::bigint AS since FROM retention_policies"
    )
    return {TIERS_BY_TABLE[row["table_name"]]: row["since"] or 0 for row in rows}


async def set_kept_since(connection: Connection, table_name: str, since: datetime) -> None:
    """Notes that what is older has begun to leave."""
    await connection.execute(
        """
        UPDATE retention_policies
        SET kept_since = greatest(kept_since, $2)
        WHERE table_name = $1
        """,
        table_name,
        since,
    )


async def extent(connection: Connection, table: str, column: str, before: datetime | None = None) -> Extent:
    """The rows of a table or a partition, or those before a time."""
    row = await connection.fetchrow(
        f"""
        SELECT count(*) AS rows, min({column}) AS oldest, max({column}) AS newest
        FROM {table}
        WHERE $1::timestamptz IS NULL OR {column} < $1
        """,
        before,
    )
    assert row is not None
    return Extent(row["rows"], row["oldest"], row["newest"])


async def delete_before(connection: Connection, table: str, column: str, before: datetime) -> int:
    """Deletes old rows of one partition; how many they were."""
    done = await connection.execute(f"DELETE FROM {table} WHERE {column} < $1", before)
    return int(done.rpartition(" ")[2])


async def sizes(connection: Connection, tables: Sequence[str]) -> dict[str, int]:
    """Bytes of these tables with their partitions and indexes, and of the database under the empty name."""
    rows = await connection.fetch(
        """
        SELECT parent::text AS name, sum(pg_total_relation_size(relid))::bigint AS bytes
        FROM unnest($1::text[]::regclass[]) AS parent, pg_partition_tree(parent)
        GROUP BY parent
        """,
        tables,
    )
    whole = await connection.fetchval("SELECT pg_database_size(current_database())")
    return {"": whole, **{row["name"]: row["bytes"] for row in rows}}


async def pages(connection: Connection) -> tuple[int, int, int]:
    """The size of a page, how many tables have, and how many of them dead rows are estimated to fill."""
    row = await connection.fetchrow(
        """
        SELECT current_setting('block_size')::integer AS size,
               coalesce(sum(c.relpages), 0)::bigint AS pages,
               coalesce(
                   sum(c.relpages * s.n_dead_tup / greatest(s.n_live_tup + s.n_dead_tup, 1)), 0
               )::bigint AS free
        FROM pg_stat_user_tables AS s
        JOIN pg_class AS c ON c.oid = s.relid
        """
    )
    assert row is not None
    return row["size"], row["pages"], row["free"]
