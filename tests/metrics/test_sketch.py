"""The sketch: as exact as it says, whatever is merged in whatever order, and never more than its bytes hold."""

import numpy as np
import pytest
from ddsketch import LogCollapsingLowestDenseDDSketch
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metrics.rollups.sketch import EMPTY, SCALE, Buckets, Sketch, keys_of
from services.metrics.rollups.sketches import quantiles_of, sketched

# Half the width of a bucket of scale 6, in relation to what lies in it.
ERROR = (2 ** (1 / 64) - 1) / (2 ** (1 / 64) + 1) * (1 + 1e-9)
SHARES = [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1]
VALUES = st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), max_size=60)
ANY_DOUBLE = st.floats(allow_nan=False, allow_infinity=False)

SPREADS = {
    "lognormal": lambda random: random.lognormal(3, 1.5, 20_000),
    "pareto": lambda random: random.pareto(1.1, 20_000) + 1e-6,
    "below and above zero": lambda random: random.normal(0, 50, 20_000),
    "one value": lambda _: np.full(1_000, 17.25),
    "whole numbers with zeros": lambda random: random.poisson(2, 20_000).astype(float),
    "nineteen powers of ten": lambda random: 10 ** random.uniform(-7, 12, 20_000),
}


def same(left: Sketch, right: Sketch) -> bool:
    return (
        left.scale == right.scale
        and left.keys.tolist() == right.keys.tolist()
        and left.counts.tolist() == right.counts.tolist()
    )


@pytest.mark.parametrize("spread", SPREADS)
def test_quantiles_are_within_the_error_that_is_guaranteed_and_no_worse_than_the_oracle_s(spread: str) -> None:
    values = SPREADS[spread](np.random.default_rng(7))
    found = Sketch.of(values).quantiles(SHARES)
    true = np.quantile(values, SHARES, method="inverted_cdf")
    assert np.all(np.abs(np.array(found) - true) <= ERROR * np.abs(true))
    oracle = LogCollapsingLowestDenseDDSketch(relative_accuracy=0.0054, bin_limit=8192)
    for value in values:
        oracle.add(float(value))
    # The oracle's rank is q(n - 1), so between two values far apart the two may choose different ones: dense shares only.
    for share in (0.5, 0.9, 0.95):
        theirs = oracle.get_quantile_value(share)
        assert Sketch.of(values).quantile(share) == pytest.approx(theirs, rel=0.03)


@given(st.lists(ANY_DOUBLE, min_size=1, max_size=50), st.sampled_from(SHARES))
@settings(max_examples=150, deadline=None)
def test_any_quantile_of_any_doubles_is_near_the_value_of_its_rank(values: list[float], share: float) -> None:
    found = Sketch.of(values).quantile(share)
    true = float(np.quantile(values, share, method="inverted_cdf"))
    assert found is not None
    # Of numbers below the normal ones a double has fewer digits than a bucket needs.
    assert abs(found - true) <= ERROR * abs(true) + 5e-324


@given(VALUES, VALUES, VALUES)
@settings(max_examples=100, deadline=None)
def test_merging_in_any_order_is_the_same_as_having_seen_all_at_once(
    one: list[float], two: list[float], three: list[float]
) -> None:
    a, b, c = Sketch.of(one), Sketch.of(two), Sketch.of(three)
    whole = Sketch.of(one + two + three)
    assert same(Sketch.merged([a, b, c]), whole)
    assert same(Sketch.merged([Sketch.merged([c, a]), b]), whole)
    assert same(Sketch.from_bytes(b.to_bytes() + c.to_bytes() + a.to_bytes()), whole)
    assert whole.count == len(one + two + three)


@given(st.dictionaries(st.integers(-130_000, 130_000), st.integers(1, 2**62), max_size=20))
@settings(max_examples=100, deadline=None)
def test_what_is_written_as_bytes_is_read_back_however_large_the_counts(counts: dict[int, int]) -> None:
    keys = sorted(counts)
    sketch = Sketch(SCALE, np.array(keys, np.int64), np.array([counts[key] for key in keys], np.int64))
    assert same(Sketch.from_bytes(sketch.to_bytes()), sketch)


def test_small_counts_take_four_bytes_a_bucket() -> None:
    sketch = Sketch.of(np.random.default_rng(3).lognormal(3, 1, 1_000))
    assert len(sketch.to_bytes()) == 4 * len(sketch.keys)


def test_sums_of_large_counts_are_exact() -> None:
    large = Sketch(SCALE, np.array([5, 9], np.int64), np.array([2**53 + 1, 1], np.int64))
    assert Sketch.merged([large, large]).counts.tolist() == [2**54 + 2, 2]


