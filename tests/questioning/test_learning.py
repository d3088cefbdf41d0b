"""What a bank learns: always a bank, no more than was counted, and in the end what is so."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.questioning.engines.bank import read_bank
from services.questioning.engines.learning import learned
from services.questioning.engines.models import Counted

BANK: dict[str, Any] = {
    "name": "coins",
    "hypotheses": [{"id": "fair"}, {"id": "bent", "prior": 3}, {"id": "lost"}],
    "questions": [
        {"id": "toss", "text": "What fell?", "options": ["heads", "tails", "edge"], "expected": {"bent": "heads"}},
        {"id": "old", "text": "Is it old?", "likelihood": {"fair": {"yes": 0.3, "no": 0.7}}, "unknown": {"fair": 0.2}},
    ],
}
OPTIONS = {"toss": ["heads", "tails", "edge", ""], "old": ["yes", "no", ""]}
COUNTS = st.dictionaries(
    st.sampled_from([(q, h, o) for q, os in OPTIONS.items() for o in os for h in ("fair", "bent", "lost")]),
    st.integers(1, 10_000),
)


@settings(max_examples=60, deadline=None)
@given(
    COUNTS,
    st.dictionaries(st.sampled_from(["fair", "bent", "lost", "gone"]), st.integers(1, 10_000)),
    st.integers(1, 10_000),
)
def test_whatever_was_counted_makes_a_bank_with_the_same_questions(
    counts: dict[tuple[str, str, str], int], held: dict[str, int], weight: int
) -> None:
    counted = [Counted(*names, number) for names, number in counts.items()]
    document = learned(read_bank(BANK), BANK, held, counted, weight)
    bank = read_bank(document)
    assert [each.id for each in bank.questions] == ["toss", "old"]
    assert learned(read_bank(BANK), BANK, held, counted, weight) == document
    if not counts and not held:
        assert [each.likelihoods for each in bank.questions] == [each.likelihoods for each in read_bank(BANK).questions]


def test_many_interviews_outweigh_what_was_guessed_and_few_do_not() -> None:
    random = Random(7)
    true = {"heads": 0.5, "tails": 0.4, "edge": 0.1}
    fallen = random.choices(list(true), list(true.values()), k=4_000)

    def of(number: int) -> dict[str, float]:
        counted = [Counted("toss", "bent", option, fallen[:number].count(option)) for option in true]
        found: dict[str, float] = learned(read_bank(BANK), BANK, {"bent": number}, counted, 20)["questions"][0][
            "likelihood"
        ]["bent"]
        return found

    assert of(4_000) == pytest.approx(true, abs=0.03)
    assert of(3)["heads"] > 0.9


def test_that_nobody_knew_is_said_of_all_hypotheses() -> None:
    counted = [Counted("toss", "bent", "", 10), Counted("toss", "bent", "heads", 10)]
    toss = learned(read_bank(BANK), BANK, {"bent": 20}, counted, 20)["questions"][0]
    # Of those that were not met it is as probable as it is in all.
    assert toss["unknown"] == {"fair": 0.5, "bent": 0.5, "lost": 0.5}
