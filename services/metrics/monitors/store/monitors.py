"""SQL of monitors: their definitions, and whose turn it is to evaluate them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.metrics.monitors.models import FIRING, ClaimedMonitor, Definition, Monitor, Reading, Standing
from services.metrics.monitors.store.documents import definition, document, fields

COLUMNS = """
    id, definition, etag, created_by, created_at, updated_by, updated_at, state, streak, streak_state, unrecovered,
    state_since, value, evaluated_at, last_error
"""
# They are the administrators'.
AUDIENCE = AudienceColumns()


async def insert(
    connection: Connection, monitor_id: UUID, wanted: Definition, sealed: bytes, etag: str, by: str, most: int
) -> Monitor | None:
    """Inserts; None where there are as many as there may be."""
    # So that of two that come at once none is one too many.
    await connection.execute("LOCK TABLE monitors IN SHARE ROW EXCLUSIVE MODE")
    row = await connection.fetchrow(
        f"""
        INSERT INTO monitors (id, definition, paused, secret, etag, created_by, updated_by)
        SELECT $1, $2::jsonb, $3, $4, $5, $6, $6
        WHERE (SELECT count(*) FROM monitors) < $7
        RETURNING {COLUMNS}
        """,
        monitor_id,
        document(wanted),
        wanted.paused,
        sealed,
        etag,
        by,
        most,
    )
    return _monitor(row) if row else None


async def get(connection: Connection, monitor_id: UUID, viewer: Viewer) -> Monitor | None:
    values: list[Any] = [monitor_id]
    row = await connection.fetchrow(
        f"""
        SELECT {COLUMNS}
        FROM monitors
        WHERE id = $1
          AND {AUDIENCE.condition(viewer, values)}
        """,
        *values,
    )
    return _monitor(row) if row else None


async def list_before(
    connection: Connection, viewer: Viewer, state: str, before: tuple[datetime, UUID] | None, limit: int
) -> list[Monitor]:
    """Newest first, those before a time and id."""
    values: list[Any] = [state, limit]
    conditions = [AUDIENCE.condition(viewer, values)]
    if before is not None:
        values += before
        conditions.append(f"(created_at, id) < (${len(values) - 1}, ${len(values)})")
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM monitors
        WHERE ($1 = '' OR state = $1)
          AND {" AND ".join(conditions)}
        ORDER BY created_at DESC, id DESC
        LIMIT $2
        """,
        *values,
    )
    return [_monitor(row) for row in rows]


async def replace(
    connection: Connection,
    monitor_id: UUID,
    wanted: Definition,
    new_secret: tuple[bytes, int] | None,
    etags: tuple[str, str],
    by: str,
) -> Monitor | None:
    """Replaces the definition; None where there is none with the first etag.

    `new_secret`, where one is given: sealed, and for how many seconds the old one signs beside it.

    What was being evaluated by the old definition has no say any more.
    """
    row = await connection.fetchrow(
        f"""
        UPDATE monitors
        SET definition = $2::jsonb,
            paused = $3,
            secret = coalesce($4, secret),
            replaced_secret = CASE WHEN $4 IS NULL THEN replaced_secret ELSE secret END,
            replaced_secret_until =
                CASE WHEN $4 IS NULL THEN replaced_secret_until ELSE now() + make_interval(secs => $8) END,
            etag = $6,
            updated_by = $7,
            updated_at = now(),
            streak = 0,
            streak_state = '',
            due_at = now(),
            claim = NULL,
            leased_until = NULL
        WHERE id = $1
          AND ($5 = '' OR etag = $5)
        RETURNING {COLUMNS}
        """,
        monitor_id,
        document(wanted),
        wanted.paused,
        new_secret[0] if new_secret else None,
        *etags,
        by,
        new_secret[1] if new_secret else 0,
    )
    return _monitor(row) if row else None


async def delete(connection: Connection, monitor_id: UUID) -> bool:
    """Whether there was one."""
    return bool(await connection.fetchval("DELETE FROM monitors WHERE id = $1 RETURNING true", monitor_id))


