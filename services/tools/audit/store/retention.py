"""SQL of what leaves the audit: the runs of receipts in it, and what lies beside the partitioned tables."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection
from services.tools.audit.models import Archive, ArchivedRun

# One process states what leaves at a time. Any number will do, as long as every process uses the same.
ARCHIVE_LOCK = 0x61726368
# By invocation, and small: deleted, where the large ones are dropped.
BESIDE = ("approvals", "decisions", "redactions", "cancellations", "invocation_keys", "reconciliations")


async def lock_archives(connection: Connection) -> None:
    """Others wait until this transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", ARCHIVE_LOCK)


async def archives(connection: Connection) -> list[Archive]:
    """The statements of what left, in order."""
    rows = await connection.fetch(
        "SELECT sequence, signed_at, until, content, signature, key_id FROM archives ORDER BY sequence"
    )
    return [Archive(*row) for row in rows]


async def insert_archive(connection: Connection, archive: Archive) -> None:
    await connection.execute(
        """
        INSERT INTO archives (sequence, signed_at, until, content, signature, key_id)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        archive.sequence,
        archive.signed_at,
        archive.until,
        archive.content,
        archive.signature,
        archive.key_id,
    )


async def note_archived(connection: Connection, runs: Sequence[ArchivedRun]) -> None:
    """Notes up to which receipt of each chain there are archives."""
    await connection.execute(
        """
        UPDATE chains c
        SET archived_sequence = greatest(c.archived_sequence, r.last)
        FROM (
            SELECT id, max(last) AS last
            FROM unnest($1::uuid[], $2::integer[]) AS run (id, last)
            GROUP BY id
        ) AS r
        WHERE c.id = r.id
        """,
        [run.chain_id for run in runs],
        [run.last for run in runs],
    )


async def oldest_open(connection: Connection) -> UUID | None:
    """The oldest invocation that has not ended."""
    oldest: UUID | None = await connection.fetchval("SELECT id FROM open_invocations ORDER BY id LIMIT 1")
    return oldest


async def runs(connection: Connection, first: UUID, until: UUID) -> list[ArchivedRun]:
    """What follows each other without a gap in the chains, of the receipts from one id to before another.

    Needs a transaction: months of receipts take longer than the statements of a call may.
    """
    await connection.execute("SET LOCAL statement_timeout = 0")
    rows = await connection.fetch(
        """
        WITH leaving AS (
            SELECT chain_id, sequence,
                   sequence - row_number() OVER (PARTITION BY chain_id ORDER BY sequence) AS run
            FROM outcomes
            WHERE invocation_id >= $1 AND invocation_id < $2
        ), run AS (
            SELECT chain_id, min(sequence) AS first, max(sequence) AS last
            FROM leaving
            GROUP BY chain_id, run
        )
        SELECT run.chain_id, run.first, run.last, head.previous_digest, tail.digest
        FROM run
        JOIN outcomes head ON head.chain_id = run.chain_id AND head.sequence = run.first
        JOIN outcomes tail ON tail.chain_id = run.chain_id AND tail.sequence = run.last
        ORDER BY run.chain_id, run.first
        """,
        first,
        until,
    )
    return [ArchivedRun(*row) for row in rows]


async def delete_before(connection: Connection, until: UUID) -> None:
    """Deletes what lies beside invocations that have left."""
    for table in BESIDE:
        await connection.execute(f"DELETE FROM {table} WHERE invocation_id < $1", until)
