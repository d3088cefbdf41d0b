"""The information gain engine: how few questions it needs, what stops it, what an answer says."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from services.questioning.engines import information_gain
from services.questioning.engines.bank import Bank, BankQuestion, Prerequisite, StopRule, read_bank
from services.questioning.engines.engine import UnfitAnswerError, UnknownQuestionError
from services.questioning.engines.information_gain import InformationGain
from services.questioning.engines.lint import lint
from services.questioning.engines.simulation import played, summed
from services.questioning.models import Known


def bits(number: int, **stop: Any) -> dict[str, Any]:
    """A perfect bank: a question for every binary digit of a hypothesis' number."""
    return {
        "name": "bits",
        "hypotheses": [{"id": str(each)} for each in range(number)],
        "questions": [
            {
                "id": f"bit{digit}",
                "text": f"Is digit {digit} a one?",
                "expected": {str(each): "yes" if each >> digit & 1 else "no" for each in range(number)},
            }
            for digit in range(max(1, math.ceil(math.log2(number))))
        ],
        "stop": stop,
    }


def drawn_bank(hypotheses: int, questions: int, noise: float, **stop: Any) -> Bank:
    """A bank of yes and no questions, each of which splits the hypotheses by a coin; larger than a document may be."""
    coin = np.random.default_rng(7)
    names = [str(each) for each in range(hypotheses)]
    splits = np.where(coin.random((questions, hypotheses)) < 0.5, noise, 1 - noise)
    return Bank(
        "drawn",
        names,
        names,
        [1 / hypotheses] * hypotheses,
        [
            BankQuestion(f"q{n}", f"{n}?", ("yes", "no"), 0.0, (), (split, 1 - split), [0.0] * hypotheses)
            for n, split in enumerate(splits)
        ],
        StopRule(**stop),
    )


ANIMALS: dict[str, Any] = {
    "name": "animals",
    "hypotheses": [{"id": "dog"}, {"id": "whale"}, {"id": "eagle"}, {"id": "trout"}],
    "questions": [
        {
            "id": "mammal",
            "text": "Is it a mammal?",
            "expected": {"dog": "yes", "whale": "yes", "eagle": "no", "trout": "no"},
        },
        {
            "id": "swims",
            "text": "Does it live in water?",
            "expected": {"dog": "no", "whale": "yes", "eagle": "no", "trout": "yes"},
            "unknown": {"dog": 0.0, "whale": 0.4, "eagle": 0.0, "trout": 0.4},
        },
        {
            "id": "legs",
            "text": "How many legs?",
            "options": ["none", "two", "four"],
            "requires": [{"question": "mammal", "answers": ["yes"]}],
            "expected": {"dog": "four", "whale": "none"},
            "cost": 0.2,
        },
    ],
}


@pytest.mark.parametrize("number", [2, 3, 100, 1024])
def test_of_n_hypotheses_one_is_found_within_log2_n_and_one_questions(number: int) -> None:
    found = summed(list(played(read_bank(bits(number)), interviews=min(number, 200))))
    assert found.max_questions <= math.ceil(math.log2(number)) + 1
    assert found.accuracy == 1


def test_with_a_tenth_of_all_answers_wrong_it_is_right_in_95_of_100_after_2_2_log2_n_on_average() -> None:
    """Not at most: 22 answers of which a tenth are wrong tell 1,024 apart in nine of ten, whoever asks."""
    found = summed(list(played(drawn_bank(256, 200, 0.1, certainty=0.95, max_questions=60), interviews=120, seed=2)))
    assert found.mean_questions <= 2.2 * math.log2(256), found
    assert found.accuracy >= 0.95, found


def test_the_same_answers_give_the_same_questions_in_whatever_order_they_came() -> None:
    engine = InformationGain(drawn_bank(50, 40, 0.1))
    answers = {f"q{number}": Known("given", "yes" if number % 3 else "no") for number in range(5)}
    first = engine.advance(answers)
    again = InformationGain(drawn_bank(50, 40, 0.1)).advance(dict(reversed(answers.items())))
    assert first.candidates
    assert [each.id for each in first.candidates] == [each.id for each in again.candidates]
    assert first.result == again.result


def test_an_unknown_has_its_own_likelihood_and_is_not_asked_again() -> None:
    engine = InformationGain(read_bank(ANIMALS))
    unsure = engine.belief({"swims": engine.read("swims", "I don't know.", {})})
    # Nobody is unsure of dogs and eagles.
    assert unsure["whale"] == pytest.approx(0.5, abs=0.01)
    assert unsure["trout"] == pytest.approx(0.5, abs=0.01)
    asked = engine.advance({"swims": Known("unknown")}).candidates
    assert [each.id for each in asked] == ["mammal"]
    # Not wanting to say tells nothing.
    assert engine.belief({"swims": Known("declined")})["dog"] == pytest.approx(0.25)


