"""When a monitor's state changes, by the values that are found one after the other."""

from dataclasses import replace
from typing import Any

import pytest

from services.metrics.monitors.models import Definition, Standing, Threshold
from services.metrics.monitors.transitions import judged_by, next_standing
from services.metrics.queries.models import Selection

ABOVE = Threshold("count", 0.95, 60, "above", 10, 5)
BELOW = Threshold("count", 0.95, 60, "below", 10, 20)


def definition(condition: Threshold = ABOVE, **changes: Any) -> Definition:
    standard = Definition("m", "", Selection(), condition, 60, 1, 1, "no_data", (), paused=False)
    return replace(standard, **changes)


def states(watched: Definition, *values: float | None) -> list[str]:
    standing, found = Standing(), []
    for value in values:
        standing = next_standing(watched, standing, value)
        found.append(standing.state)
    return found


def test_between_the_limits_the_state_stays() -> None:
    assert states(definition(), 10, 10.1, 7, 5.1, 5, 7, 11) == [
        *("ok", "firing", "firing", "firing", "ok", "ok", "firing"),
    ]
    assert states(definition(BELOW), 10, 9.9, 19, 20, 15, 9) == ["ok", "firing", "firing", "ok", "ok", "firing"]


def test_so_many_in_a_row_are_needed_and_one_that_says_otherwise_begins_the_row_anew() -> None:
    slow = definition(breaches=3, recoveries=2)
    assert states(slow, 1, 11, 11, 1, 11, 11, 7, 11) == ["ok"] * 7 + ["ok"]
    assert states(slow, 1, 11, 11, 11, 1, 11, 1, 7, 1, 1) == [
        *("ok", "ok", "ok", "firing", "firing", "firing", "firing", "firing", "firing", "ok"),
    ]


@pytest.mark.parametrize(
    ("on_no_data", "expected"),
    [
        ("no_data", ["no_data", "firing", "no_data", "no_data", "ok"]),
        ("fire", ["firing", "firing", "firing", "firing", "ok"]),
        ("ok", ["ok", "firing", "ok", "ok", "ok"]),
        ("keep", ["", "firing", "firing", "firing", "ok"]),
    ],
)
def test_what_no_values_mean_is_for_the_monitor_to_say(on_no_data: str, expected: list[str]) -> None:
    assert states(definition(on_no_data=on_no_data), None, 11, None, None, 1) == expected


def test_what_fired_has_not_recovered_by_having_no_values_for_a_while() -> None:
    quick, slow = definition(), definition(breaches=2, recoveries=2)
    assert states(quick, 11, None, 7, None, 7, 5, 7) == ["firing", *["no_data"] * 4, "ok", "ok"]
    assert states(quick, 11, None, 7, 11) == ["firing", "no_data", "no_data", "firing"]
    assert states(slow, 11, 11, None, 1, 7, 1, 1) == ["", "firing", *["no_data"] * 4, "ok"]
    assert states(definition(), 1, None, 7) == ["ok", "no_data", "ok"], "what did not fire has nothing to recover from"


def test_a_state_is_judged_by_the_limit_that_it_is_entered_by() -> None:
    assert [judged_by(ABOVE, state) for state in ("firing", "ok", "no_data")] == [10, 5, 10]
