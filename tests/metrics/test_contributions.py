"""What contributed to a change adds up to it, and points to the part that changed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.queries.contributions import Amount, Statistic, contributions, statistic_of, whole

PARTS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(lambda count, mean: Amount(count, count * mean), st.integers(0, 10_000), st.floats(-1e6, 1e6)),
)
STATISTICS: list[Statistic] = ["count", "sum", "rate", "avg"]


@given(PARTS, PARTS, st.sampled_from(STATISTICS))
def test_contributions_add_up_to_the_change_whatever_comes_and_goes(
    before: dict[str, Amount], after: dict[str, Amount], statistic: Statistic
) -> None:
    found = contributions(before, after, statistic, (60, 3_600))
    one = statistic_of(whole(before), statistic, 60)
    two = statistic_of(whole(after), statistic, 3_600)
    if one is None or two is None:
        assert found == {}
    else:
        added = math.fsum(each.total for each in found.values())
        assert added == pytest.approx(two - one, rel=1e-6, abs=1e-6)


def test_the_part_that_became_slower_is_named_and_the_others_are_not() -> None:
    before = {"echo": Amount(100, 1_000.0), "sum": Amount(100, 1_000.0)}
    after = {"echo": Amount(100, 5_000.0), "sum": Amount(100, 1_000.0)}
    found = contributions(before, after, "avg", (60, 60))
    assert (found["echo"].own, found["echo"].mix) == (20.0, 0.0)
    assert found["sum"].total == 0.0


def test_a_slow_part_that_grows_explains_an_average_by_its_share() -> None:
    before = {"fast": Amount(90, 900.0), "slow": Amount(10, 1_000.0)}
    after = {"fast": Amount(50, 500.0), "slow": Amount(50, 5_000.0)}
    found = contributions(before, after, "avg", (60, 60))
    assert found["slow"].own == found["fast"].own == 0.0
    # From 19 to 55: both parts stand apart from the average by their sides.
    assert found["slow"].mix == pytest.approx(0.4 * (100 - 37))
    assert found["fast"].mix == pytest.approx(-0.4 * (10 - 37))


def test_a_part_that_is_new_contributes_by_its_share_alone() -> None:
    found = contributions(
        {"old": Amount(10, 100.0)}, {"old": Amount(10, 100.0), "new": Amount(10, 300.0)}, "avg", (1, 1)
    )
    assert found["new"].before is None
    assert found["new"].own == 0.0
    assert found["new"].total + found["old"].total == pytest.approx(10.0)
