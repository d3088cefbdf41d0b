"""SQL of the receipts: chains, checkpoints, and the rows a verification reads."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.tools.models import Checkpoint, Row
from services.tools.store import invocations

# One process signs at a time. Any number will do, as long as every process uses the same.
CHECKPOINT_LOCK = 0x63686B70


async def insert_chain(connection: Connection, chain_id: UUID) -> None:
    await connection.execute("INSERT INTO chains (id) VALUES ($1)", chain_id)


async def lock_checkpoints(connection: Connection) -> bool:
    """Whether this transaction may sign; False where another process is at it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", CHECKPOINT_LOCK))


async def heads(connection: Connection) -> list[tuple[UUID, int, bytes]]:
    """The last receipt of every chain that has one: chain, sequence, digest."""
    rows = await connection.fetch(
        """
        SELECT c.id, last.sequence, last.digest
        FROM chains c
        CROSS JOIN LATERAL (
            SELECT o.sequence, o.digest
            FROM outcomes o
            WHERE o.chain_id = c.id
            ORDER BY o.sequence DESC
            LIMIT 1
        ) AS last
        ORDER BY c.id
        """
    )
    return [(row["id"], row["sequence"], row["digest"]) for row in rows]


async def last_checkpoint(connection: Connection) -> Checkpoint | None:
    row = await connection.fetchrow("SELECT * FROM checkpoints ORDER BY sequence DESC LIMIT 1")
    return _checkpoint(row) if row else None


async def insert_checkpoint(connection: Connection, checkpoint: Checkpoint) -> None:
    await connection.execute(
        """
        INSERT INTO checkpoints (sequence, signed_at, content, signature, key_id)
        VALUES ($1, $2, $3, $4, $5)
        """,
        checkpoint.sequence,
        checkpoint.signed_at,
        checkpoint.content,
        checkpoint.signature,
        checkpoint.key_id,
    )


async def checkpoints(connection: Connection) -> AsyncIterator[Checkpoint]:
    """All of them in order; needs a transaction."""
    async for row in connection.cursor("SELECT * FROM checkpoints ORDER BY sequence", prefetch=500):
        yield _checkpoint(row)


async def first_covering(
    connection: Connection, chain_id: UUID, sequence: int, completed_at: datetime
) -> Checkpoint | None:
    """The first checkpoint that names the chain at this place or further on."""
    row = await connection.fetchrow(
        """
        SELECT k.*
        FROM checkpoints k
        CROSS JOIN LATERAL json_array_elements(k.content::json -> 'chains') AS chain
        WHERE k.signed_at >= $3
          AND chain ->> 'id' = $1
          AND (chain ->> 'sequence')::integer >= $2
        ORDER BY k.sequence
        LIMIT 1
        """,
        str(chain_id),
        sequence,
        completed_at,
    )
    return _checkpoint(row) if row else None


async def rows(
    connection: Connection, completed_after: datetime | None, completed_before: datetime | None
) -> AsyncIterator[Row]:
    """Receipts by chain and sequence with everything that their digests cover; needs a transaction.

    A time selects a piece of each chain without holes, although neighbours may have ended in another order.
    """
    found = connection.cursor(
        """
        WITH pieces AS (
            SELECT chain_id, min(sequence) AS first, max(sequence) AS last
            FROM outcomes
            WHERE ($1::timestamptz IS NULL OR completed_at >= $1)
              AND ($2::timestamptz IS NULL OR completed_at < $2)
            GROUP BY chain_id
        )
        SELECT i.id, i.tool_name, i.tool_etag, i.input_params, i.input_salt, i.input_digest, i.principal,
               i.correlation_id, i.request_id, i.begun_as, i.refused, i.writer, i.created_at,
               o.invocation_id, o.status, o.result, o.error, o.error_reason, o.completed_at,
               o.chain_id, o.sequence, o.previous_digest, o.digest, o.result_salt, o.result_digest,
               false AS started,
               coalesce(r.fields, '{}') AS redacted_fields
        FROM outcomes o
        JOIN pieces p ON p.chain_id = o.chain_id AND o.sequence BETWEEN p.first AND p.last
        LEFT JOIN invocations i ON i.id = o.invocation_id
        LEFT JOIN (
            SELECT invocation_id, array_agg(field ORDER BY field) AS fields
            FROM redactions
            GROUP BY invocation_id
        ) AS r ON r.invocation_id = o.invocation_id
        ORDER BY o.chain_id, o.sequence
        """,
        completed_after,
        completed_before,
        prefetch=2000,
    )
    async for row in found:
        yield _row(row)


def _row(row: Record) -> Row:
    ending = None if row["id"] is None else invocations.invocation(row).ending
    return Row(ending, invocations.link(row), row["invocation_id"], tuple(row["redacted_fields"]))


def _checkpoint(row: Record) -> Checkpoint:
    return Checkpoint(row["sequence"], row["signed_at"], row["content"], row["signature"], row["key_id"])
