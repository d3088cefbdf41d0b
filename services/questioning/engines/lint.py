"""What is wrong with a bank that can be read: what is never asked, says nothing, or is said by another question."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.questioning.engines.bank import Bank, BankQuestion, followers

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
    open_needs = {name: {each.question for each in question.requires} for name, question in questions.items()}
    reachable = [name for name, needs in open_needs.items() if not needs]
    after = followers(bank)
    # It grows by whatever has all that it needs in it, each looked at once for each of its needs.
    for name in reachable:
        for follower in after.get(name, ()):
            open_needs[follower].discard(name)
            if not open_needs[follower]:
                reachable.append(follower)
    reached = set(reachable)
    for question in bank.questions:
        why = _never_met(question, questions)
        if not why and question.id not in reached:
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
    # A row for each hypothesis, made of all questions once: anew for each it would take minutes.
    rows = np.concatenate([np.asarray(question.likelihoods) for question in bank.questions]).round(9).T
    for row, name in zip(rows, bank.hypotheses, strict=True):
        same = seen.setdefault(row.tobytes(), name)
        if same != name:
            yield Finding("indistinguishable", same, f"No question tells {same!r} and {name!r} apart.")


def _says_nothing(question: BankQuestion) -> bool:
    rows = np.asarray(question.likelihoods)
    return bool(np.all(np.ptp(rows, axis=1) < TOLERANCE)) and float(np.ptp(np.asarray(question.unknown))) < TOLERANCE
