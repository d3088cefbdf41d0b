"""How long the next question of an interview takes to find, in the engine alone."""

import time
from pathlib import Path

import numpy as np

from benchmarks.measuring import Plan
from benchmarks.report import Row, Section
from services.questioning.engines.bank import Bank, BankQuestion, StopRule
from services.questioning.engines.information_gain import InformationGain
from services.questioning.models import Known

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
    p50, p95 = np.quantile(times, (0.5, 0.95)) * 1_000
    section = Section(f"The next of {QUESTIONS} questions, {HYPOTHESES:,} hypotheses")
    section.rows = [
        Row("next question, 500 questions x 1,000 hypotheses, p50, p95", "p95 < 20 ms", f"{p50:.1f}, {p95:.1f} ms")
    ]
    section.table = [("", "ms"), ("p50", f"{p50:.2f}"), ("p95", f"{p95:.2f}")]
    return section


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
