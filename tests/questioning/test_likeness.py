"""When the answer to one question counts for another: never because of words in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questioning.memory.likeness import IDLE, Thresholds, telling, verdict
from services.questioning.memory.models import Asked

THRESHOLDS = Thresholds(0.72, 0.95)
BILLING = "What is the billing address?"


def asked(text: str, answer_type: str = "text", options: tuple[str, ...] = (), information: str | None = None) -> Asked:
    return Asked(text, answer_type, options, text if information is None else information)


def judged(text: str, earlier: str, similarity: float | None) -> str:
    return verdict(asked(text), asked(earlier), similarity, THRESHOLDS)


@pytest.mark.parametrize(
    "reworded",
    ["what is the BILLING address?", "Please tell me what is the billing address?", "Which is the billing address?"],
)
def test_what_differs_in_idle_words_only_is_answered_above_the_upper_threshold(reworded: str) -> None:
    assert judged(reworded, BILLING, 0.96) == "answered"
    assert judged(reworded, BILLING, 0.9) == "proposed"
    assert judged(reworded, BILLING, 0.7) == "unlike"
    # Without a model words alone only propose.
    assert judged(reworded, BILLING, None) == "proposed"


@pytest.mark.parametrize(
    ("text", "earlier"),
    [
        ("What is the shipping address?", BILLING),
        ("Who reports to you?", "Who do you report to?"),
        ("What is the way from A to B?", "What is the way from B to A?"),
        ("Do you smoke?", "Do you not smoke?"),
        ("Was the invoice paid?", "Is the invoice paid?"),
        ("What is the number of QX-17?", "What is the number of QX-71?"),
        ("How much is 3.5 % of it?", "How much is 35 % of it?"),
        ("What is your name?", "What is their name?"),
        ("Who are you?", "Who are we?"),
    ],
)
def test_one_word_that_makes_a_difference_is_never_overcome_by_likeness(text: str, earlier: str) -> None:
    assert judged(text, earlier, 1.0) == "proposed"
    assert judged(text, earlier, None) == "unlike"


def test_a_form_that_differs_or_the_name_of_a_field_is_only_proposed() -> None:
    whole = asked(BILLING)
    for other in (
        asked(BILLING, "choice", ("a", "b")),
        asked(BILLING, "number"),
        asked(BILLING, information="Address"),
    ):
        assert verdict(whole, other, 1.0, THRESHOLDS) == "proposed"
        assert verdict(other, whole, 1.0, THRESHOLDS) == "proposed"
    name = asked("What is the name?", information="A value for name")
    assert verdict(name, name, 1.0, THRESHOLDS) == "proposed"


@given(st.lists(st.text("abcdefgh", min_size=3, max_size=6), min_size=1, max_size=5), st.data())
def test_whatever_word_is_added_or_exchanged_the_question_is_another(words: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(words)))
    word = data.draw(st.text("ijklmnop", min_size=3, max_size=6).filter(lambda each: each not in IDLE))
    one = " ".join(words) + "?"
    assert telling(one) == words
    assert judged(one, " ".join([*words[:place], word, *words[place:]]) + "?", 1.0) != "answered"
    assert judged(one, " ".join([*words[:place], word, *words[place + 1 :]]) + "?", 1.0) != "answered"
