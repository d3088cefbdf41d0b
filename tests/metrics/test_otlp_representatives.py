"""Values that stand for a distribution: counts and sums are exact, and each is within its bucket."""

import math

import pytest

from services.metrics.otlp.models import Distribution, Explicit, Exponential
from services.metrics.otlp.representatives import representatives


@pytest.mark.parametrize(
    ("distribution", "ranges"),
    [
        (Explicit(6, 14.0, 0.5, 6.0, (1, 2, 5), (1, 2, 2, 1)), [(0.5, 1), (1, 2), (2, 5), (5, 6)]),
        (Explicit(3, 4.0, None, None, (1, 2), (1, 1, 1)), [(0, 1), (1, 2), (2, 3)]),
        (Explicit(2, -3.0, -2.0, -1.0, (-1, 1), (2, 0, 0)), [(-2, -1)]),
        (Explicit(4, 10.0, None, None, (), ()), [(2.5, 2.5)]),
        (Explicit(3, 9.0, 3.0, 3.0, (1, 5), (0, 3, 0)), [(3, 3)]),
        (Explicit(2, 3.0, None, None, (1, math.inf), (1, 1, 0)), [(0, 1), (1, 3)]),
        (Exponential(6, 9.5, scale=0, zeros=1, positive={0: 3, 1: 2}), [(0, 0), (1, 2), (2, 4)]),
        (Exponential(2, -4.5, scale=0, negative={0: 1, 1: 1}), [(-4, -2), (-2, -1)]),
    ],
)
def test_counts_and_sums_are_those_that_were_told(
    distribution: Distribution, ranges: list[tuple[float, float]]
) -> None:
    found = representatives(distribution)
    assert sum(each.weight for each in found) == distribution.count
    assert sum(each.weight * each.value for each in found) == pytest.approx(distribution.total)
    assert all(low <= each.value <= high for each, (low, high) in zip(found, ranges, strict=True))


def test_a_sum_that_no_values_in_these_buckets_have_leaves_them_in_their_buckets() -> None:
    found = representatives(Explicit(2, 1e9, None, None, (1, 2), (1, 1, 0)))
    assert [each.value for each in found] == [1, 2]
    assert representatives(Explicit(0, 0.0)) == []
