"""A question's time is covered once by roll-ups that are exact, and by events where none is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.queries.planning import Plan, Segment, TooFineError, planned, with_open
from services.metrics.rollups.models import DAY, HOUR, MINUTE, SECOND, TIERS, Tier

M, H, D = MINUTE.width, HOUR.width, DAY.width
ALL: dict[Tier | None, int] = {None: 0, MINUTE: 0, HOUR: 0, DAY: 0}
# Events and minutes of ten days, hours of a hundred, at day 1,000.
NOW = 1_000 * D
KEPT: dict[Tier | None, int] = {None: NOW - 10 * D, MINUTE: NOW - 10 * D, HOUR: NOW - 100 * D, DAY: 0}


def short(plan: Plan) -> list[tuple[str, int, int]]:
    return [(segment.tier.name if segment.tier else "events", segment.start, segment.end) for segment in plan.segments]


@given(st.integers(0, 40 * D), st.integers(0, 40 * D), st.sampled_from([0, 7 * SECOND, M, 5 * M, H, 3 * H, D, 7 * D]))
def test_everything_is_covered_once_and_no_bucket_reaches_into_another_cell(one: int, two: int, step: int) -> None:
    start, end = sorted((one, two))
    plan = planned(start, end, step, ALL)
    assert (plan.start, plan.end) == (start, end)
    reached = start
    for segment in plan.segments:
        assert segment.start == reached < segment.end
        reached = segment.end
        if segment.tier is not None:
            assert segment.start % segment.tier.width == segment.end % segment.tier.width == 0
            assert step % segment.tier.width == 0
    assert reached == end
    # At each edge less than a bucket of the next coarser that the step allows.
    for finer, coarser in ((MINUTE, HOUR), (HOUR, DAY), (None, MINUTE)):
        if step % coarser.width == 0:
            assert sum(s.end - s.start for s in plan.segments if s.tier is finer) < 2 * coarser.width


def test_the_coarsest_that_is_exact_answers_and_finer_ones_the_edges() -> None:
    plan = planned(D - H - M - 1, 3 * D + 2 * H, 0, ALL)
    assert short(plan) == [
        ("events", D - H - M - 1, D - H - M),
        ("minute", D - H - M, D - H),
        ("hour", D - H, D),
        ("day", D, 3 * D),
        ("hour", 3 * D, 3 * D + 2 * H),
    ]


def test_steps_that_no_bucket_fits_into_are_answered_from_events() -> None:
    assert short(planned(0, D, 7 * SECOND, ALL)) == [("events", 0, D)]
    assert short(planned(0, D, 7 * M, ALL)) == [("minute", 0, D)]


def test_what_only_events_know_is_answered_from_those_that_are_kept() -> None:
    plan = planned(NOW - 20 * D, NOW, 0, KEPT, rolled=False)
    assert short(plan) == [("events", NOW - 10 * D, NOW)]
    assert planned(NOW - 20 * D, NOW - 11 * D, 0, KEPT, rolled=False).segments == []


def test_where_finer_ones_have_left_the_time_is_widened_to_what_is_kept() -> None:
    plan = planned(NOW - 50 * D + 30 * M, NOW - 20 * D + M, 0, KEPT)
    assert (plan.start, plan.end) == (NOW - 50 * D, NOW - 20 * D + H)
    assert short(plan) == [("day", NOW - 50 * D, NOW - 20 * D), ("hour", NOW - 20 * D, NOW - 20 * D + H)]
    plan = planned(NOW - 500 * D + 5, NOW, 0, KEPT)
    assert plan.segments == [Segment(DAY, NOW - 500 * D, NOW)]


def test_a_step_finer_than_what_is_kept_is_refused_with_what_is() -> None:
    for start, tier in ((NOW - 50 * D, HOUR), (NOW - 500 * D, DAY)):
        with pytest.raises(TooFineError) as refused:
            planned(start, NOW, M, KEPT)
        assert refused.value.tier is tier
    assert planned(NOW - 9 * D, NOW, M, KEPT).segments == [Segment(MINUTE, NOW - 9 * D, NOW)]


def test_before_everything_that_is_kept_there_is_nothing() -> None:
    kept = dict.fromkeys((None, *TIERS), NOW - D)
    assert planned(NOW - 5 * D, NOW - 3 * D, 0, kept).segments == []
    assert short(planned(NOW - 5 * D, NOW, 0, kept)) == [("day", NOW - D, NOW)]


def test_what_is_not_closed_yet_is_read_from_finer_ones_beside_the_coarser() -> None:
    closed = {MINUTE: 2 * D + 5 * H + 3 * M, HOUR: 2 * D + 5 * H}
    segments = [Segment(HOUR, D - H, D), Segment(DAY, D, 3 * D), Segment(HOUR, 3 * D, 3 * D + H), Segment(None, 0, 1)]
    assert with_open(segments, closed) == [
        *segments,
        Segment(MINUTE, 2 * D + 5 * H + 3 * M, 3 * D),
        Segment(HOUR, 2 * D + 5 * H, 3 * D),
        Segment(MINUTE, 3 * D, 3 * D + H),
    ]
