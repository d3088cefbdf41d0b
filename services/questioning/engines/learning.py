"""What closed interviews teach a bank: likelihoods, and how often a hypothesis holds, moved towards what was counted.

What its author wrote counts as so many interviews (a Dirichlet prior), so that few answers change little, none is ever
taken for impossible because nobody has given it yet, and many outweigh what was guessed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from services.questioning.engines.bank import Bank
from services.questioning.engines.models import Counted

DIGITS = 6
MIN_PRIOR = 1e-6


def learned(
    bank: Bank, document: Mapping[str, Any], held: Mapping[str, int], counted: Sequence[Counted], weight: int
) -> dict[str, Any]:
    """The document of the next version.

    Args:
        bank: the version that is learned from.
        document: its document.
        held: in how many interviews each hypothesis held.
        counted: the answers in these.
        weight: how many interviews what stands in the bank is worth.
    """
    total = sum(held.get(name, 0) for name in bank.hypotheses)
    answers: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for each in counted:
        answers[each.question, each.hypothesis][each.option] = each.number
    # Weights, of which one is the usual one.
    priors = [
        (weight * prior + held.get(name, 0)) / (weight + total) * len(bank.priors)
        for name, prior in zip(bank.hypotheses, bank.priors, strict=True)
    ]
    hypotheses = [
        {**each, "prior": max(round(prior, DIGITS), MIN_PRIOR)}
        for each, prior in zip(document["hypotheses"], priors, strict=True)
    ]
    questions = [_question(bank, place, each, answers, weight) for place, each in enumerate(document["questions"])]
    return {**document, "hypotheses": hypotheses, "questions": questions}


def _question(
    bank: Bank,
    place: int,
    document: Mapping[str, Any],
    answers: Mapping[tuple[str, str], Mapping[str, int]],
    weight: int,
) -> dict[str, Any]:
    question = bank.questions[place]
    likelihood: dict[str, Any] = dict(document.get("likelihood", {}))
    asked, unknown = [0] * len(bank.hypotheses), [0] * len(bank.hypotheses)
    for column, name in enumerate(bank.hypotheses):
        given = answers.get((question.id, name), {})
        numbers = [given.get(option, 0) for option in question.options]
        unknown[column] = given.get("", 0)
        asked[column] = sum(numbers) + unknown[column]
        if any(numbers):
            before = [row[column] for row in question.likelihoods]
            likelihood[name] = _moved(question.options, before, numbers, weight)
    changed = dict(document)
    if likelihood:
        changed["likelihood"] = likelihood
    if any(unknown):
        # Where the bank says nothing of it, all hypotheses begin alike: one that was met less is not known better.
        usual = sum(unknown) / sum(asked)
        so_far = question.unknown if any(question.unknown) else [usual] * len(asked)
        changed["unknown"] = {
            name: round((weight * was + nobody) / (weight + there), DIGITS)
            for name, was, nobody, there in zip(bank.hypotheses, so_far, unknown, asked, strict=True)
        }
    return changed


def _moved(options: Sequence[str], before: Sequence[float], numbers: Sequence[int], weight: int) -> dict[str, float]:
    total = weight + sum(numbers)
    rounded = [round((weight * was + number) / total, DIGITS) for was, number in zip(before, numbers, strict=True)]
    # What rounding left goes where it matters least.
    largest = max(range(len(rounded)), key=lambda each: rounded[each])
    rounded[largest] = round(rounded[largest] + 1 - sum(rounded), DIGITS)
    return dict(zip(options, rounded, strict=True))
