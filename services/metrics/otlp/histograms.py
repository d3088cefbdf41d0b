"""Distributions: what an interval added, as the difference of two totals."""

import math
from collections.abc import Mapping

from services.metrics.otlp.models import Distribution, Explicit, Exponential

Buckets = Mapping[int, int]


class NotComparableError(ValueError):
    """Two points of a series do not measure alike, so that their difference says nothing."""


def difference(later: Distribution, earlier: Distribution) -> Distribution | None:
    """What came between two totals of a series; None where the later one is no continuation: it began anew.

    Raises:
        NotComparableError: where bounds changed although the series went on.
    """
    if later.count < earlier.count:
        return None
    if isinstance(later, Explicit) and isinstance(earlier, Explicit):
        return _of_explicit(later, earlier)
    if isinstance(later, Exponential) and isinstance(earlier, Exponential):
        return _of_exponential(later, earlier)
    raise NotComparableError("its kind of histogram changed although its start time did not")


def coarser(buckets: Buckets, halvings: int) -> dict[int, int]:
    """The same counts at a scale that is so many steps lower: two neighbours become one, exactly."""
    merged: dict[int, int] = {}
    for index, count in buckets.items():
        merged[index >> halvings] = merged.get(index >> halvings, 0) + count
    return merged


def at_scale(distribution: Exponential, scale: int) -> Exponential:
    """The same at a lower scale."""
    halvings = distribution.scale - scale
    if halvings == 0:
        return distribution
    return Exponential(
        distribution.count,
        distribution.total,
        distribution.low,
        distribution.high,
        scale,
        distribution.zeros,
        distribution.zero_threshold,
        coarser(distribution.positive, halvings),
        coarser(distribution.negative, halvings),
    )


def _of_explicit(later: Explicit, earlier: Explicit) -> Explicit | None:
    if later.bounds != earlier.bounds:
        raise NotComparableError("its bounds changed although its start time did not")
    buckets = tuple(now - then for now, then in zip(later.buckets, earlier.buckets, strict=True))
    if any(count < 0 for count in buckets):
        return None
    count = later.count - earlier.count
    low, high = _extremes(later, earlier)
    return Explicit(count, later.total - earlier.total if count else 0.0, low, high, later.bounds, buckets)


def _of_exponential(later: Exponential, earlier: Exponential) -> Exponential | None:
    # A sender that meets a wider range lowers its scale, and one that meets small values takes more of them for zero.
    scale = min(later.scale, earlier.scale)
    now, then = at_scale(later, scale), at_scale(earlier, scale)
    then = _with_zero_threshold(then, now.zero_threshold)
    zeros = now.zeros - then.zeros
    positive, negative = _minus(now.positive, then.positive), _minus(now.negative, then.negative)
    if zeros < 0 or positive is None or negative is None:
        return None
    count = later.count - earlier.count
    total = later.total - earlier.total if count else 0.0
    low, high = _extremes(later, earlier)
    return Exponential(count, total, low, high, scale, zeros, now.zero_threshold, positive, negative)


def _with_zero_threshold(distribution: Exponential, threshold: float) -> Exponential:
    """The same, with what is nearer to zero than the threshold counted as zero."""
    if threshold <= distribution.zero_threshold:
        return distribution
    # The highest bucket of which a part is below the threshold.
    last = math.ceil(math.log2(threshold) * 2.0**distribution.scale) - 1
    near = sum(
        count
        for buckets in (distribution.positive, distribution.negative)
        for index, count in buckets.items()
        if index <= last
    )
    return Exponential(
        distribution.count,
        distribution.total,
        distribution.low,
        distribution.high,
        distribution.scale,
        distribution.zeros + near,
        threshold,
        {index: count for index, count in distribution.positive.items() if index > last},
        {index: count for index, count in distribution.negative.items() if index > last},
    )


def _minus(later: Buckets, earlier: Buckets) -> dict[int, int] | None:
    """None where a bucket lost something."""
    changed = {index: later.get(index, 0) - earlier.get(index, 0) for index in {*later, *earlier}}
    if any(count < 0 for count in changed.values()):
        return None
    return {index: count for index, count in sorted(changed.items()) if count}


def _extremes(later: Distribution, earlier: Distribution) -> tuple[float | None, float | None]:
    """The least and the greatest since: known only where they moved, for totals have those of all time."""
    low = later.low if later.low is not None and (earlier.low is None or later.low < earlier.low) else None
    high = later.high if later.high is not None and (earlier.high is None or later.high > earlier.high) else None
    return low, high
