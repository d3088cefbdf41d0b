"""Events as columns, and what they are together by series and bucket: count, sum, least, greatest and spread."""

import numpy as np

from services.metrics.models import Floats, Integers
from services.metrics.rollups.models import MAX_EXEMPLARS, Observations, Rollups, Spreads
from services.metrics.rollups.sketches import sketched


def rolled_up(events: Observations, width: int) -> Rollups:
    """Puts events together by series and bucket, in that order.

    Args:
        events: any, in any order; none is fine.
        width: of a bucket, microseconds.
    """
    buckets = events.at // width
    origin = int(buckets.min()) if len(buckets) else 0
    span = int(buckets.max()) - origin + 1 if len(buckets) else 1
    # One number for both, so that one sort finds the groups.
    combined = events.series * span + (buckets - origin)
    groups, group_of = np.unique(combined, return_inverse=True)
    with_duration = ~np.isnan(events.durations)
    return Rollups(
        groups // span,
        groups % span + origin,
        spread(group_of, events.values, events.weights, len(groups)),
        spread(group_of[with_duration], events.durations[with_duration], events.weights[with_duration], len(groups)),
        np.bincount(group_of, events.weights > 1, len(groups)) > 0,
        *_exemplars(events, group_of, len(groups)),
    )


def spread(group_of: Integers, measure: Floats, weights: Integers, groups: int) -> Spreads:
    """What is known of a measure, by group.

    Args:
        group_of: of each event its group, from 0 on.
        measure: of each event.
        weights: of each event, how many observations it stands for.
        groups: how many there are.
    """
    counts = np.bincount(group_of, weights, groups).astype(np.int64)
    sums = np.bincount(group_of, measure * weights, groups).astype(np.float64)
    least, greatest = np.zeros(groups), np.zeros(groups)
    order = np.argsort(group_of, kind="stable")
    events = np.bincount(group_of, minlength=groups)
    present = np.flatnonzero(events)
    if len(present):
        begins = (np.cumsum(events) - events)[present]
        least[present] = np.minimum.reduceat(measure[order], begins)
        greatest[present] = np.maximum.reduceat(measure[order], begins)
    return Spreads(counts, sums, least, greatest, sketched(group_of, measure, weights, groups))


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
