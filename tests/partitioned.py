"""Partitioned tables as they are when months have passed."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from servicekit.partitions import Partitioned, lowest_uuid7, partitions


async def split(url: str, tables: Sequence[Partitioned], at: datetime) -> None:
    """Ends the first partition of each table, which must be empty, at a time in the past, and begins another there."""
    connection = await asyncpg.connect(url)
    try:
        for table in tables:
            first = (await partitions(connection, table))[0]
            assert first.until is not None
            bound, end = (
                lowest_uuid7(each) if table.key == "uuid7" else each.isoformat() for each in (at, first.until)
            )
            name = table.table
            await connection.execute(f"ALTER TABLE {name} DETACH PARTITION {first.name}")
            await connection.execute(
                f"ALTER TABLE {name} ATTACH PARTITION {first.name} FOR VALUES FROM (MINVALUE) TO ('{bound}')"
            )
            await connection.execute(
                f"CREATE TABLE {name}_now PARTITION OF {name} FOR VALUES FROM ('{bound}') TO ('{end}')"
            )
    finally:
        await connection.close()
