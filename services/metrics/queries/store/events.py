"""SQL of events as they came: what the roll-ups do not know, or not yet."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from servicekit.identity.visibility import AudienceColumns, Viewer
from servicekit.postgres import Connection, Record
from services.metrics.queries.models import OWN_LABELS, Selection
from services.metrics.rollups.models import MAX_EXEMPLARS, EventPart, Measure
from services.metrics.rollups.store.rollups import steps_of, time_of

AUDIENCE = AudienceColumns(owners=("s.principal",))
MEASURES: dict[Measure, str] = {"value": "e.value", "duration": "e.duration_ms"}
# From when, and until when; and whether only those that no roll-up has yet.
Within: TypeAlias = tuple[int, int, bool]
# Events that no roll-up has yet.
PENDING = "e.batch IN (SELECT batch FROM pending_rollups)"


async def parts(
    connection: Connection,
    selection: Selection,
    viewer: Viewer,
    labels: Sequence[str],
    within: Sequence[Within],
    step: int,
    *,
    keys: bool,
    most: int,
) -> list[Record]:
    """What events say of each group and step, with the labels of the group; see `cells_of`.

    Args:
        connection: to the database.
        selection: which events.
        viewer: who asks.
        labels: by what they are grouped.
        within: from when, and until when, microseconds; and whether only those that are not rolled up yet.
        step: the width of a step, microseconds; 0: one step.
        keys: whether a row is of one bucket of the sketch only, of which there are hundreds.
        most: rows at most.
    """
    values: list[Any] = []
    source = _source(selection, viewer, labels, within, step, values)
    key = "sketch_key(measure)" if keys else "0"
    found: list[Record] = await connection.fetch(
        f"""
        SELECT labels, step, {key} AS key, sum(weight)::bigint AS count, sum(measure * weight) AS sum,
               min(measure) AS min, max(measure) AS max, bool_or(weight > 1) AS approximate
        FROM ({source}) AS chosen
        WHERE measure IS NOT NULL
        GROUP BY labels, step, key
        LIMIT {most}
        """,
        *values,
    )
    return found


def cells_of(rows: Iterable[Record]) -> list[EventPart]:
    """The rows of `parts` put together by group and step."""
    cells: dict[tuple[tuple[str, ...], int], list[Any]] = {}
    for row in rows:
        cells.setdefault((tuple(row["labels"]), row["step"]), []).append(row)
    return [
        EventPart(
            group,
            number,
            [row["key"] for row in of_cell],
            [row["count"] for row in of_cell],
            sum(row["sum"] for row in of_cell),
            min(row["min"] for row in of_cell),
            max(row["max"] for row in of_cell),
            any(row["approximate"] for row in of_cell),
        )
        for (group, number), of_cell in cells.items()
    ]


async def exemplars(
    connection: Connection,
    selection: Selection,
    viewer: Viewer,
    labels: Sequence[str],
    within: Sequence[Within],
    step: int,
) -> list[tuple[tuple[str, ...], int, float, str]]:
    """Of each group and step the invocations with the greatest magnitudes: labels, step, magnitude, id. See `parts`."""
    values: list[Any] = []
    source = _source(selection, viewer, labels, within, step, values)
    rows = await connection.fetch(
        f"""
        SELECT labels, step, magnitude, invocation_id
        FROM (
            SELECT labels, step, magnitude, invocation_id,
                   row_number() OVER (PARTITION BY labels, step ORDER BY magnitude DESC, invocation_id) AS place
            FROM ({source}) AS chosen
            WHERE pg_input_is_valid(invocation_id, 'uuid')
        ) AS named
        WHERE place <= {MAX_EXEMPLARS}
        """,
        *values,
    )
    return [(tuple(row["labels"]), row["step"], row["magnitude"], row["invocation_id"]) for row in rows]


def _source(
    selection: Selection,
    viewer: Viewer,
    labels: Sequence[str],
    within: Sequence[Within],
    step: int,
    values: list[Any],
) -> str:
    """A query for the events of a selection: their labels, step, measure, weight, magnitude and invocation."""
    values += [selection.service, selection.type, selection.principal]
    conditions = [AUDIENCE.condition(viewer, values)]
    for key, wanted in selection.dimensions.items():
        values += [key, list(wanted)]
        conditions.append(f"coalesce(s.dimensions ->> ${len(values) - 1}, '') = ANY(${len(values)}::text[])")
    columns = []
    for label in labels:
        if label in OWN_LABELS:
            columns.append(f"s.{label}")
        else:
            values.append(label)
            columns.append(f"coalesce(s.dimensions ->> ${len(values)}, '')")
    of_selection = f"""
        SELECT ARRAY[{", ".join(columns)}]::text[] AS labels,
               {steps_of("e.at", step)} AS step,
               {MEASURES[selection.measure]} AS measure,
               e.weight,
               coalesce(e.duration_ms, e.value) AS magnitude,
               e.metadata ->> 'invocation_id' AS invocation_id
        FROM metric_events e
        JOIN series s ON s.id = e.series_id
        WHERE ($1 = '' OR s.service = $1)
          AND ($2 = '' OR s.type = $2)
          AND ($3 = '' OR s.principal = $3)
          AND {" AND ".join(conditions)}
    """
    sources = []
    for start, end, pending in within:
        values += [time_of(start), time_of(end)]
        sources.append(
            f"""
            {of_selection}
          AND e.at >= ${len(values) - 1}
          AND e.at < ${len(values)}
          AND {PENDING if pending else "true"}
            """
        )
    # Each by itself: of times that are put together by OR, Postgres would use no index.
    return "UNION ALL".join(sources)
