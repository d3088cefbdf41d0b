"""Events as columns, and what they are together by series and bucket: count, sum, least, greatest and spread."""

import numpy as np
from numpy.typing import NDArray

from services.metrics.models import Floats, Integers
from services.metrics.rollups.models import MAX_EXEMPLARS, Observations, Rollups, Spreads
from services.metrics.rollups.numbering import numbered
from services.metrics.rollups.sketches import added_up, sketched


def rolled_up(events: Observations, width: int) -> Rollups:
    """Puts events together by series and bucket, in that order.

    Args:
        events: any, in any order; none is fine.
        width: of a bucket, microseconds.
    """
    group_of, series, buckets = _grouped(events.series, events.at // width)
    with_duration = ~np.isnan(events.durations)
    return Rollups(
        series,
        buckets,
        _spread(group_of, events.values, events.weights, len(series)),
        _spread(group_of[with_duration], events.durations[with_duration], events.weights[with_duration], len(series)),
        np.bincount(group_of, events.weights > 1, len(series)) > 0,
        *_exemplars(events, group_of, len(series)),
    )


def merged(rollups: Rollups, series: Integers, buckets: Integers) -> Rollups:
    """Puts roll-ups together, by series and bucket, in that order.

    Args:
        rollups: any; none is fine.
        series: of each the one that it becomes a part of.
        buckets: the same of its bucket.
    """
    group_of, series, buckets = _grouped(series, buckets)
    ids: list[list[bytes]] = [[] for _ in series]
    magnitudes: list[list[float]] = [[] for _ in series]
    for group, more, greater in zip(group_of.tolist(), rollups.exemplars, rollups.magnitudes, strict=True):
        if more:
            both = sorted(zip([*magnitudes[group], *greater], [*ids[group], *more], strict=True), reverse=True)
            magnitudes[group] = [magnitude for magnitude, _ in both[:MAX_EXEMPLARS]]
            ids[group] = [each for _, each in both[:MAX_EXEMPLARS]]
    return Rollups(
        series,
        buckets,
        _merged_spreads(group_of, rollups.values, len(series)),
        _merged_spreads(group_of, rollups.durations, len(series)),
        np.bincount(group_of, rollups.approximate, len(series)) > 0,
        ids,
        magnitudes,
    )


def chosen(rollups: Rollups, mask: NDArray[np.bool_]) -> Rollups:
    """Some of them."""
    places = np.flatnonzero(mask)

    def spreads(given: Spreads) -> Spreads:
        return Spreads(
            given.counts[places],
            given.sums[places],
            given.least[places],
            given.greatest[places],
            [given.sketches[place] for place in places],
        )

    return Rollups(
        rollups.series[places],
        rollups.buckets[places],
        spreads(rollups.values),
        spreads(rollups.durations),
        rollups.approximate[places],
        [rollups.exemplars[place] for place in places],
        [rollups.magnitudes[place] for place in places],
    )


def _grouped(series: Integers, buckets: Integers) -> tuple[Integers, Integers, Integers]:
    """Of each its group; and of each group its series and its bucket."""
    if not len(series):
        return series, series, buckets
    origin = int(buckets.min())
    span = int(buckets.max()) - origin + 1
    # One number for both.
    groups, group_of = numbered(series * span + (buckets - origin))
    return group_of, groups // span, groups % span + origin


def _spread(group_of: Integers, measure: Floats, weights: Integers, groups: int) -> Spreads:
    """What is known of a measure, by group; of each event its group, its measure, and how often it counts."""
    counts = np.bincount(group_of, weights, groups).astype(np.int64)
    sums = np.bincount(group_of, measure * weights, groups).astype(np.float64)
    ends = _ends(group_of, measure, measure, counts)
    return Spreads(counts, sums, *ends, sketched(group_of, measure, weights, groups))


def _merged_spreads(group_of: Integers, given: Spreads, groups: int) -> Spreads:
    # What has no values has no least one either.
    some = given.counts > 0
    counts = np.zeros(groups, np.int64)
    np.add.at(counts, group_of, given.counts)
    sums = np.bincount(group_of, given.sums, groups).astype(np.float64)
    ends = _ends(group_of[some], given.least[some], given.greatest[some], counts)
    return Spreads(counts, sums, *ends, added_up(group_of, given.sketches, groups))


def _ends(group_of: Integers, least: Floats, greatest: Floats, counts: Integers) -> tuple[Floats, Floats]:
    """Of each group the least and the greatest; zeros where there is none."""
    lowest, highest = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    np.minimum.at(lowest, group_of, least)
    np.maximum.at(highest, group_of, greatest)
    return np.where(counts > 0, lowest, 0.0), np.where(counts > 0, highest, 0.0)


def _exemplars(events: Observations, group_of: Integers, groups: int) -> tuple[list[list[bytes]], list[list[float]]]:
    """Of each group the invocations with the longest durations, or the greatest values where there are none."""
    ids: list[list[bytes]] = [[] for _ in range(groups)]
    magnitudes: list[list[float]] = [[] for _ in range(groups)]
    named = np.flatnonzero(events.invocations != np.zeros((), events.invocations.dtype))
    magnitude = np.where(np.isnan(events.durations), events.values, events.durations)[named]
    owner = group_of[named]
    order = np.lexsort((-magnitude, owner))
    first = np.searchsorted(owner[order], owner[order], side="left")
    for place in order[np.arange(len(order)) - first < MAX_EXEMPLARS]:
        ids[owner[place]].append(events.invocations[named[place]].tobytes())
        magnitudes[owner[place]].append(float(magnitude[place]))
    return ids, magnitudes
