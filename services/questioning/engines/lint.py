"""What is wrong with a bank that can be read: what is never asked, says nothing, or is said by another question."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.questioning.engines.bank import Bank, BankQuestion

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that its author should look at."""

    # unreachable, uninformative, redundant, indistinguishable.
    kind: str
    # A question's id; of indistinguishable hypotheses the first one's.
    subject: str
    text: str


def lint(bank: Bank) -> list[Finding]:
    """Everything that is found, in the order of the bank."""
    return [*_unreachable(bank), *_uninformative(bank), *_redundant(bank), *_indistinguishable(bank)]


def _unreachable(bank: Bank) -> Iterator[Finding]:
    questions = {question.id: question for question in bank.questions}
    reachable: set[str] = set()
    grown = True
    while grown:
        ready = {
            name
            for name, question in questions.items()
            if name not in reachable and all(each.question in reachable for each in question.requires)
        }
        reachable |= ready
        grown = bool(ready)
    for question in bank.questions:
        why = _never_met(question, questions)
        if not why and question.id not in reachable:
            why = "its prerequisites lead back to itself, or to what is never asked"
        if why:
            yield Finding("unreachable", question.id, f"{question.id} is never asked: {why}.")


def _never_met(question: BankQuestion, questions: dict[str, BankQuestion]) -> str:
    wanted: dict[str, set[str]] = {}
    for each in question.requires:
        if each.question not in questions:
            return f"there is no question {each.question!r}"
        possible = set(questions[each.question].options) & set(each.answers)
        wanted[each.question] = wanted.get(each.question, possible) & possible
        if not wanted[each.question]:
            return f"{each.question!r} has no such answer"
    return ""


def _uninformative(bank: Bank) -> Iterator[Finding]:
    for question in bank.questions:
        if _says_nothing(question):
            text = f"{question.id} tells no hypotheses apart: its answers are as probable under each."
            yield Finding("uninformative", question.id, text)
        elif question.cost >= np.log2(min(len(question.options), len(bank.hypotheses))):
            text = f"{question.id} costs {question.cost:g} bits, and no answer can tell as much."
            yield Finding("uninformative", question.id, text)


def _redundant(bank: Bank) -> Iterator[Finding]:
    seen: dict[tuple[object, ...], str] = {}
    for question in bank.questions:
        if _says_nothing(question):
            continue
        # Options in another order, or by other names, say the same; who is asked which does not.
        rows = tuple(sorted(tuple(round(float(each), 9) for each in row) for row in question.likelihoods))
        needs = tuple(sorted((each.question, tuple(sorted(each.answers))) for each in question.requires))
        # With noise a second answer to the same does tell more.
        certain = all(each in {0.0, 1.0} for row in rows for each in row)
        same = seen.setdefault((rows, needs), question.id)
        if same != question.id and certain:
            yield Finding("redundant", question.id, f"{question.id} tells what {same} tells.")


def _indistinguishable(bank: Bank) -> Iterator[Finding]:
    seen: dict[bytes, str] = {}
    for place, name in enumerate(bank.hypotheses):
        column = np.concatenate([np.asarray(question.likelihoods)[:, place] for question in bank.questions])
        same = seen.setdefault(np.round(column, 9).tobytes(), name)
        if same != name:
            yield Finding("indistinguishable", same, f"No question tells {same!r} and {name!r} apart.")


def _says_nothing(question: BankQuestion) -> bool:
    rows = np.asarray(question.likelihoods)
    return bool(np.all(np.ptp(rows, axis=1) < TOLERANCE)) and float(np.ptp(np.asarray(question.unknown))) < TOLERANCE
