"""Reads what an answer is made of: roll-ups of the series that are asked about, and events that no roll-up has."""

from collections.abc import Mapping, Sequence

import numpy as np

from servicekit.errors import ServiceError, invalid_field
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.postgres import Connection, Record
from services.metrics.queries.models import OWN_LABELS, Query
from services.metrics.queries.planning import Segment, with_open
from services.metrics.queries.store import events as events_store
from services.metrics.queries.store import series as series_store
from services.metrics.rollups.models import EventPart, Part
from services.metrics.rollups.sketch import encoded
from services.metrics.rollups.store import rollups as rollups_store
from services.metrics.rollups.store.closing import closed_until

MAX_GROUPS = 1_000
# Points of one answer, and rows that it is made of: of events there is one for each bucket of each sketch.
MAX_POINTS = 50_000
MAX_ROWS = 200_000
# About what a row takes on its way, by which is told how much work it makes.
ROW_BYTES = 100


class Reader:
    """What was read for one answer: `parts` and `exemplars` of groups, which `groups` numbers."""

    def __init__(self, connection: Connection, asked: Query, viewer: Viewer) -> None:
        self._connection = connection
        self._asked = asked
        self._viewer = viewer
        self.groups: dict[tuple[str, ...], int] = {}
        self.parts: list[Part] = []
        # Group, step, magnitude, invocation.
        self.exemplars: list[tuple[int, int, float, str]] = []
        # From what they are, the coarsest first.
        self.sources: list[str] = []

    async def read(self, segments: Sequence[Segment]) -> None:
        """Reads everything of these segments.

        Raises:
            ServiceError: INVALID_ARGUMENT where there are too many groups, or points.
        """
        rolled = [segment for segment in segments if segment.tier is not None]
        events = [(segment.start, segment.end, False) for segment in segments if segment.tier is None]
        if rolled:
            groups = await self._groups_of_series()
            found = with_open(rolled, await closed_until(self._connection))
            within = [(each.tier, (each.start, each.end)) for each in found if each.tier is not None]
            if groups:
                await self._read_rollups(within, groups)
            # Segments of roll-ups lie side by side, between those of events.
            events.append((rolled[0].start, rolled[-1].end, True))
            tiers = sorted({tier for tier, _ in within}, key=lambda tier: -tier.width)
            self.sources = [tier.name for tier in tiers]
        if events:
            await self._read_events(events)
        if len(rolled) < len(segments):
            self.sources.append("events")

    async def _groups_of_series(self) -> Mapping[int, int]:
        asked = self._asked
        # Where no dimension is asked about, totals say it.
        totals = not asked.selection.dimensions and set(asked.group_by) <= set(OWN_LABELS)
        found = await series_store.matching(self._connection, asked.selection, self._viewer, totals=totals)
        return {each.id: self._group(tuple(each.label(name) for name in asked.group_by)) for each in found}

    def _group(self, labels: tuple[str, ...]) -> int:
        number = self.groups.setdefault(labels, len(self.groups))
        if number >= MAX_GROUPS:
            raise invalid_field("group_by", f"makes more than {MAX_GROUPS:,} groups; select fewer values")
        return number

    async def _read_rollups(self, within: Sequence[rollups_store.Within], groups: Mapping[int, int]) -> None:
        asked = self._asked
        rows = await rollups_store.parts(
            self._connection, within, groups, asked.selection.measure, asked.step,
            sketches=bool(asked.quantiles), most=MAX_POINTS + 1,
        )  # fmt: skip
        if len(rows) > MAX_POINTS:
            raise too_many_points()
        self.parts += await beside(len(rows) * ROW_BYTES, lambda: [Part(*row) for row in rows])
        if asked.exemplars:
            self.exemplars += await rollups_store.exemplars(self._connection, within, groups, asked.step)

    async def _read_events(self, within: Sequence[events_store.Within]) -> None:
        asked = self._asked
        question = (self._connection, asked.selection, self._viewer, asked.group_by, within, asked.step)
        most = MAX_ROWS if asked.quantiles else MAX_POINTS
        rows = await events_store.parts(*question, keys=bool(asked.quantiles), most=most + 1)
        if len(rows) > most:
            raise too_many_points()
        self.parts += await beside(len(rows) * ROW_BYTES, self._of_events, rows)
        if asked.exemplars:
            for labels, step, magnitude, invocation in await events_store.exemplars(*question):
                self.exemplars.append((self._group(labels), step, magnitude, invocation))

    def _of_events(self, rows: Sequence[Record]) -> list[Part]:
        found = []
        for cell in events_store.cells_of(rows):
            group = self._group(cell.labels)
            sketch = _encoded(cell) if self._asked.quantiles else b""
            count = sum(cell.counts)
            found.append(Part(group, cell.step, count, cell.sum, cell.min, cell.max, cell.approximate, sketch))
        return found


def too_many_points() -> ServiceError:
    return invalid_field(
        "step_seconds",
        f"makes more than {MAX_POINTS:,} points of all groups; take longer steps, or select fewer values",
    )


def _encoded(part: EventPart) -> bytes:
    keys, counts = np.array(part.keys, np.int64), np.array(part.counts, np.int64)
    return encoded(keys, counts)[0].tobytes()
