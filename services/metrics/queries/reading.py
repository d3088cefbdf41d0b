"""Reads what an answer is made of: roll-ups of the series that are asked about, and events that no roll-up has."""

from collections.abc import Mapping, Sequence

import numpy as np

from servicekit.errors import invalid_field
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection
from services.metrics.queries.models import OWN_LABELS, Query
from services.metrics.queries.planning import Segment, with_open
from services.metrics.queries.store import events as events_store
from services.metrics.queries.store import series as series_store
from services.metrics.rollups.models import EventPart, Part, Tier
from services.metrics.rollups.sketch import encoded
from services.metrics.rollups.store import rollups as rollups_store
from services.metrics.rollups.store.closing import closed_until

MAX_GROUPS = 1_000


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
            ServiceError: INVALID_ARGUMENT where there are too many groups.
        """
        rolled = [segment for segment in segments if segment.tier is not None]
        widths: dict[str, int] = {}
        if rolled:
            groups = await self._groups_of_series()
            for segment in with_open(rolled, await closed_until(self._connection)):
                assert segment.tier is not None
                await self._read_rollups(segment.tier, groups, (segment.start, segment.end))
                widths[segment.tier.name] = segment.tier.width
            # Segments of roll-ups lie side by side, between those of events.
            await self._read_events((rolled[0].start, rolled[-1].end), pending=True)
        for segment in segments:
            if segment.tier is None:
                await self._read_events((segment.start, segment.end), pending=False)
        self.sources = sorted(widths, key=lambda name: -widths[name])
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

    async def _read_rollups(self, tier: Tier, groups: Mapping[int, int], within: tuple[int, int]) -> None:
        asked = self._asked
        self.parts += await rollups_store.parts(
            self._connection, tier, groups, asked.selection.measure, within, asked.step
        )
        if asked.exemplars:
            self.exemplars += await rollups_store.exemplars(self._connection, tier, groups, within, asked.step)

    async def _read_events(self, within: tuple[int, int], *, pending: bool) -> None:
        asked = self._asked
        question = (self._connection, asked.selection, self._viewer, asked.group_by, within, asked.step)
        for part in await events_store.parts(*question, pending=pending):
            self.parts.append(_encoded(self._group(part.labels), part))
        if asked.exemplars:
            for labels, step, magnitude, invocation in await events_store.exemplars(*question, pending=pending):
                self.exemplars.append((self._group(labels), step, magnitude, invocation))


def _encoded(group: int, part: EventPart) -> Part:
    keys, counts = np.array(part.keys, np.int64), np.array(part.counts, np.int64)
    sketch = encoded(keys, counts)[0].tobytes()
    return Part(group, part.step, sum(part.counts), part.sum, part.min, part.max, part.approximate, sketch)
