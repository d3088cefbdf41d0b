"""What the condition of a monitor comes to now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from servicekit.identity.visibility import ITSELF
from servicekit.timestamps import EPOCH
from services.metrics.monitors.models import BurnRate, Definition, Reading, Statistic, Threshold
from services.metrics.queries.models import Point, Query, Selection
from services.metrics.queries.queries import Queries

STATISTICS: Mapping[Statistic, Callable[[Point], float]] = {
    "count": lambda point: point.count,
    "sum": lambda point: point.sum,
    "rate": lambda point: point.rate,
    "avg": lambda point: point.avg,
    "min": lambda point: point.min,
    "max": lambda point: point.max,
    "quantile": lambda point: point.quantiles[0],
}


class Conditions:
    """Asks what monitors watch. They are administrators', who see everything."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def read(self, definition: Definition, now: datetime) -> Reading:
        """What is found in the time before now.

        Raises:
            ServiceError: INVALID_ARGUMENT where nothing so fine is kept; UNAVAILABLE.
        """
        match definition.condition:
            case Threshold() as threshold:
                return await self._threshold(definition.selection, threshold, now)
            case BurnRate() as burn_rate:
                return await self._burn_rate(definition.selection, burn_rate, now)

    async def _threshold(self, selection: Selection, condition: Threshold, now: datetime) -> Reading:
        shares = (condition.quantile,) if condition.statistic == "quantile" else ()
        point = await self._point(selection, condition.window_seconds, now, shares)
        start = now - timedelta(seconds=condition.window_seconds)
        if point is None:
            return Reading(None, start, now)
        return Reading(STATISTICS[condition.statistic](point), start, now, point.exemplars)

    async def _burn_rate(self, selection: Selection, condition: BurnRate, now: datetime) -> Reading:
        start = now - timedelta(seconds=condition.long_window_seconds)
        failures = replace(selection, dimensions={**selection.dimensions, **condition.failures})
        rates: list[float] = []
        invocations: Sequence[str] = ()
        for seconds in (condition.long_window_seconds, condition.short_window_seconds):
            everything = await self._point(selection, seconds, now)
            failed = await self._point(failures, seconds, now)
            if everything is None and not rates:
                return Reading(None, start, now)
            # Where nothing happened lately, nothing fails now.
            share = failed.count / everything.count if failed is not None and everything is not None else 0.0
            rates.append(share / (1 - condition.objective))
            invocations = invocations or (failed.exemplars if failed is not None else ())
        return Reading(min(rates), start, now, invocations)

    async def _point(
        self, selection: Selection, seconds: int, now: datetime, quantiles: Sequence[float] = ()
    ) -> Point | None:
        end = (now - EPOCH) // timedelta(microseconds=1)
        asked = Query(selection, (), end - seconds * 1_000_000, end, 0, quantiles, exemplars=True)
        answer = await self._queries.answer(asked, ITSELF)
        return answer.lines[0].points[0] if answer.lines else None
