"""SQL of single events, as they are listed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.metrics.queries.models import Selection, SingleEvent
from services.metrics.queries.store.events import AUDIENCE

# When it was, its request, and where it stood there.
Place: TypeAlias = tuple[datetime, int, int]


async def newest(
    connection: Connection,
    selection: Selection,
    viewer: Viewer,
    within: tuple[datetime | None, datetime | None],
    before: Place | None,
    limit: int,
) -> list[SingleEvent]:
    """Events of a time, newest first, those before a place.

    Args:
        connection: to the database.
        selection: which events; not by dimensions.
        viewer: who asks.
        within: from when, and until when; None: open.
        before: the event after which the page begins.
        limit: how many at most.
    """
    values: list[Any] = [selection.service, selection.type, selection.principal, *within, limit]
    conditions: Sequence[str] = [
        AUDIENCE.condition(viewer, values),
        *([] if within[0] is None else ["e.at >= $4"]),
        *([] if within[1] is None else ["e.at < $5"]),
    ]
    if before is not None:
        values += before
        first = len(values) - 2
        # The time by itself as well: that is what the index knows.
        conditions = [
            *conditions,
            f"e.at <= ${first}",
            f"(e.at, e.request, e.position) < (${first}, ${first + 1}, ${first + 2})",
        ]
    rows = await connection.fetch(
        f"""
        SELECT e.at, e.request, e.position, s.principal, s.service, s.version, s.instance_id, s.type,
               e.value, e.duration_ms, e.weight, s.dimensions, e.metadata
        FROM metric_events e
        JOIN series s ON s.id = e.series_id
        WHERE ($1 = '' OR s.service = $1)
          AND ($2 = '' OR s.type = $2)
          AND ($3 = '' OR s.principal = $3)
          AND ($4::timestamptz IS NULL OR true)
          AND ($5::timestamptz IS NULL OR true)
          AND {" AND ".join(conditions)}
        ORDER BY e.at DESC, e.request DESC, e.position DESC
        LIMIT $6
        """,
        *values,
    )
    return [SingleEvent(*row) for row in rows]