def test_a_question_waits_for_its_prerequisite_and_a_revision_takes_it_and_its_answer_away() -> None:
    engine = InformationGain(read_bank(ANIMALS))
    assert "legs" not in [each.id for each in engine.advance({}).candidates]
    with pytest.raises(UnknownQuestionError):
        engine.read("legs", "four", {})
    mammal = {"mammal": Known("given", "yes")}
    assert "legs" in [each.id for each in engine.advance(mammal).candidates]
    dog = {**mammal, "legs": engine.read("legs", "3", mammal)}
    assert engine.advance(dog).result["hypothesis"] == "dog"
    assert engine.advance(dog).stopped == "certain"
    revised = engine.advance({**dog, "mammal": Known("given", "no")})
    assert revised.not_applicable == ["legs"]
    assert [each.id for each in revised.candidates] == ["swims"]


def test_answers_that_do_not_go_together_are_shown_and_the_belief_stays_a_belief() -> None:
    engine = InformationGain(read_bank(bits(8)))
    sure = engine.advance({"bit0": Known("given", "yes")})
    assert not sure.contradictions
    twice = {**bits(8), "questions": [*bits(8)["questions"], {**bits(8)["questions"][0], "id": "again"}]}
    engine = InformationGain(read_bank(twice))
    progress = engine.advance({"bit0": Known("given", "yes"), "again": Known("given", "no")})
    assert {each.questions for each in progress.contradictions} == {("bit0",), ("again",)}
    assert sum(engine.belief({"bit0": Known("given", "yes"), "again": Known("given", "no")}).values()) == pytest.approx(
        1
    )


def test_budgets_end_an_interview_and_what_costs_more_than_it_tells_is_not_asked() -> None:
    engine = InformationGain(read_bank(bits(64, max_questions=2)))
    given = {"bit0": Known("given", "yes"), "bit1": Known("given", "no")}
    assert engine.advance(given).stopped == "budget"
    dear = bits(64)
    dear["questions"][0]["cost"] = 1.5
    ended = InformationGain(read_bank(dear)).advance({f"bit{n}": Known("given", "no") for n in range(1, 6)})
    assert ended.stopped == "nothing_left"
    # Only what the dear question would tell is open.
    assert ended.entropy == pytest.approx(1, abs=0.05)


def test_an_answer_that_is_no_option_is_refused_in_words() -> None:
    engine = InformationGain(read_bank(ANIMALS))
    with pytest.raises(UnfitAnswerError, match="none, two, four"):
        engine.read("legs", "five", {"mammal": Known("given", "yes")})
    assert engine.read("mammal", True, {}).value == "yes"


def test_lint_finds_what_is_never_asked_what_says_nothing_and_what_is_said_twice() -> None:
    questions = ANIMALS["questions"]
    document = {
        **ANIMALS,
        "hypotheses": [*ANIMALS["hypotheses"], {"id": "cat"}],
        "questions": [
            *(
                {**each, "expected": {**each["expected"], "cat": each["expected"]["dog"]}, "unknown": {}}
                for each in questions
            ),
            {"id": "name", "text": "Has it a name?"},
            {"id": "dear", "text": "Has it gills?", "cost": 5, "expected": {"trout": "yes", "dog": "no"}},
            {**questions[0], "id": "milk", "expected": {**questions[0]["expected"], "cat": "yes"}},
            {"id": "a", "text": "?", "requires": [{"question": "b", "answers": ["yes"]}], "expected": {"dog": "yes"}},
            {"id": "b", "text": "?", "requires": [{"question": "a", "answers": ["yes"]}], "expected": {"cat": "yes"}},
            {
                "id": "c",
                "text": "?",
                "requires": [{"question": "legs", "answers": ["nine"]}],
                "expected": {"dog": "yes"},
            },
        ],
    }
    found = {(each.kind, each.subject) for each in lint(read_bank(document))}
    assert found == {
        ("unreachable", "a"),
        ("unreachable", "b"),
        ("unreachable", "c"),
        ("uninformative", "name"),
        ("uninformative", "dear"),
        ("redundant", "milk"),
    }
    assert not lint(read_bank(ANIMALS))


def test_a_long_chain_of_questions_costs_a_look_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Round by round it was a million looks for one step, and an interview of a thousand questions took minutes."""
    looks = 0
    real = information_gain._met

    def counted(question: BankQuestion, answers: Any) -> bool:
        nonlocal looks
        looks += 1
        return real(question, answers)

    chain = drawn_bank(2, 500, 0.5)
    questions = [
        replace(each, requires=[Prerequisite(f"q{place + 1}", ("yes",))] if place < 499 else [])
        for place, each in enumerate(chain.questions)
    ]
    bank = replace(chain, questions=questions)
    engine = InformationGain(bank)
    monkeypatch.setattr(information_gain, "_met", counted)
    given = {f"q{place}": Known("given", "yes") for place in range(1, 500)}
    assert not engine.advance(given).not_applicable
    assert engine.advance({**given, "q400": Known("given", "no")}).not_applicable == [f"q{n}" for n in range(1, 400)]
    assert looks < 5_000
    assert not [each for each in lint(bank) if each.kind == "unreachable"]