async def claim(connection: Connection, limit: int, lease_seconds: float) -> list[ClaimedMonitor]:
    """Takes monitors that are due, those due longest first: nobody else evaluates them for the time of the lease."""
    rows = await connection.fetch(
        """
        WITH due AS (
            SELECT id
            FROM monitors
            WHERE NOT paused
              AND due_at <= now()
              AND (leased_until IS NULL OR leased_until <= now())
            ORDER BY due_at
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE monitors
        SET claim = gen_random_uuid(),
            leased_until = clock_timestamp() + make_interval(secs => $2)
        FROM due
        WHERE monitors.id = due.id
        RETURNING monitors.id, monitors.claim, monitors.definition, monitors.created_by, monitors.state,
                  monitors.streak, monitors.streak_state, monitors.unrecovered, clock_timestamp() AS now
        """,
        limit,
        lease_seconds,
    )
    return [
        ClaimedMonitor(
            definition=definition(row["definition"]),
            standing=_standing(row),
            **fields(row, ("id", "claim", "created_by", "now")),
        )
        for row in rows
    ]


async def evaluated(connection: Connection, claimed: ClaimedMonitor, standing: Standing, reading: Reading) -> bool:
    """Writes how a monitor stands, and lets go of it; False where this evaluation has no say any more."""
    kept = await connection.fetchval(
        """
        UPDATE monitors
        SET state = $3,
            streak = $4,
            streak_state = $5,
            unrecovered = $9,
            state_since = CASE WHEN state = $3 THEN state_since ELSE $6 END,
            value = $7,
            evaluated_at = $6,
            last_error = '',
            due_at = $6 + make_interval(secs => $8),
            claim = NULL,
            leased_until = NULL
        WHERE id = $1
          AND claim = $2
          AND leased_until > now()
        RETURNING true
        """,
        claimed.id,
        claimed.claim,
        standing.state,
        standing.streak,
        standing.streak_state,
        claimed.now,
        reading.value,
        claimed.definition.evaluate_seconds,
        standing.unrecovered,
    )
    return bool(kept)


async def failed(connection: Connection, claimed: ClaimedMonitor, error: str) -> None:
    """Notes that a monitor could not be evaluated, and lets go of it."""
    await connection.execute(
        """
        UPDATE monitors
        SET last_error = $3,
            due_at = $4 + make_interval(secs => $5),
            claim = NULL,
            leased_until = NULL
        WHERE id = $1
          AND claim = $2
        """,
        claimed.id,
        claimed.claim,
        error,
        claimed.now,
        claimed.definition.evaluate_seconds,
    )


async def sealed_secrets(connection: Connection) -> Sequence[tuple[UUID, bytes]]:
    """The secrets of each monitor, as they are kept."""
    rows = await connection.fetch(
        """
        SELECT id, kept.secret
        FROM monitors, unnest(ARRAY[secret, replaced_secret]) AS kept (secret)
        WHERE kept.secret IS NOT NULL
        ORDER BY id
        """
    )
    return [(row["id"], row["secret"]) for row in rows]


async def reseal(connection: Connection, monitor_id: UUID, old: bytes, new: bytes) -> None:
    """Replaces a sealed secret, unless somebody has."""
    await connection.execute(
        """
        UPDATE monitors
        SET secret = CASE WHEN secret = $2 THEN $3 ELSE secret END,
            replaced_secret = CASE WHEN replaced_secret = $2 THEN $3 ELSE replaced_secret END
        WHERE id = $1
          AND (secret = $2 OR replaced_secret = $2)
        """,
        monitor_id,
        old,
        new,
    )


def _standing(row: Record) -> Standing:
    # The release before this one wrote no more than that it fires.
    return Standing(row["state"], row["streak"], row["streak_state"], row["unrecovered"] or row["state"] == FIRING)


def _monitor(row: Record) -> Monitor:
    own = tuple(name for name in Monitor.__slots__ if name not in ("definition", "standing"))
    return Monitor(definition=definition(row["definition"]), standing=_standing(row), **fields(row, own))
