"""The set that retrieval is measured by: questions, how somebody else puts them, and what only looks alike.

The rows of retrieval.csv are ours: `stored` is what was asked before, `asked` the same in other words, `unlike` another
question that shares its words. What names a number stands among twenty others whose numbers have the same digits; and
of sixty notes of a maintenance log, which differ in a number and a room, each is asked for by its number.
"""

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from servicekit.search.index import Entry

CODE = re.compile(r"\d[\d./]*\d")
SIBLINGS = 20
NOTES = 60
OWNER = {"owner": "ada", "user_id": "ada", "kind": "question", "group_id": "g", "at": datetime(2026, 1, 1, tzinfo=UTC)}


@dataclass(frozen=True)
class Pair:
    """A text that is found, and what it is asked for by."""

    item_id: str
    stored: str
    asked: str
    unlike: str


async def always() -> bool:
    """An index without a database has all that there is."""
    return True


def pairs() -> list[Pair]:
    with (Path(__file__).parent / "retrieval.csv").open() as file:
        rows = [
            Pair(f"stored{number}", row["stored"], row["asked"], row["unlike"])
            for number, row in enumerate(csv.DictReader(file, delimiter="|"))
        ]
    return rows + [
        Pair(f"note{number}", _note(each), f"What was done to pump {each}?", _note(_shuffled(each, number)))
        for number, each in enumerate(_numbers())
    ]


def entries(wanted: list[Pair]) -> Iterator[Entry]:
    """All that is searched: what is looked for, and much that is not."""
    taken = {text for each in wanted for text in (each.stored, each.unlike)}
    for each in wanted:
        yield Entry(each.item_id, each.stored, OWNER)
        yield Entry(f"un{each.item_id}", each.unlike, OWNER)
        found = CODE.search(each.stored)
        for place in range(SIBLINGS if found and each.item_id.startswith("stored") else 0):
            assert found is not None
            other = each.stored.replace(found[0], _shuffled(found[0], place))
            if other not in taken:
                taken.add(other)
                yield Entry(f"sibling{place}of{each.item_id}", other, OWNER)


def _note(number: str) -> str:
    room = int(number) % 7
    return (
        f"We went through hall {room} again. Pump {number} ran hot, so we changed the seal, tightened the bolts and cleaned "
        "the filter; afterwards the pressure was as it should be. The next look is in three weeks."
    )


def _numbers() -> list[str]:
    chosen = random.Random(20)
    return [_shuffled("482137", seed) for seed in chosen.sample(range(1000), NOTES)]


def _shuffled(number: str, seed: int) -> str:
    """The same digits in another order, with the same signs between them."""
    digits = [each for each in number if each.isdigit()]
    random.Random(seed).shuffle(digits)
    following = iter(digits)
    return "".join(next(following) if each.isdigit() else each for each in number)
