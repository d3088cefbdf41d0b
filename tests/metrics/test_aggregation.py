"""Observations put together by series and bucket are what numpy says of each alone."""

from dataclasses import replace

import numpy as np

from services.metrics.rollups.aggregation import merged, rolled_up
from services.metrics.rollups.models import MAX_EXEMPLARS, Observations
from services.metrics.rollups.sketch import Sketch

WIDTH = 60_000_000


def events(count: int, seed: int = 5) -> Observations:
    random = np.random.default_rng(seed)
    durations = random.lognormal(4, 1, count)
    durations[random.random(count) < 0.3] = np.nan
    invocations = np.frombuffer(random.bytes(16 * count), "V16").copy()
    invocations[random.random(count) < 0.5] = np.zeros((), "V16")
    return Observations(
        random.integers(1, 9, count),
        1_700_000_000_000_000 + random.integers(0, 10 * WIDTH, count),
        random.normal(0, 10, count),
        durations,
        random.integers(1, 4, count),
        invocations,
    )


def test_counts_sums_and_ends_of_every_group_are_those_of_its_events() -> None:
    given = events(4_000)
    found = rolled_up(given, WIDTH)
    buckets = given.at // WIDTH
    wanted = sorted(set(zip(given.series.tolist(), buckets.tolist(), strict=True)))
    assert list(zip(found.series.tolist(), found.buckets.tolist(), strict=True)) == wanted
    for number, (series, bucket) in enumerate(wanted):
        mine = (given.series == series) & (buckets == bucket)
        assert found.approximate[number] == (given.weights[mine] > 1).any()
        for measure, spreads in ((given.values[mine], found.values), (given.durations[mine], found.durations)):
            # An event of weight three is three.
            present = np.repeat(measure, given.weights[mine])
            present = present[~np.isnan(present)]
            assert spreads.counts[number] == len(present)
            assert np.isclose(spreads.sums[number], present.sum())
            if len(present):
                assert (spreads.least[number], spreads.greatest[number]) == (present.min(), present.max())
            assert Sketch.from_bytes(spreads.sketches[number]).to_bytes() == Sketch.of(present).to_bytes()


def test_the_invocations_that_took_longest_are_kept_the_longest_first() -> None:
    given = events(2_000)
    found = rolled_up(given, WIDTH)
    magnitude = np.where(np.isnan(given.durations), given.values, given.durations)
    named = given.invocations != np.zeros((), "V16")
    for number in range(len(found.series)):
        mine = np.flatnonzero(
            named & (given.series == found.series[number]) & (given.at // WIDTH == found.buckets[number])
        )
        longest = mine[np.argsort(-magnitude[mine])][:MAX_EXEMPLARS]
        assert found.exemplars[number] == [given.invocations[each].tobytes() for each in longest]
        assert found.magnitudes[number] == magnitude[longest].tolist()


def test_roll_ups_put_together_are_those_of_all_their_events() -> None:
    given = events(3_000)
    minutes = rolled_up(given, WIDTH)
    found = merged(minutes, minutes.series // 4, minutes.buckets // 5)
    wanted = rolled_up(replace(given, series=given.series // 4), 5 * WIDTH)
    assert found.series.tolist() == wanted.series.tolist()
    assert found.buckets.tolist() == wanted.buckets.tolist()
    assert found.approximate.tolist() == wanted.approximate.tolist()
    assert (found.exemplars, found.magnitudes) == (wanted.exemplars, wanted.magnitudes)
    for one, other in ((found.values, wanted.values), (found.durations, wanted.durations)):
        assert one.counts.tolist() == other.counts.tolist()
        assert np.allclose(one.sums, other.sums)
        assert one.least.tolist() == other.least.tolist()
        assert one.greatest.tolist() == other.greatest.tolist()
        assert one.sketches == other.sketches


def test_no_events_are_no_groups() -> None:
    minutes = rolled_up(events(0), WIDTH)
    assert len(minutes.series) == len(merged(minutes, minutes.series, minutes.buckets).series) == 0
