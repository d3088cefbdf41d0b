"""SQL of what is taken in: series, events, and which commits were written."""

from collections.abc import AsyncIterator, Iterable, Sequence
from uuid import UUID

import orjson

from servicekit.postgres import Connection
from services.metrics.ingestion.store.copying import COLUMNS, encoded
from services.metrics.models import Events, Series

# Pieces of a COPY are put together up to this, bytes.
PIECE_BYTES = 256 * 1024


async def insert_series(connection: Connection, found: Sequence[Series]) -> None:
    """Inserts series that are not there, and notes that those are alive that are."""
    await connection.execute(
        """
        INSERT INTO series (id, principal, service, version, instance_id, type, dimensions)
        SELECT id, principal, service, version, instance_id, type, dimensions
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
            AS found (id, principal, service, version, instance_id, type, dimensions)
        -- In one order everywhere, so that no two transactions wait for each other.
        ORDER BY id
        ON CONFLICT (id) DO UPDATE
        SET last_seen_on = current_date
        WHERE series.last_seen_on < current_date
        """,
        [series.id for series in found],
        [series.source.principal for series in found],
        [series.source.service for series in found],
        [series.source.version for series in found],
        [series.source.instance_id for series in found],
        [series.type for series in found],
        [orjson.dumps(dict(series.dimensions)).decode() for series in found],
    )


async def copy_events(connection: Connection, batch: Sequence[Events]) -> None:
    await connection.copy_to_table("metric_events", source=_pieces(encoded(batch)), columns=COLUMNS, format="binary")


async def insert_commit(connection: Connection, commit: UUID) -> None:
    """Notes that this transaction has written."""
    await connection.execute("INSERT INTO ingest_commits (id, has_written) VALUES ($1, true)", commit)


async def commits_that_wrote(connection: Connection, doubted: Sequence[UUID]) -> set[UUID]:
    """Of transactions whose end is not known, those that were committed.

    Where one is still in the course of it, this waits; those that were not are kept from it for good.
    """
    await connection.execute(
        """
        INSERT INTO ingest_commits (id, has_written)
        SELECT id, false
        FROM unnest($1::uuid[]) AS doubted (id)
        ORDER BY id
        ON CONFLICT DO NOTHING
        """,
        doubted,
    )
    rows = await connection.fetch("SELECT id FROM ingest_commits WHERE id = ANY($1) AND has_written", doubted)
    return {row["id"] for row in rows}


async def announce_flush(connection: Connection) -> None:
    """Tells all replicas to write what they keep."""
    await connection.execute("SELECT pg_notify('metrics_flush', '')")


async def forget_commits(connection: Connection) -> None:
    """Deletes what nobody can be in doubt about any more."""
    await connection.execute("DELETE FROM ingest_commits WHERE at < now() - interval '1 day'")


async def _pieces(rows: Iterable[bytes]) -> AsyncIterator[bytes]:
    piece = bytearray()
    for each in rows:
        piece += each
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
