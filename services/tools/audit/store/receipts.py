"""SQL of the receipts: chains, checkpoints, and the rows a verification reads."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from servicekit.postgres import Connection, Record
from services.tools.audit.models import Checkpoint, Row
from services.tools.audit.store import approvals
from services.tools.models import Approval, Intent, Link, Outcome

# What is read of a chain at once: as many rows, and, but for the first of them, as many bytes of documents.
ROWS_AT_ONCE = 2_000
BYTES_AT_ONCE = 2 * 1024 * 1024
# Where to stop reading a bit of a chain.
ENDS = """
    SELECT max(sized.sequence) AS last
    FROM (
        SELECT o.sequence,
               sum(coalesce(octet_length(i.input_params::text), 0) + coalesce(octet_length(o.result::text), 0))
                   OVER (ORDER BY o.sequence) AS total
        FROM outcomes o
        LEFT JOIN invocations i ON i.id = o.invocation_id
        WHERE o.chain_id = $1
          AND o.sequence BETWEEN $2 AND $3
    ) AS sized
    GROUP BY sized.total / $4::bigint
    ORDER BY last
"""
# The columns stand in the order of the fields of Intent, Outcome and Link.
ROWS = """
    SELECT i.id, i.tool_name, i.tool_etag, i.input_params, i.input_salt, i.input_digest, i.principal,
           i.correlation_id, i.idempotency_key, i.begun_as, i.refused, i.replica, i.created_at,
           i.task_id, i.fencing_token, i.grant_id,
           o.invocation_id, o.status, o.result, o.error, o.error_reason, o.completed_at,
           o.chain_id, o.sequence, o.previous_digest, o.digest, o.result_salt, o.result_digest,
           ARRAY(SELECT r.field FROM redactions r WHERE r.invocation_id = o.invocation_id ORDER BY r.field),
           (o.tool_name, o.principal, o.created_at) IS NOT DISTINCT FROM (i.tool_name, i.principal, i.created_at)
    FROM outcomes o
    LEFT JOIN invocations i ON i.id = o.invocation_id
    WHERE o.chain_id = $1
      AND o.sequence BETWEEN $2 AND $3
    ORDER BY o.sequence
"""
# One process signs at a time. Any number will do, as long as every process uses the same.
CHECKPOINT_LOCK = 0x63686B70


async def insert_chain(connection: Connection, chain_id: UUID) -> None:
    await connection.execute("INSERT INTO chains (id) VALUES ($1)", chain_id)


async def lock_checkpoints(connection: Connection) -> bool:
    """Whether this transaction may sign; False where another process is at it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", CHECKPOINT_LOCK))


async def unsigned_heads(connection: Connection) -> list[tuple[UUID, int, bytes]]:
    """The last receipt of every chain that is not where it was signed last: chain, sequence, digest.

    Every process leaves a chain behind: with all of them in it, each checkpoint would be longer than the one before.
    """
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
        WHERE last.sequence <> c.signed_sequence
          -- Less than was signed stands where that has left for an archive; anywhere else it is a loss to be told.
          AND (last.sequence > c.signed_sequence OR c.signed_sequence > c.archived_sequence)
        ORDER BY c.id
        """
    )
    return [(row["id"], row["sequence"], row["digest"]) for row in rows]


async def note_signed(connection: Connection, signed: Sequence[tuple[UUID, int, bytes]]) -> None:
    """Notes up to where chains have been signed."""
    await connection.execute(
        """
        UPDATE chains c
        SET signed_sequence = s.sequence
        FROM unnest($1::uuid[], $2::integer[]) AS s (id, sequence)
        WHERE c.id = s.id
        """,
        [chain_id for chain_id, _, _ in signed],
        [sequence for _, sequence, _ in signed],
    )


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
        ORDER BY k.signed_at, k.sequence
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
    """Receipts by chain and sequence with everything that their digests cover; needs a snapshot.

    A time selects a piece of each chain without holes, although neighbours may have ended in another order. Pieces are
    read bit by bit along their index: one query for all would sort wide rows, on disk when they are many.
    """
    pieces = await connection.fetch(
        """
        SELECT chain_id, min(sequence) AS first, max(sequence) AS last
        FROM outcomes
        WHERE ($1::timestamptz IS NULL OR completed_at >= $1)
          AND ($2::timestamptz IS NULL OR completed_at < $2)
        GROUP BY chain_id
        ORDER BY chain_id
        """,
        completed_after,
        completed_before,
    )
    async for row in rows_of(connection, [(piece["chain_id"], piece["first"], piece["last"]) for piece in pieces]):
        yield row


async def rows_of(connection: Connection, pieces: Sequence[tuple[UUID, int, int]]) -> AsyncIterator[Row]:
    """The receipts of these pieces of chains, each from one number to another; needs a transaction."""
    # The planner would rather read all intents than look two thousand up, again for each bit.
    await connection.execute("SET LOCAL enable_hashjoin = off")
    await connection.execute("SET LOCAL enable_mergejoin = off")
    bits = _bits(connection, pieces)
    # Postgres reads the next bit while this one is used.
    following = asyncio.ensure_future(anext(bits, None))
    try:
        while (bit := await following) is not None:
            following = asyncio.ensure_future(anext(bits, None))
            found, approved = bit
            for row in found:
                yield _row(row, approved)
    finally:
        # Whoever stops half-way must not leave the connection busy.
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await bits.aclose()


async def _bits(
    connection: Connection, pieces: Sequence[tuple[UUID, int, int]]
) -> AsyncGenerator[tuple[Sequence[Record], Mapping[UUID, Approval]], None]:
    """The rows, as many together as may be; the approvals apart, as few receipts have one and a join would cost all."""
    for chain_id, begin, end in pieces:
        for first in range(begin, end + 1, ROWS_AT_ONCE):
            last = min(first + ROWS_AT_ONCE - 1, end)
            ends = [row["last"] for row in await connection.fetch(ENDS, chain_id, first, last, BYTES_AT_ONCE)]
            for begins, ended in pairwise([first - 1, *ends]):
                found = await connection.fetch(ROWS, chain_id, begins + 1, ended)
                awaited = [row["id"] for row in found if row["begun_as"] == "awaiting_approval"]
                yield found, await approvals.of_invocations(connection, awaited) if awaited else {}


def _row(row: Record, approved: Mapping[UUID, Approval]) -> Row:
    """By position, not by name: a verification reads a hundred thousand of them, and this is most of its time."""
    columns = tuple(row)
    invocation_id, status, result, error, error_reason, completed_at = columns[16:22]
    link = Link(*columns[22:28])
    outcome = None
    if columns[0] is not None:
        approval = approved.get(invocation_id)
        outcome = Outcome(Intent(*columns[:16]), status, result, error or "", error_reason, completed_at, approval)
    return Row(outcome, link, invocation_id, tuple(columns[28]), columns[29])


def _checkpoint(row: Record) -> Checkpoint:
    return Checkpoint(row["sequence"], row["signed_at"], row["content"], row["signature"], row["key_id"])
