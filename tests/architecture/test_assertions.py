"""What the helpers of tests say of tests that could not fail."""

import pytest

from tests.assertions import NOTHING, every


def test_each_of_many_cases_that_fails_or_asserts_nothing_is_named_and_all_are_tried() -> None:
    tried: list[int] = []

    @every({"good": 1, "bad": 2, "silent": 3, "broken": 0})
    def at_most_one(number: int) -> None:
        tried.append(number)
        if number != 3:
            assert 1 / number >= 1

    with pytest.raises(ExceptionGroup, match="at_most_one: 3 of 4") as raised:
        at_most_one()
    assert tried == [1, 2, 3, 0]
    bad, silent, broken = raised.value.exceptions
    assert [each.__notes__ for each in (bad, silent, broken)] == [
        [f"That was {name}."] for name in ("bad", "silent", "broken")
    ]
    assert "assert (1 / 2) >= 1" in str(bad)
    assert str(silent) == NOTHING
    assert isinstance(broken, ZeroDivisionError)
