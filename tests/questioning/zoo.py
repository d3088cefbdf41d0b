"""The Zoo data set as a bank: animals that sixteen properties tell apart.

R. Forsyth, Zoo, UCI Machine Learning Repository, 1990, https://doi.org/10.24432/C5R59V, licence CC BY 4.0. Of animals that
have the same properties only the first is a hypothesis.
"""

import csv
from pathlib import Path

from services.questioning.engines.bank import Bank, BankQuestion, StopRule

FILE = Path(__file__).parent / "zoo.csv"


def zoo(noise: float = 0.0, **stop: float) -> Bank:
    """The bank; `noise` of all answers are another than the data say."""
    with FILE.open() as lines:
        rows = list(csv.DictReader(lines))
    properties = [name for name in rows[0] if name != "animal"]
    kinds = {tuple(row[name] for name in properties): row["animal"] for row in reversed(rows)}
    names = sorted(kinds.values())
    values = {animal: dict(zip(properties, kind, strict=True)) for kind, animal in kinds.items()}
    return Bank(
        "zoo",
        names,
        names,
        [1 / len(names)] * len(names),
        [_question(each, names, values, noise) for each in properties],
        StopRule(**stop),
    )  # type: ignore[arg-type]


def _question(name: str, animals: list[str], values: dict[str, dict[str, str]], noise: float) -> BankQuestion:
    options = sorted({values[animal][name] for animal in animals})
    wrong = noise / (len(options) - 1)
    likelihoods = [[1 - noise if values[animal][name] == option else wrong for animal in animals] for option in options]
    return BankQuestion(name, f"{name}?", options, 0.0, (), likelihoods, [0.0] * len(animals))
