"""Banks: questions as data, with what answers say about hypotheses, what asking costs, and what comes before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from servicekit.errors import Violation
from servicekit.schemas import Schema

SCHEMA_FILE = Path(__file__).parent / "bank.schema.yaml"
MAX_FAULTS = 20
# Hypotheses by questions by options: what a step looks at, and a bank takes in memory eight bytes each, twice.
MAX_CELLS = 2_000_000
# What no rounding of what people write exceeds.
TOLERANCE = 1e-6


class InvalidBankError(ValueError):
    """A document that is no bank, with every fault."""

    def __init__(self, faults: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.description}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """An answer that must have been given before."""

    question: str
    answers: Sequence[str]


@dataclass(frozen=True, slots=True)
class BankQuestion:
    """One question of a bank."""

    id: str
    text: str
    options: Sequence[str]
    cost: float
    requires: Sequence[Prerequisite]
    # How probable each option is under each hypothesis: a row for each option.
    likelihoods: Sequence[Sequence[float]]
    # How probable "I don't know" is under each hypothesis; equal numbers say nothing.
    unknown: Sequence[float]
    importance: str = ""
    information: str = ""


@dataclass(frozen=True, slots=True)
class StopRule:
    """When enough is known, or asked."""

    # The probability of the likeliest hypothesis, and the uncertainty in bits, either of which is enough.
    certainty: float = 0.95
    entropy: float = 0.0
    max_questions: int = 50
    max_cost: float = float("inf")


@dataclass(frozen=True, slots=True)
class Bank:
    """Hypotheses of which one holds, and the questions that tell them apart."""

    name: str
    hypotheses: Sequence[str]
    titles: Sequence[str]
    priors: Sequence[float]
    questions: Sequence[BankQuestion]
    stop: StopRule = StopRule()


def followers(bank: Bank) -> Mapping[str, Sequence[str]]:
    """The questions that need an answer to one, by its id."""
    found: dict[str, list[str]] = {}
    for question in bank.questions:
        for name in dict.fromkeys(each.question for each in question.requires):
            found.setdefault(name, []).append(question.id)
    return found


@cache
def bank_schema() -> Schema:
    """What every document of a bank must obey."""
    return Schema(yaml.safe_load(SCHEMA_FILE.read_text()), "bank")


def read_bank(document: Mapping[str, Any]) -> Bank:
    """Makes a bank of its document.

    Raises:
        InvalidBankError: with what is wrong, and where.
    """
    faults: list[Violation] = list(bank_schema().faults(document))
    if faults:
        raise InvalidBankError(faults)
    widest = max(len(each.get("options", ("yes", "no"))) for each in document["questions"])
    if len(document["questions"]) * widest * len(document["hypotheses"]) > MAX_CELLS:
        why = f"is too large: hypotheses by questions by options are more than {MAX_CELLS:,}"
        raise InvalidBankError([Violation("/", why)])
    hypotheses = {str(each["id"]): each for each in document["hypotheses"]}
    if len(hypotheses) != len(document["hypotheses"]):
        faults.append(Violation("/hypotheses", "no two may have the same id"))
    ids = [each["id"] for each in document["questions"]]
    if len(set(ids)) != len(ids):
        faults.append(Violation("/questions", "no two may have the same id"))
    questions = [
        _question(f"/questions/{place}", each, list(hypotheses), faults)
        for place, each in enumerate(document["questions"])
    ]
    if faults:
        raise InvalidBankError(faults[:MAX_FAULTS])
    weights = [float(each.get("prior", 1)) for each in hypotheses.values()]
    return Bank(
        str(document["name"]),
        list(hypotheses),
        [str(each.get("title", name)) for name, each in hypotheses.items()],
        [weight / sum(weights) for weight in weights],
        questions,
        _stop_rule(document.get("stop", {})),
    )


def _stop_rule(stop: Mapping[str, Any]) -> StopRule:
    usual = StopRule()
    return StopRule(
        float(stop.get("certainty", usual.certainty)),
        float(stop.get("entropy", usual.entropy)),
        int(stop.get("max_questions", usual.max_questions)),
        float(stop.get("max_cost", usual.max_cost)),
    )


def _question(
    path: str, document: Mapping[str, Any], hypotheses: Sequence[str], faults: list[Violation]
) -> BankQuestion:
    options = [str(option) for option in document.get("options", ("yes", "no"))]
    columns = _columns(path, document, options, hypotheses, faults)
    unknown = document.get("unknown", {})
    faults.extend(
        Violation(f"{path}/unknown/{name}", "is no hypothesis") for name in sorted(set(unknown) - set(hypotheses))
    )
    return BankQuestion(
        document["id"],
        document["text"],
        options,
        float(document.get("cost", 0)),
        [Prerequisite(each["question"], tuple(each["answers"])) for each in document.get("requires", ())],
        [[column[place] for column in columns] for place in range(len(options))],
        [float(unknown.get(name, 0)) for name in hypotheses],
        document.get("importance", ""),
        document.get("information", ""),
    )


def _columns(
    path: str,
    document: Mapping[str, Any],
    options: Sequence[str],
    hypotheses: Sequence[str],
    faults: list[Violation],
) -> list[list[float]]:
    """The probabilities of the options under each hypothesis."""
    expected: Mapping[str, Any] = document.get("expected", {})
    likelihood: Mapping[str, Any] = document.get("likelihood", {})
    noise = float(document.get("noise", 0))
    strangers = sorted((set(expected) | set(likelihood)) - set(hypotheses))
    faults.extend(Violation(path, f"{name!r} is no hypothesis") for name in strangers)
    columns = []
    for name in hypotheses:
        if name in likelihood:
            given: Mapping[str, float] = likelihood[name]
            column = [float(given.get(option, 0)) for option in options]
            if set(given) - set(options):
                faults.append(Violation(f"{path}/likelihood/{name}", f"its options are {', '.join(options)}"))
            elif abs(sum(column) - 1) > TOLERANCE:
                faults.append(Violation(f"{path}/likelihood/{name}", "its probabilities do not add up to 1"))
        elif name in expected:
            if expected[name] not in options:
                faults.append(Violation(f"{path}/expected/{name}", f"its options are {', '.join(options)}"))
            column = [1 - noise if option == expected[name] else noise / (len(options) - 1) for option in options]
        else:
            # Nothing is said of it: every answer is as good.
            column = [1 / len(options)] * len(options)
        columns.append(column)
    return columns
