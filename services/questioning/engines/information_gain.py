"""The engine that asks what tells most about which hypothesis holds.

A question is worth the mutual information of its answer and the hypothesis (Lindley 1956), less its cost: the entropy
of the answer less the entropy that it would have if the hypothesis were known. The second depends on the bank alone,
so a step takes two products of a matrix and a vector.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.questioning.engines import values
from services.questioning.engines.bank import Bank, BankQuestion, followers
from services.questioning.engines.engine import Answers, UnknownQuestionError
from services.questioning.models import AnswerType, Candidate, Contradiction, Known, Progress

Vector = NDArray[np.float64]

# Nothing is quite impossible: people err, and a bank that says 0 may not end an interview for good.
FLOOR = 1e-4
# Gains are compared to this many digits, so that the last bits of a sum, which differ between machines, decide nothing.
DIGITS = 9
# Less than this much is no information, bits.
MIN_GAIN = 1e-6
# An answer that was less probable than this, by all that was known, contradicts it.
SURPRISE = 0.02
# More are not shown, nor asked at a time.
MAX_CANDIDATES = 20
YES_NO = {"yes", "no"}


class InformationGain:
    """Bayes' rule over the hypotheses of a bank, and the question that narrows them down most."""

    def __init__(self, bank: Bank, max_candidates: int = MAX_CANDIDATES) -> None:
        self._max_candidates = max_candidates
        self._bank = bank
        self._followers = followers(bank)
        self._places = {question.id: place for place, question in enumerate(bank.questions)}
        widest = max(len(question.options) for question in bank.questions)
        shape = (len(bank.questions), widest, len(bank.hypotheses))
        likelihoods: NDArray[np.float64] = np.zeros(shape)
        for place, question in enumerate(bank.questions):
            rows = np.clip(np.asarray(question.likelihoods, dtype=np.float64), FLOOR, None)
            likelihoods[place, : len(rows)] = rows / rows.sum(axis=0)
        self._likelihoods = likelihoods
        # The entropy of each answer once the hypothesis is known, bits; a question a row.
        self._conditional = _entropy_terms(likelihoods).sum(axis=1)
        self._costs = np.array([question.cost for question in bank.questions])
        self._prior: Vector = np.asarray(bank.priors, dtype=np.float64)

    @property
    def memory_bytes(self) -> int:
        """About what it takes: the table, and the bank of which it was made, a few times as much."""
        table = self._likelihoods.size + self._conditional.size
        return 40 * int(table)

    def advance(self, answers: Answers) -> Progress:
        """What is known, and what to ask next."""
        applicable, dropped = self._applicable(answers)
        belief, contradictions = self._believe(applicable)
        entropy = float(_entropy_terms(belief).sum())
        scores = self._scores(belief, applicable)
        stopped = self._stopped(belief, entropy, applicable, scores)
        order = sorted(scores, key=lambda place: (-scores[place], place))
        asked = [] if stopped else order[: self._max_candidates]
        candidates = [self._candidate(place, scores[place], entropy) for place in asked]
        best = max((scores[place] for place in order[:1]), default=0.0)
        return Progress(
            candidates,
            stopped,
            self._result(belief),
            0 if stopped else max(1, round(entropy / max(best, 0.1))),
            not_applicable=dropped,
            contradictions=contradictions,
            entropy=round(entropy, DIGITS),
        )

    def read(self, question_id: str, said: Any, answers: Answers) -> Known:
        """What an answer says."""
        if question_id not in self._places:
            raise UnknownQuestionError(question_id)
        question = self._bank.questions[self._places[question_id]]
        if not _met(question, answers):
            raise UnknownQuestionError(question_id)
        if isinstance(said, bool) and set(question.options) == YES_NO:
            said = "yes" if said else "no"
        if set(question.options) == YES_NO:
            known = values.read(said, "yes_no")
            return Known("given", "yes" if known.value else "no") if known.valued else known
        return values.read(said, "choice", question.options)

    def belief(self, answers: Answers) -> dict[str, float]:
        """The probability of every hypothesis."""
        belief, _ = self._believe(self._applicable(answers)[0])
        return dict(zip(self._bank.hypotheses, map(float, belief), strict=True))

    def _applicable(self, answers: Answers) -> tuple[dict[str, Known], list[str]]:
        """The answers to questions whose prerequisites hold, in the bank's order, and the ids of the others."""
        applicable: dict[str, Known] = {}
        known = {name: each for name, each in answers.items() if name in self._places}
        waiting = list(known)
        # It grows by what an answer may have made applicable: round by round, a long chain took seconds.
        for name in waiting:
            if name not in applicable and _met(self._bank.questions[self._places[name]], applicable):
                applicable[name] = known[name]
                waiting += [each for each in self._followers.get(name, ()) if each in known]
        ordered = {name: applicable[name] for name in sorted(applicable, key=self._places.__getitem__)}
        return ordered, [name for name in known if name not in applicable]

    def _believe(self, answers: Answers) -> tuple[Vector, list[Contradiction]]:
        """The probabilities of the hypotheses, and the answers that do not go with the rest.

        Whether an answer surprises is judged by all others together, so the order in which they came decides nothing.
        """
        logs = {name: np.log2(self._evidence(name, known)) for name, known in answers.items()}
        total: Vector = np.log2(self._prior)
        for each in logs.values():
            total = total + each
        contradictions = [
            Contradiction((name,), f"{answers[name].value!r} goes ill with the other answers")
            for name, own in logs.items()
            if answers[name].valued and len(logs) > 1 and float(_normal(total - own) @ np.exp2(own)) < SURPRISE
        ]
        return _normal(total), contradictions

    def _evidence(self, name: str, known: Known) -> Vector:
        """How probable the answer is under each hypothesis."""
        question = self._bank.questions[self._places[name]]
        if known.valued and known.value in question.options:
            row: Vector = self._likelihoods[self._places[name], list(question.options).index(known.value)]
            return row
        if known.state == "unknown" and any(question.unknown):
            return np.clip(np.asarray(question.unknown, dtype=np.float64), FLOOR, None)
        return np.ones(len(self._bank.hypotheses))

    def _scores(self, belief: Vector, answers: Answers) -> dict[int, float]:
        """The worth of every question that may be asked, in bits, by its place."""
        # Not by BLAS, whose threads wait for one another: on a busy machine that took twenty times as long.
        expected: Vector = np.einsum("qoh,h->qo", self._likelihoods, belief)
        known = np.einsum("qh,h->q", self._conditional, belief)
        worth = _entropy_terms(expected).sum(axis=1) - known - self._costs
        return {
            place: round(float(worth[place]), DIGITS)
            for place, question in enumerate(self._bank.questions)
            if question.id not in answers and worth[place] > MIN_GAIN and _met(question, answers)
        }

    def _stopped(self, belief: Vector, entropy: float, answers: Answers, scores: dict[int, float]) -> str:
        stop = self._bank.stop
        asked = [self._bank.questions[self._places[name]] for name in answers]
        if belief.max() >= stop.certainty or entropy <= stop.entropy:
            return "certain"
        if len(asked) >= stop.max_questions or sum(each.cost for each in asked) >= stop.max_cost:
            return "budget"
        return "" if scores else "nothing_left"

    def _candidate(self, place: int, score: float, entropy: float) -> Candidate:
        question = self._bank.questions[place]
        answer_type: AnswerType = "yes_no" if set(question.options) == YES_NO else "choice"
        return Candidate(
            question.id,
            question.text,
            answer_type,
            question.options if answer_type == "choice" else (),
            question.importance or "Of all that could be asked it tells most of the hypotheses apart.",
            question.information or f"One of: {', '.join(question.options)}",
            score,
            f"It is worth {score:.3f} bits after its cost; {entropy:.3f} bits are unknown.",
        )

    def _result(self, belief: Vector) -> dict[str, Any]:
        order = map(int, np.argsort(-np.round(belief, DIGITS), kind="stable")[:5])
        ranking = [
            {
                "hypothesis": self._bank.hypotheses[place],
                "title": self._bank.titles[place],
                "probability": round(float(belief[place]), 6),
            }
            for place in order
        ]
        return {**ranking[0], "ranking": ranking}


def _met(question: BankQuestion, answers: Answers) -> bool:
    return all(
        each.question in answers and answers[each.question].valued and answers[each.question].value in each.answers
        for each in question.requires
    )


def _entropy_terms(probabilities: Vector) -> Vector:
    """-p log2 p of each; 0 where p is 0."""
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    terms: Vector = -probabilities * logs
    return terms


def _normal(logs: Vector) -> Vector:
    """Probabilities of their logarithms to base 2, which need not be normed."""
    raised: Vector = np.exp2(logs - logs.max())
    normed: Vector = raised / raised.sum()
    return normed
