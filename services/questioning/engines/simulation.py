"""How long interviews with a bank last, and how often they are right: played with answers drawn from the bank."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

from services.questioning.engines.bank import Bank, BankQuestion
from services.questioning.engines.information_gain import InformationGain
from services.questioning.models import Known

# Given what was asked and what may be asked, the id of the next question.
Chooser = Callable[[Sequence[str], Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of many interviews."""

    interviews: int
    mean_questions: float
    max_questions: int
    # The share in which the likeliest hypothesis was the one that held.
    accuracy: float


def played(bank: Bank, interviews: int, seed: int = 0, choose: Chooser | None = None) -> Iterator[tuple[int, bool]]:
    """Plays interviews in which one hypothesis after another holds, in an order that is drawn.

    Args:
        bank: of which the answers are drawn too.
        interviews: how many; from the number of hypotheses on each holds in some.
        seed: the same one gives the same interviews.
        choose: picks the next question in place of the engine.

    Yields:
        How many questions one had, and whether the likeliest hypothesis was the one that held.
    """
    return (each for each in steps(bank, interviews, seed, choose) if each is not None)


def steps(
    bank: Bank, interviews: int, seed: int = 0, choose: Chooser | None = None
) -> Iterator[tuple[int, bool] | None]:
    """The same, with None for each question: one interview may take as long as thousands do."""
    random = Random(seed)  # noqa: S311 - nothing secret
    engine = InformationGain(bank, len(bank.questions) if choose else 1)
    questions = {question.id: question for question in bank.questions}
    order = random.sample(range(len(bank.hypotheses)), len(bank.hypotheses))
    for truth in islice(cycle(order), interviews):
        answers: dict[str, Known] = {}
        progress = engine.advance(answers)
        while progress.candidates:
            ids = [candidate.id for candidate in progress.candidates]
            asked = choose(list(answers), ids) if choose else ids[0]
            answers[asked] = Known("given", _drawn(questions[asked], truth, random))
            yield None
            progress = engine.advance(answers)
        yield len(answers), progress.result["hypothesis"] == bank.hypotheses[truth]


def summed(found: Sequence[tuple[int, bool]]) -> Simulated:
    """What came of interviews that were played."""
    return Simulated(
        len(found),
        sum(length for length, _ in found) / len(found),
        max(length for length, _ in found),
        sum(right for _, right in found) / len(found),
    )


def in_order(bank: Bank) -> Chooser:
    """Asks in the order of the bank, whatever was answered."""
    places = {question.id: place for place, question in enumerate(bank.questions)}
    return lambda _, open_questions: min(open_questions, key=places.__getitem__)


def _drawn(question: BankQuestion, truth: int, random: Random) -> str:
    weights = [row[truth] for row in question.likelihoods]
    return random.choices(question.options, weights)[0]
