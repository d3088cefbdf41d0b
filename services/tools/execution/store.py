"""SQL of the replicas that run tools: their heartbeats, what the dead left open, what is to be cancelled."""

from collections.abc import Sequence
from uuid import UUID

from servicekit.postgres import Connection
from services.tools.audit.store.invocations import SELECT, invocation
from services.tools.models import Invocation


async def record_heartbeat(connection: Connection, replica: UUID, host: str, oldest_open: UUID) -> None:
    """A heartbeat, and the id before which nothing of this process is open."""
    await connection.execute(
        """
        INSERT INTO replicas (id, host, oldest_open)
        VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE
        SET heartbeat_at = now(),
            oldest_open = excluded.oldest_open
        """,
        replica,
        host,
        oldest_open,
    )


async def lock_dead(connection: Connection, living: UUID, lease_seconds: float) -> list[tuple[UUID, UUID]]:
    """Replicas whose heartbeat is too old, locked until the transaction ends: id, oldest open invocation.

    The caller is left out: it lives, and its own heartbeat may be old because the database was away.
    """
    rows = await connection.fetch(
        """
        SELECT id, oldest_open
        FROM replicas
        WHERE id <> $1
          AND heartbeat_at < now() - make_interval(secs => $2)
        ORDER BY id
        FOR UPDATE SKIP LOCKED
        """,
        living,
        lease_seconds,
    )
    return [(row["id"], row["oldest_open"]) for row in rows]


async def open_of(connection: Connection, replica: UUID, oldest_open: UUID, limit: int) -> Sequence[Invocation]:
    """What a process began and did not end. What awaits its approval is left out: nothing has begun there."""
    rows = await connection.fetch(
        f"""
        {SELECT}
        WHERE i.id >= $2
          AND i.replica = $1
          AND i.begun_as <> 'awaiting_approval'
          AND o.invocation_id IS NULL
        ORDER BY i.id
        LIMIT $3
        """,
        replica,
        oldest_open,
        limit,
    )
    return [invocation(row) for row in rows]


async def approved_of(connection: Connection, replica: UUID, limit: int) -> Sequence[Invocation]:
    """What a process took over to run after its approval, whoever began it, and did not end."""
    rows = await connection.fetch(
        f"""
        {SELECT}
        WHERE d.replica = $1
          AND d.status = 'approved'
          AND o.invocation_id IS NULL
        ORDER BY i.id
        LIMIT $2
        """,
        replica,
        limit,
    )
    return [invocation(row) for row in rows]


async def forget_replica(connection: Connection, replica: UUID) -> None:
    await connection.execute("DELETE FROM replicas WHERE id = $1", replica)


async def insert_cancellation(connection: Connection, invocation_id: UUID, principal: str) -> None:
    await connection.execute(
        """
        WITH written AS (
            INSERT INTO cancellations (invocation_id, principal)
            VALUES ($1, $2)
            ON CONFLICT DO NOTHING
        )
        SELECT pg_notify('cancellations', $3)
        """,
        invocation_id,
        principal,
        str(invocation_id),
    )


async def cancellations_of(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Which of these somebody wants to end."""
    rows = await connection.fetch("SELECT invocation_id FROM cancellations WHERE invocation_id = ANY($1)", ids)
    return [row["invocation_id"] for row in rows]
