"""Which groups come first, and which made the difference between two times."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from servicekit.turns import Turns
from services.metrics.queries.contributions import (
    NONE,
    Amount,
    Contribution,
    Statistic,
    contributions,
    statistic_of,
    whole,
)
from services.metrics.queries.history import History
from services.metrics.queries.models import OWN_LABELS, Answer, Line, Point, Query, Selection, SingleEvent
from services.metrics.queries.queries import Queries
from services.metrics.rollups.models import SECOND

# Questions that are answered at a time, and of each caller: each holds a connection for as long as it reads, which may
# be many seconds, and what comes in needs some, too.
AT_A_TIME, OF_EACH = 3, 2
# By what groups are ranked; a quantile is the first that was asked for.
RANKS: Mapping[str, Callable[[Point], float]] = {
    "count": lambda point: point.count,
    "sum": lambda point: point.sum,
    "avg": lambda point: point.avg,
    "min": lambda point: point.min,
    "max": lambda point: point.max,
    "quantile": lambda point: point.quantiles[0],
}


@dataclass(frozen=True, slots=True)
class Span:
    """A time; microseconds since 1970."""

    start: int
    end: int

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / SECOND


@dataclass(frozen=True, slots=True)
class Explanation:
    """A change, split up by one label."""

    label: str
    # By the label's values, the greatest first, whichever way.
    named: Sequence[tuple[str, Contribution]]
    others: Sequence[Contribution]


@dataclass(frozen=True, slots=True)
class Change:
    """A statistic at two times, and what explains the difference."""

    baseline: float | None
    current: float | None
    explanations: Sequence[Explanation]


class Comparisons:
    """Answers whatever is asked: compares groups with each other, and times."""

    def __init__(self, database: Database, queries: Queries, dimensions: Collection[str]) -> None:
        """Takes the dimensions by which changes are split up where nobody says by which."""
        self._database = database
        self._queries = queries
        self._history = History(database)
        self._turns = Turns(AT_A_TIME, OF_EACH)
        self._labels = [*OWN_LABELS, *sorted(dimensions)]

    async def answer(self, asked: Query, viewer: Viewer) -> Answer:
        """What values there were; see `Queries.answer`."""
        async with self._turns.turn():
            return await self._queries.answer(asked, viewer)

    async def page(
        self,
        selection: Selection,
        within: tuple[datetime | None, datetime | None],
        viewer: Viewer,
        page_size: int,
        page_token: str,
    ) -> tuple[list[SingleEvent], str]:
        """Single events; see `History.page`."""
        async with self._turns.turn():
            return await self._history.page(selection, within, viewer, page_size, page_token)

    async def top(self, asked: Query, order_by: str, limit: int, viewer: Viewer) -> tuple[list[Line], int, Answer]:
        """The first groups in an order, the greatest first; how many groups there are; and the whole answer."""
        async with self._turns.turn():
            answer = await self._queries.answer(asked, viewer)
        rank = RANKS[order_by]
        ordered = sorted(answer.lines, key=lambda line: (-rank(line.points[0]), sorted(line.group.items())))
        return ordered[:limit], len(ordered), answer

    async def explain(
        self,
        selection: Selection,
        statistic: Statistic,
        labels: Sequence[str],
        times: tuple[Span, Span],
        limit: int,
        viewer: Viewer,
    ) -> Change:
        """Splits the change between two times up, by each label for itself.

        Args:
            selection: of which values.
            statistic: whose change.
            labels: by what it is split up; none: by whatever is rolled up.
            times: what is compared with, and what is explained.
            limit: how many parts of each split are named.
            viewer: who asks.
        """
        seconds = times[0].seconds, times[1].seconds
        async with self._turns.turn(), self._database.reading() as connection:
            totals = [whole(await self._amounts(connection, selection, (), time, viewer)) for time in times]
            explanations = []
            for label in labels or self._labels:
                before, after = [await self._amounts(connection, selection, (label,), time, viewer) for time in times]
                found = contributions(before, after, statistic, seconds)
                if labels or set(found) - {""}:
                    explanations.append((_unevenness(found, before, after), _explanation(label, found, limit)))
        explanations.sort(key=lambda each: -each[0])
        return Change(
            statistic_of(totals[0], statistic, seconds[0]),
            statistic_of(totals[1], statistic, seconds[1]),
            [explanation for _, explanation in explanations],
        )

    async def _amounts(
        self, connection: Connection, selection: Selection, labels: Sequence[str], time: Span, viewer: Viewer
    ) -> dict[str, Amount]:
        asked = Query(selection, labels, time.start, time.end)
        answer = await self._queries.answer_in(connection, asked, viewer)
        return {"".join(line.group.values()): Amount(line.points[0].count, line.points[0].sum) for line in answer.lines}


def _explanation(label: str, found: Mapping[str, Contribution], limit: int) -> Explanation:
    ordered = sorted(found.items(), key=lambda each: (-abs(each[1].total), each[0]))
    return Explanation(label, ordered[:limit], [contribution for _, contribution in ordered[limit:]])


def _unevenness(found: Mapping[str, Contribution], before: Mapping[str, Amount], after: Mapping[str, Amount]) -> float:
    """How far contributions are from what the parts' shares of all values would have them be.

    A label with one value has all of the change, and explains nothing.
    """
    change = sum(each.total for each in found.values())
    count = sum(each.count for each in (*before.values(), *after.values()))
    shares = {key: (before.get(key, NONE).count + after.get(key, NONE).count) / max(count, 1) for key in found}
    return sum(abs(each.total - shares[key] * change) for key, each in found.items())