@given(VALUES, st.integers(0, SCALE))
@settings(max_examples=100, deadline=None)
def test_a_coarser_scale_holds_the_same_values_in_the_buckets_of_the_definition(
    values: list[float], scale: int
) -> None:
    sketch = Sketch.of(values).downscaled(scale)
    positive, zero, negative = sketch.sides()
    assert (sum(positive.counts), zero, sum(negative.counts)) == (
        sum(value > 0 for value in values),
        sum(value == 0 for value in values),
        sum(value < 0 for value in values),
    )
    base = 2 ** (2.0**-scale)
    for side, sign in ((positive, 1), (negative, -1)):
        for number, count in ((number, count) for number, count in enumerate(side.counts) if count):
            low, high = base ** (side.offset + number), base ** (side.offset + number + 1)
            within = [value for value in values if low * (1 - 1e-12) < sign * value <= high * (1 + 1e-12)]
            assert count <= len(within)


@given(VALUES, st.integers(0, SCALE))
@settings(max_examples=50, deadline=None)
def test_an_exponential_histogram_comes_back_from_its_sides(values: list[float], scale: int) -> None:
    sketch = Sketch.of(values).downscaled(scale)
    positive, zero, negative = sketch.sides()
    assert same(Sketch.from_exponential(scale, zero, positive, negative), sketch)


def test_a_finer_histogram_is_taken_in_by_halving() -> None:
    # Buckets 127 and 128 of scale 7 are halves of 63 and 64 of scale 6: up to 2, and above it.
    found = Sketch.from_exponential(7, 3, Buckets(126, [1, 2, 4, 8]), Buckets(-1, [5]))
    positive, zero, negative = found.sides()
    assert (found.scale, zero, positive.offset, list(positive.counts)) == (6, 3, 63, [3, 12])
    assert (negative.offset, list(negative.counts)) == (-1, [5])


def test_merging_with_a_coarser_one_makes_all_as_coarse() -> None:
    fine = Sketch.of([1.5, 3.0, -3.0, 0.0])
    coarse = Sketch.from_exponential(0, 0, Buckets(1, [7]), Buckets(0, []))
    merged = Sketch.merged([fine, coarse])
    assert merged.scale == 0
    # (1, 2] has 1.5; (2, 4] has 3 and the seven.
    assert merged.sides() == (Buckets(0, [1, 8]), 1, Buckets(1, [1]))


def test_the_ends_of_buckets_lie_where_the_definition_has_them() -> None:
    powers = 2.0 ** np.arange(-1074, 1024)
    exact = keys_of(powers)
    assert np.array_equal(np.diff(exact), np.full(len(powers) - 1, 64))
    # An upper end is inclusive: just above it lies in the next bucket.
    assert np.array_equal(keys_of(np.nextafter(powers[52:], np.inf)), exact[52:] + 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Sketch.of([1, value])


@pytest.mark.parametrize(
    ("scale", "offset"), [(21, 0), (-11, 0), (0, 1_024), (5, -34_370), (6, -70_000), (6, 65_536), (7, 131_072)]
)
def test_a_histogram_of_no_doubles_is_refused(scale: int, offset: int) -> None:
    with pytest.raises(ValueError, match=r"scale|no double"):
        Sketch.from_exponential(scale, 0, Buckets(offset, [1]), Buckets(0, []))


def test_no_values_have_no_quantile() -> None:
    assert Sketch.of([]).quantiles([0.5, 1]) == [None, None]
    assert same(Sketch.from_bytes(b""), EMPTY)
    assert same(Sketch.merged([]), EMPTY)


# Values on both sides of zero lie too far apart for a table; counts of 10^12 do not add up as doubles.
@pytest.mark.parametrize(("is_wide", "weight"), [(True, 1), (False, 1), (False, 3_000), (False, 10**12 + 1)])
def test_many_groups_at_once_are_as_one_by_one(is_wide: bool, weight: int) -> None:
    random = np.random.default_rng(11)
    groups = random.integers(0, 40, 5_000)
    groups[groups == 17] = 3
    values = random.normal(1, 100, 5_000) if is_wide else random.lognormal(3, 1, 5_000)
    found = sketched(groups, values, np.full(5_000, weight), 40)
    assert len(found) == 40
    assert found[17] == b""
    for group in range(40):
        once = Sketch.of(values[groups == group])
        assert same(Sketch.from_bytes(found[group]), Sketch(once.scale, once.keys, once.counts * weight))
    # Written twice over, as a roll-up is that was added to: each bucket has several words.
    at_once = quantiles_of([each + each for each in found], SHARES)
    for group, row in enumerate(at_once):
        one = Sketch.from_bytes(found[group] + found[group]).quantiles(SHARES)
        assert [None if np.isnan(value) else float(value) for value in row] == one
    assert quantiles_of([], SHARES).shape == (0, len(SHARES))
