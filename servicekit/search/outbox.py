"""SQL of the outbox: what is to be brought into the index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Change:
    """An item that has come, changed or gone, claimed by one worker for the time of its lease."""

    item_id: str
    version: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is still to be brought in."""

    waiting: int
    failed: int
    # When the one that waits longest came; None where none waits.
    oldest: datetime | None
    lag_seconds: float
    last_error: str


async def queue(connection: Connection, item_ids: Sequence[str]) -> None:
    """Has items brought in, in the transaction of this connection."""
    await connection.execute("SELECT queue_for_index($1)", list(item_ids))


async def begin_remake(connection: Connection) -> None:
    """The index is about to be made again; it lacks something until `end_remake`, and until what was queued is in."""
    await connection.execute("UPDATE index_followed SET remaking = true")


async def queue_for_remake(connection: Connection, item_ids: Sequence[str]) -> None:
    """Has items brought in because all are."""
    await queue(connection, item_ids)
    await connection.execute("UPDATE index_outbox SET of_remake = true WHERE item_id = ANY($1)", list(item_ids))


async def end_remake(connection: Connection) -> None:
    """The index is there, and everything is on its way to it."""
    await connection.execute("UPDATE index_followed SET remaking = false")


async def is_remaking(connection: Connection) -> bool:
    """Whether somebody has begun to make the index again and has not put everything on its way."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM index_followed WHERE remaking)"))


async def is_whole(connection: Connection) -> bool:
    """Whether the index lacks nothing but what has just changed."""
    return bool(
        await connection.fetchval(
            """
            SELECT EXISTS (SELECT FROM index_followed WHERE NOT remaking)
               AND NOT EXISTS (SELECT FROM index_outbox WHERE of_remake AND next_attempt_at IS NOT NULL)
            """
        )
    )


async def claim(connection: Connection, limit: int, lease_seconds: float) -> list[Change]:
    """Takes what is due, so that nobody else does for the time of the lease."""
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT item_id
            FROM index_outbox
            WHERE next_attempt_at <= clock_timestamp()
            ORDER BY next_attempt_at, item_id
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE index_outbox
        SET attempts = attempts + 1,
            next_attempt_at = clock_timestamp() + make_interval(secs => $2)
        FROM due
        WHERE index_outbox.item_id = due.item_id
        RETURNING index_outbox.item_id, version, attempts
        """,
        limit,
        lease_seconds,
    )
    return [Change(row["item_id"], row["version"], row["attempts"]) for row in rows]


async def done(connection: Connection, changes: Sequence[Change]) -> None:
    """They are in the index; what has changed since stays."""
    await connection.execute(
        """
        DELETE FROM index_outbox
        WHERE (item_id, version) IN (
            SELECT item_id, version
            FROM index_outbox
            JOIN unnest($1::text[], $2::bigint[]) AS brought_in (item_id, version) USING (item_id, version)
            ORDER BY item_id
            FOR UPDATE OF index_outbox
        )
        """,
        [each.item_id for each in changes],
        [each.version for each in changes],
    )


async def postpone(connection: Connection, changes: Sequence[Change], seconds: float | None, error: str) -> None:
    """They could not be brought in: due again after so many seconds; None: never, unless they change."""
    await connection.execute(
        """
        UPDATE index_outbox
        SET next_attempt_at = clock_timestamp() + make_interval(secs => $3),
            last_error = $4
        FROM unnest($1::text[], $2::bigint[]) AS tried (item_id, version)
        WHERE index_outbox.item_id = tried.item_id
          AND index_outbox.version = tried.version
        """,
        [each.item_id for each in changes],
        [each.version for each in changes],
        seconds,
        error[:1000],
    )


async def waiting(connection: Connection) -> Waiting:
    """How much there is still to do."""
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE next_attempt_at IS NOT NULL) AS waiting,
               count(*) FILTER (WHERE next_attempt_at IS NULL) AS failed,
               min(queued_at) FILTER (WHERE next_attempt_at IS NOT NULL) AS oldest,
               coalesce(
                   extract(epoch FROM clock_timestamp() - min(queued_at) FILTER (WHERE next_attempt_at IS NOT NULL)), 0
               )::float8 AS lag_seconds,
               coalesce((array_agg(last_error ORDER BY queued_at DESC) FILTER (WHERE last_error <> ''))[1], '')
                   AS last_error
        FROM index_outbox
        """
    )
    assert row is not None
    return Waiting(row["waiting"], row["failed"], row["oldest"], row["lag_seconds"], row["last_error"])


async def followed(connection: Connection) -> bool:
    """Whether changes are put into the outbox."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM index_followed)"))


async def follow(connection: Connection) -> None:
    """Has changes put into the outbox from the end of this transaction on.

    Who is changing something, and has seen that nobody follows, is waited for. What changed before is in no index,
    so that is to be made again.
    """
    await connection.execute("LOCK TABLE index_followed IN ACCESS EXCLUSIVE MODE")
    await connection.execute(
        "INSERT INTO index_followed (followed, remaking) VALUES (true, true) ON CONFLICT DO NOTHING"
    )


async def leave(connection: Connection) -> None:
    """Forgets all that waits, and has nothing put there any more: where there is no index, nobody brings it in."""
    await connection.execute("DELETE FROM index_followed")
    await connection.execute("DELETE FROM index_outbox")


async def seconds_to_next(connection: Connection) -> float | None:
    """In how many seconds something will be due; None where nothing waits."""
    found: float | None = await connection.fetchval(
        """
        SELECT greatest(extract(epoch FROM next_attempt_at - clock_timestamp()), 0)::float8
        FROM index_outbox
        WHERE next_attempt_at IS NOT NULL
        ORDER BY next_attempt_at
        LIMIT 1
        """
    )
    return found
