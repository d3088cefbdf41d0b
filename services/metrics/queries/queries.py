"""Answers questions about values over time, from roll-ups and events."""

from collections.abc import Collection

from servicekit.errors import invalid_field
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.postgres import Connection, Database
from services.metrics.queries import reading
from services.metrics.queries.cells import Cell, compute_quantiles, filled
from services.metrics.queries.models import OWN_LABELS, Answer, Line, Point, Query
from services.metrics.queries.planning import Plan, TooFineError, planned
from services.metrics.queries.reading import Reader
from services.metrics.retention.store import kept_since
from services.metrics.rollups.models import SECOND

# Of one line: no screen has so many columns.
MAX_STEPS = 20_000
# About how large a cell is, by which is told how much work it makes.
CELL_BYTES = 200


class Queries:
    """What values there were, by group and step."""

    def __init__(self, database: Database, dimensions: Collection[str]) -> None:
        """Takes the names of the dimensions that are rolled up."""
        self._database = database
        self._dimensions = frozenset(dimensions)

    async def answer(self, asked: Query, viewer: Viewer) -> Answer:
        """The lines of all groups that have values.

        Raises:
            ServiceError: INVALID_ARGUMENT where the answer would be too large, or nothing so fine is kept.
        """
        async with self._database.reading() as connection:
            return await self.answer_in(connection, asked, viewer)

    async def answer_in(self, connection: Connection, asked: Query, viewer: Viewer) -> Answer:
        """The same, of what a transaction sees."""
        plan = await self._planned(connection, asked)
        if asked.step and (plan.end - plan.start) // asked.step > MAX_STEPS:
            raise invalid_field("step_seconds", f"makes more than {MAX_STEPS:,} points of this time")
        reader = Reader(connection, asked, viewer)
        await reader.read(plan.segments)
        return await beside(len(reader.parts) * CELL_BYTES, _answered, asked, plan, reader)

    async def _planned(self, connection: Connection, asked: Query) -> Plan:
        names = {*asked.selection.dimensions, *asked.group_by}
        try:
            return planned(
                asked.start,
                asked.end,
                asked.step,
                await kept_since(connection),
                rolled=names <= self._dimensions | set(OWN_LABELS),
            )
        except TooFineError as error:
            width = error.tier.width // SECOND
            raise invalid_field(
                "step_seconds", f"must be a multiple of {width}, or 0: nothing finer is kept from so long ago"
            ) from error


def _answered(asked: Query, plan: Plan, reader: Reader) -> Answer:
    cells = filled(reader.parts)
    if len(cells) > reading.MAX_POINTS:
        raise reading.too_many_points()
    for group, step, magnitude, invocation in reader.exemplars:
        if (group, step) in cells:
            cells[group, step].name([(magnitude, invocation)])
    if asked.quantiles:
        compute_quantiles(cells, asked.quantiles)
    points: dict[int, list[Point]] = {}
    for (group, step), cell in sorted(cells.items()):
        points.setdefault(group, []).append(_point(asked, plan, step, cell))
    lines = [
        Line(dict(zip(asked.group_by, labels, strict=True)), points[number])
        for labels, number in sorted(reader.groups.items())
        if number in points
    ]
    return Answer(lines, plan.start, plan.end, reader.sources)


def _point(asked: Query, plan: Plan, step: int, cell: Cell) -> Point:
    start, end = plan.start, plan.end
    if asked.step:
        start, end = max(start, step * asked.step), min(end, (step + 1) * asked.step)
    return Point(
        start,
        end,
        cell.count,
        cell.sum,
        cell.min,
        cell.max,
        cell.quantiles,
        cell.approximate,
        [invocation for _, invocation in cell.exemplars],
    )
