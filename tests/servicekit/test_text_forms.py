"""Text of strangers is brought into one form in time that grows with the text."""

import pytest

from servicekit.text_forms import MAX_MARKS, TooManyMarksError, compatible, without_unseen

MARKS = "\N{COMBINING ACUTE ACCENT}\N{COMBINING GRAVE ACCENT BELOW}"


def test_letters_that_are_alike_are_one() -> None:
    assert compatible("\N{FULLWIDTH DIGIT FIVE}e\N{COMBINING ACUTE ACCENT}") == "5\N{LATIN SMALL LETTER E WITH ACUTE}"
    assert compatible("plain") == "plain"
    assert without_unseen("a\N{ZERO WIDTH SPACE}b\N{SOFT HYPHEN}c\N{WORD JOINER}") == "abc"


@pytest.mark.parametrize("before", [0, 1, 15, 29, 30, 31, 61])
def test_marks_past_all_writing_are_refused_wherever_they_stand_and_not_sorted(before: int) -> None:
    # Were they sorted, this would not end before the tests do.
    for many in (MAX_MARKS + 1, 1_000_000):
        with pytest.raises(TooManyMarksError):
            compatible("\N{LATIN SMALL LETTER E WITH ACUTE}" * before + "a" + (MARKS * many)[:many] + "b")


@pytest.mark.parametrize("before", [0, 1, 15, 29, 30, 31, 61])
def test_as_many_as_there_may_be_are_taken(before: int) -> None:
    text = "x" * before + ("a" + (MARKS * MAX_MARKS)[:MAX_MARKS]) * 3
    assert compatible(text)[:before] == "x" * before
