"""A distribution as values with weights: one within each bucket, so that they add up to the sum that was told."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from services.metrics.otlp.models import Distribution, Explicit, Exponential


@dataclass(frozen=True, slots=True)
class Weighted:
    """A value, and how many observations it stands for."""

    value: float
    weight: int


@dataclass(frozen=True, slots=True)
class _Bucket:
    low: float
    high: float
    count: int


def representatives(distribution: Distribution) -> list[Weighted]:
    """What stands for the observations of a distribution, in order of the values.

    Counts are exact, and so is the sum as far as the buckets allow it. Values are as close as the buckets are narrow.
    """
    buckets = [bucket for bucket in _buckets(distribution) if bucket.count]
    if not buckets:
        # Count and sum are all that is known.
        return [Weighted(distribution.total / distribution.count, distribution.count)] if distribution.count else []
    # All stand at the same fraction of their buckets: there is one at which the sum is right.
    least = sum(bucket.low * bucket.count for bucket in buckets)
    most = sum(bucket.high * bucket.count for bucket in buckets)
    wanted = (distribution.total - least) / (most - least) if most > least else 0.0
    fraction = min(1.0, max(0.0, wanted)) if math.isfinite(wanted) else 0.5
    return [Weighted(each.low + fraction * (each.high - each.low), each.count) for each in buckets]


def _buckets(distribution: Distribution) -> Iterator[_Bucket]:
    return _explicit(distribution) if isinstance(distribution, Explicit) else _exponential(distribution)


def _explicit(distribution: Explicit) -> Iterator[_Bucket]:
    bounds, buckets = distribution.bounds, distribution.buckets
    if not bounds:
        return
    finite = [bound for bound in bounds if math.isfinite(bound)]
    # Where the ends are open, the extremes that were told close them; else zero does below, and the sum above.
    first = finite[0] if finite else 0.0
    bottom = distribution.low if distribution.low is not None else min(0.0, first)
    edges = [min(bottom, first), *finite]
    counted = list(buckets[: len(finite)])
    beyond = sum(buckets[len(finite) :])
    for (low, high), count in zip(pairwise(edges), counted, strict=True):
        yield _Bucket(*_within(low, high, distribution), count)
    last = edges[-1]
    yield _Bucket(last, max(last, _top(distribution, edges, counted, beyond)), beyond)


def _within(low: float, high: float, distribution: Explicit) -> tuple[float, float]:
    """The part of a bucket in which values can be, for those that were told as the least and the greatest."""
    least = low if distribution.low is None else min(max(low, distribution.low), high)
    greatest = high if distribution.high is None else max(min(high, distribution.high), least)
    return least, greatest


def _top(distribution: Explicit, edges: list[float], counted: list[int], beyond: int) -> float:
    """Where the last bucket, which is open, ends."""
    if distribution.high is not None or not beyond:
        return distribution.high if distribution.high is not None else edges[-1]
    # If all others stood at their lower ends, what is left of the sum would be in this one.
    rest = distribution.total - sum(low * count for low, count in zip(edges, counted, strict=False))
    return rest / beyond


def _exponential(distribution: Exponential) -> Iterator[_Bucket]:
    for index, count in sorted(distribution.negative.items(), reverse=True):
        low, high = _bounds(index, distribution.scale)
        yield _Bucket(-high, -low, count)
    yield _Bucket(0.0, 0.0, distribution.zeros)
    for index, count in sorted(distribution.positive.items()):
        yield _Bucket(*_bounds(index, distribution.scale), count)


def _bounds(index: int, scale: int) -> tuple[float, float]:
    """From base^index to base^(index + 1); the base is 2^(2^-scale)."""
    step = 2.0**-scale
    return _power(index * step), _power((index + 1) * step)


def _power(exponent: float) -> float:
    try:
        return float(2.0**exponent)
    except OverflowError:
        return math.inf
