"""SQL of events that no roll-up has yet."""

from collections.abc import Sequence

import numpy as np
import orjson

from servicekit.postgres import Connection
from services.metrics.rollups.models import Observations, SeriesKey

# Any number will do, as long as every process uses the same.
LOCK = 0x726F6C6C
# What COPY writes before the rows, and after them.
HEADER_BYTES, TRAILER_BYTES = 19, 2
# Postgres counts microseconds since 2000.
EPOCH_US = 946_684_800_000_000
# A row of that COPY: how many columns, and of each its length and its value.
ROW = np.dtype(
    [
        ("count", ">i2"),
        *(
            field
            for name, kind in (
                ("series", ">i8"),
                ("at", ">i8"),
                ("value", ">f8"),
                ("duration", ">f8"),
                ("weight", ">i8"),
                ("invocation", "V16"),
            )
            for field in ((f"{name}_length", ">i4"), (name, kind))
        ),
    ]
)
NO_INVOCATION = "00000000-0000-0000-0000-000000000000"


async def take_turn(connection: Connection) -> bool:
    """Whether this transaction is the only one that rolls up; others are not waited for."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK))


async def pending(connection: Connection, limit: int) -> list[int]:
    """The batches that have waited longest."""
    rows = await connection.fetch("SELECT batch FROM pending_rollups ORDER BY batch LIMIT $1", limit)
    return [row["batch"] for row in rows]


async def forget_pending(connection: Connection, batches: Sequence[int]) -> None:
    """Notes that these are in the roll-ups."""
    await connection.execute("DELETE FROM pending_rollups WHERE batch = ANY($1)", batches)


async def read(connection: Connection, batches: Sequence[int], limit: int | None) -> Observations:
    """The events of these batches, or so many of them; their series are ids."""
    written = bytearray()

    # Not a file: those are written to in a thread, piece by piece.
    async def keep(piece: bytes) -> None:
        written.extend(piece)

    await connection.copy_from_query(
        f"""
        SELECT series_id,
               at,
               value,
               coalesce(duration_ms, 'NaN'),
               weight,
               CASE WHEN pg_input_is_valid(invocation, 'uuid') THEN invocation::uuid ELSE '{NO_INVOCATION}'::uuid END
        FROM metric_events
        CROSS JOIN LATERAL (SELECT metadata ->> 'invocation_id') AS named (invocation)
        WHERE batch = ANY($1::bigint[])
        LIMIT $2
        """,
        batches,
        limit,
        output=keep,
        format="binary",
    )
    length = len(written) - HEADER_BYTES - TRAILER_BYTES
    rows = np.frombuffer(written, ROW, length // ROW.itemsize, HEADER_BYTES)
    return Observations(
        rows["series"].astype(np.int64),
        rows["at"].astype(np.int64) + EPOCH_US,
        rows["value"].astype(np.float64),
        rows["duration"].astype(np.float64),
        rows["weight"].astype(np.int64),
        rows["invocation"].copy(),
    )


async def keys(connection: Connection, series_ids: Sequence[int]) -> dict[int, SeriesKey]:
    """What the series of events are of."""
    rows = await connection.fetch(
        "SELECT id, principal, service, type, dimensions FROM series WHERE id = ANY($1::bigint[])", series_ids
    )
    return {
        row["id"]: SeriesKey(
            row["principal"], row["service"], row["type"], tuple(sorted(orjson.loads(row["dimensions"]).items()))
        )
        for row in rows
    }
