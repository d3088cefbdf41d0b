"""SQL of events: the history of each request, and the stream of all."""

from collections.abc import Sequence
from typing import Any

import orjson

from servicekit.identity.visibility import Viewer
from servicekit.pagination import fitting_into
from servicekit.postgres import Connection, Record
from services.hitl.lifecycle.store.requests import COLUMNS, MAX_PAGE_BYTES, SIZE, human_requests, shown_to
from services.hitl.models import Event, EventFilter, HumanRequest, NewEvent, Step

# Whoever writes events holds it until the commit: without it a lower number could appear after a higher one was read.
LOCK = 0x68_69_74_6C


async def insert(connection: Connection, events: Sequence[NewEvent]) -> list[int]:
    """Records events, the last thing that a transaction does but for its outbox; returns their numbers.

    Everything after it waits for other writers, and they for it: nothing that could wait for them may come later.
    """
    await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
    rows = await connection.fetch(
        """
        INSERT INTO human_request_events (human_request_id, kind, principal, detail)
        SELECT human_request_id, kind, principal, detail
        FROM json_to_recordset($1::json) AS new_event (human_request_id text, kind text, principal text, detail json)
        RETURNING sequence
        """,
        orjson.dumps([_fields(event) for event in events]).decode(),
    )
    return [row["sequence"] for row in rows]


async def notify(connection: Connection) -> None:
    """Tells every replica to look for new events, when the transaction commits: once, however many there are."""
    await connection.execute("SELECT pg_notify('human_requests', '')")


async def last(connection: Connection) -> int:
    """The number of the newest event; 0 where there is none."""
    return await connection.fetchval("SELECT max(sequence) FROM human_request_events") or 0


async def after(connection: Connection, sequence: int, limit: int) -> list[Step]:
    """Events after a number, in order; which they are, and not what they say."""
    rows = await connection.fetch(
        """
        SELECT sequence, human_request_id, kind, at
        FROM human_request_events
        WHERE sequence > $1
        ORDER BY sequence
        LIMIT $2
        """,
        sequence,
        limit,
    )
    return [Step(*row) for row in rows]


async def between(
    connection: Connection, wanted: EventFilter, viewer: Viewer, after: int, upto: int, limit: int
) -> tuple[list[tuple[Event, HumanRequest]], int]:
    """Events after one number and up to another, with the requests as they stand now, in order.

    Returns:
        The events, and up to where they are all: less than was asked for where there were more than so many, or no
        room for more.
    """
    values: list[Any] = [after, upto]
    conditions = ["e.sequence > $1", "e.sequence <= $2", shown_to(viewer, values)]
    for condition, value in (
        ("e.kind = ANY({})", list(wanted.kinds)),
        ("e.human_request_id = {}", wanted.human_request_id),
        ("r.request_type = {}", wanted.request_type),
        ("{} = ANY(r.assignees)", wanted.assignee),
        ("{} = ANY(r.groups)", wanted.group),
        ("{} = ANY(r.tags)", wanted.tag),
    ):
        if value:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    rows = await connection.fetch(
        f"""
        SELECT e.sequence, octet_length(e::text) + {SIZE} AS size
        FROM human_request_events e
        JOIN human_requests r ON r.id = e.human_request_id
        WHERE {" AND ".join(conditions)}
        ORDER BY e.sequence
        LIMIT {limit:d}
        """,
        *values,
    )
    if not rows:
        return [], upto
    fitting = fitting_into(MAX_PAGE_BYTES, [row["size"] for row in rows])
    read = await connection.fetch(
        f"""
        SELECT {COLUMNS},
               e.sequence, e.human_request_id, e.kind, e.at, e.principal, e.detail
        FROM human_request_events e
        JOIN human_requests r ON r.id = e.human_request_id
        WHERE e.sequence = ANY($1)
        ORDER BY e.sequence
        """,
        [row["sequence"] for row in rows[:fitting]],
    )
    found = zip(map(_event, read), await human_requests(read), strict=True)
    return [*found], upto if fitting == len(rows) < limit else rows[fitting - 1]["sequence"]


async def history(connection: Connection, human_request_id: str, after: int, limit: int) -> tuple[list[Event], bool]:
    """The events of one request, oldest first, those after a number; and whether there was room for all."""
    rows = await connection.fetch(
        """
        SELECT sequence, human_request_id, kind, at, principal, detail
        FROM human_request_events
        WHERE human_request_id = $1 AND sequence > $2
        ORDER BY sequence
        LIMIT $3
        """,
        human_request_id,
        after,
        limit,
    )
    fitting = fitting_into(MAX_PAGE_BYTES, [len(row["detail"]) for row in rows])
    return [_event(row) for row in rows[:fitting]], fitting == len(rows)


def _fields(event: NewEvent) -> dict[str, Any]:
    return {
        "human_request_id": event.human_request_id,
        "kind": event.kind,
        "principal": event.principal,
        "detail": event.detail,
    }


def _event(row: Record) -> Event:
    return Event(
        row["sequence"], row["human_request_id"], row["kind"], row["at"], row["principal"], orjson.loads(row["detail"])
    )
