"""SQL of series: those that a question is about, and that its caller sees."""

from typing import Any

import orjson

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection
from services.metrics.queries.models import RolledSeries, Selection

# What somebody has sent is theirs.
AUDIENCE = AudienceColumns(owners=("principal",))


async def matching(connection: Connection, selection: Selection, viewer: Viewer, *, totals: bool) -> list[RolledSeries]:
    """The series of a selection.

    Args:
        connection: to the database.
        selection: which are asked about.
        viewer: who asks.
        totals: whether those of all dimensions together; then none is asked about.
    """
    values: list[Any] = [totals, selection.service, selection.type, selection.principal]
    conditions = [AUDIENCE.condition(viewer, values)]
    for key, wanted in selection.dimensions.items():
        values += [key, list(wanted)]
        conditions.append(f"coalesce(dimensions ->> ${len(values) - 1}, '') = ANY(${len(values)}::text[])")
    rows = await connection.fetch(
        f"""
        SELECT id, principal, service, type, dimensions
        FROM rollup_series
        WHERE totals = $1
          AND ($2 = '' OR service = $2)
          AND ($3 = '' OR type = $3)
          AND ($4 = '' OR principal = $4)
          AND {" AND ".join(conditions)}
        """,
        *values,
    )
    return [
        RolledSeries(row["id"], row["principal"], row["service"], row["type"], orjson.loads(row["dimensions"]))
        for row in rows
    ]
