"""How long the next question of an interview takes to find, and how many it takes, in the engine alone."""

import time
from pathlib import Path

import numpy as np

from benchmarks.measuring import Plan
from benchmarks.report import Row, Section
from services.questioning.engines.bank import Bank, BankQuestion, StopRule, read_bank
from services.questioning.engines.information_gain import InformationGain
from services.questioning.engines.simulation import in_order, played, summed
from services.questioning.models import Known
from tests.questioning.test_information_gain import bits, drawn_bank
from tests.questioning.test_twenty_questions import CERTAIN, looking_ahead
from tests.questioning.zoo import zoo

QUESTIONS, HYPOTHESES = 500, 1_000
STEPS = 300
# Of an interview, after which another one begins.
LENGTH = 20


def bench(folder: Path, plan: Plan) -> Section:
    del folder, plan
    engine = InformationGain(_bank())
    times = []
    answers: dict[str, Known] = {}
    for step in range(STEPS):
        if step % LENGTH == 0:
            answers = {}
        started = time.perf_counter()
        asked = engine.advance(answers).candidates[0]
        times.append(time.perf_counter() - started)
        answers[asked.id] = Known("given", "yes" if step % 3 else "no")
    mean, fixed, ahead = _zoo()
    most, noisy, right = _perfect(1_024), *_noisy(256)
    p50, p95 = np.quantile(times, (0.5, 0.95)) * 1_000
    section = Section(f"The next of {QUESTIONS} questions, {HYPOTHESES:,} hypotheses")
    section.rows = [
        Row("next question, 500 questions x 1,000 hypotheses, p50, p95", "p95 < 20 ms", f"{p50:.1f}, {p95:.1f} ms"),
        Row("questions, 1,024 hypotheses, a perfect bank, at most", "≤ 11", str(most)),
        Row("questions, 256 hypotheses, a tenth of all answers wrong, mean", "≤ 17.6", f"{noisy:.1f}"),
        Row("of these right", "≥ 95 %", f"{100 * right:.1f} %"),
        Row(
            "questions, Zoo data set, against a fixed order, mean",
            "30 % fewer",
            f"{100 * (1 - mean / fixed):.0f} % fewer",
        ),
        Row("the same against a choice that looks two steps ahead", "≤ 1.05x", f"{mean / ahead:.3f}x"),
    ]
    section.table = [
        ("", "p50 ms", "p95 ms", "mean questions"),
        ("500 questions, 1,000 hypotheses", f"{p50:.2f}", f"{p95:.2f}", ""),
        ("Zoo, 59 animals, by gain", "", "", f"{mean:.2f}"),
        ("Zoo, in a fixed order", "", "", f"{fixed:.2f}"),
        ("Zoo, looking two steps ahead", "", "", f"{ahead:.2f}"),
    ]
    section.notes = [
        "Lengths are counted, so they are the same on every machine. All interviews with the Zoo data set were right."
    ]
    return section


def _zoo() -> tuple[float, float, float]:
    """Mean numbers of questions: by gain, in a fixed order, looking ahead."""
    bank = zoo(certainty=CERTAIN)
    everyone = len(bank.hypotheses)
    by_gain, fixed = (summed(list(played(bank, everyone, choose=choose))) for choose in (None, in_order(bank)))
    if min(by_gain.accuracy, fixed.accuracy) < 1:
        raise RuntimeError("an interview with the Zoo data set was wrong")
    ahead = looking_ahead(bank, InformationGain(zoo(certainty=1), len(bank.questions)))
    return by_gain.mean_questions, fixed.mean_questions, ahead


def _perfect(hypotheses: int) -> int:
    """The longest interview with a bank whose questions halve what is left."""
    return summed(list(played(read_bank(bits(hypotheses)), 200))).max_questions


def _noisy(hypotheses: int) -> tuple[float, float]:
    """Mean number of questions, and the share that is right."""
    bank = drawn_bank(hypotheses, 200, 0.1, certainty=0.95, max_questions=60)
    found = summed(list(played(bank, interviews=1_000, seed=2)))
    return found.mean_questions, found.accuracy


def _bank() -> Bank:
    """Questions of which a coin says how each hypothesis answers, with a tenth of noise."""
    coin = np.random.default_rng(7)
    names = [str(number) for number in range(HYPOTHESES)]
    splits = np.where(coin.random((QUESTIONS, HYPOTHESES)) < 0.5, 0.1, 0.9)
    questions = [
        BankQuestion(f"q{number}", "?", ("yes", "no"), 0.0, (), (split, 1 - split), [0.0] * HYPOTHESES)
        for number, split in enumerate(splits)
    ]
    return Bank(
        "drawn", names, names, [1 / HYPOTHESES] * HYPOTHESES, questions, StopRule(certainty=1, max_questions=50)
    )
