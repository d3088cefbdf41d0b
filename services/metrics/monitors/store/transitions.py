"""SQL of the history of monitors, and of what is to be done about it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.metrics.monitors.models import (
    Action,
    ActionResult,
    ClaimedAction,
    ClaimedMonitor,
    Reading,
    Transition,
)
from services.metrics.monitors.store.documents import action, document, fields

COLUMNS = """
    transition.id, transition.monitor_id, transition.monitor_name, transition.from_state, transition.state,
    transition.at, transition.value, transition.judged_by, transition.window_start, transition.window_end,
    transition.invocation_ids
"""
# As monitors.
AUDIENCE = AudienceColumns()


async def insert(
    connection: Connection, transition: Transition, monitor: ClaimedMonitor, actions: Sequence[Action]
) -> None:
    """Writes a transition, and what is to be done about it."""
    reading = transition.reading
    await connection.execute(
        """
        INSERT INTO monitor_transitions (
            id, monitor_id, monitor_name, from_state, state, at, value, judged_by, window_start, window_end,
            invocation_ids
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        transition.id,
        transition.monitor_id,
        transition.monitor_name,
        transition.from_state,
        transition.state,
        transition.at,
        reading.value,
        transition.judged_by,
        reading.window_start,
        reading.window_end,
        list(reading.invocations),
    )
    await connection.execute(
        """
        INSERT INTO monitor_actions (transition_id, position, kind, action, asked_by)
        SELECT $1, position, kind, action::jsonb, $4
        FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS new (kind, action, position)
        """,
        transition.id,
        [each.kind for each in actions],
        [document(each) for each in actions],
        monitor.created_by,
    )
    await connection.execute("SELECT pg_notify('monitor_actions', '')")


async def list_before(
    connection: Connection,
    viewer: Viewer,
    wanted: tuple[UUID | None, str],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Transition]:
    """Newest first, those of a monitor and to a state, before a time and id, with what was done about them."""
    values: list[Any] = [*wanted, limit]
    conditions = [AUDIENCE.condition(viewer, values)]
    if wanted[0] is not None:
        conditions.append("transition.monitor_id = $1")
    if before is not None:
        values += before
        conditions.append(f"(transition.at, transition.id) < (${len(values) - 1}, ${len(values)})")
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS}
        FROM monitor_transitions AS transition
        WHERE ($1::uuid IS NULL OR true)
          AND ($2 = '' OR transition.state = $2)
          AND {" AND ".join(conditions)}
        ORDER BY transition.at DESC, transition.id DESC
        LIMIT $3
        """,
        *values,
    )
    results = await _results(connection, [row["id"] for row in rows])
    return [_transition(row, results.get(row["id"], ())) for row in rows]


async def _results(connection: Connection, transition_ids: Sequence[UUID]) -> dict[UUID, list[ActionResult]]:
    rows = await connection.fetch(
        """
        SELECT transition_id, id, action, status, attempts, last_error, done_at
        FROM monitor_actions
        WHERE transition_id = ANY($1::uuid[])
        ORDER BY transition_id, position
        """,
        list(transition_ids),
    )
    found: dict[UUID, list[ActionResult]] = {}
    for row in rows:
        own = fields(row, ("id", "status", "attempts", "last_error", "done_at"))
        found.setdefault(row["transition_id"], []).append(ActionResult(action=action(row["action"]), **own))
    return found


async def claim(connection: Connection, limit: int, lease_seconds: float) -> list[ClaimedAction]:
    """Takes actions that are due, so that nobody else does them for the time of the lease."""
    rows = await connection.fetch(
        f"""
        WITH due AS (
            SELECT id
            FROM monitor_actions
            WHERE status = 'pending'
              AND next_attempt_at <= now()
            ORDER BY next_attempt_at
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ),
        claimed AS (
            UPDATE monitor_actions AS one
            SET attempts = one.attempts + 1,
                claim = gen_random_uuid(),
                next_attempt_at = clock_timestamp() + make_interval(secs => $2)
            FROM due
            WHERE one.id = due.id
            RETURNING one.id AS action_id, one.claim, one.action, one.asked_by, one.attempts, one.transition_id
        )
        SELECT claimed.action_id, claimed.claim, claimed.action, claimed.asked_by, claimed.attempts,
               monitors.secret,
               CASE WHEN monitors.replaced_secret_until > now() THEN monitors.replaced_secret END AS replaced_secret,
               {COLUMNS}
        FROM claimed
        JOIN monitor_transitions AS transition ON transition.id = claimed.transition_id
        LEFT JOIN monitors ON monitors.id = transition.monitor_id
        """,
        limit,
        lease_seconds,
    )
    return [
        ClaimedAction(
            id=row["action_id"],
            action=action(row["action"]),
            transition=_transition(row, ()),
            **fields(row, ("claim", "asked_by", "attempts", "secret", "replaced_secret")),
        )
        for row in rows
    ]


async def tried(
    connection: Connection, claimed: ClaimedAction, status: str, error: str, pause_seconds: float = 0
) -> bool:
    """Writes what came of a try: `done`, `failed`, or `pending` until the pause is over; False where it has no say."""
    kept = await connection.fetchval(
        """
        UPDATE monitor_actions
        SET status = $3,
            claim = NULL,
            last_error = $4,
            next_attempt_at = clock_timestamp() + make_interval(secs => $5),
            done_at = CASE WHEN $3 = 'done' THEN clock_timestamp() END
        WHERE id = $1
          AND claim = $2
          AND status = 'pending'
        RETURNING true
        """,
        claimed.id,
        claimed.claim,
        status,
        error,
        pause_seconds,
    )
    return bool(kept)


async def forget(connection: Connection, older_than: timedelta) -> None:
    """Deletes what is too old."""
    await connection.execute("DELETE FROM monitor_transitions WHERE at < now() - $1::interval", older_than)


def _transition(row: Record, actions: Sequence[ActionResult]) -> Transition:
    reading = Reading(row["value"], row["window_start"], row["window_end"], row["invocation_ids"])
    own = fields(row, ("id", "monitor_id", "monitor_name", "from_state", "state", "at", "judged_by"))
    return Transition(reading=reading, actions=actions, **own)
