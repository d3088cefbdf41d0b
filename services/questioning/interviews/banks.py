"""What is told about banks before anybody is asked by them."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from servicekit.large import LARGE_BYTES, beside
from services.questioning.engines.bank import Bank
from services.questioning.engines.lint import Finding, lint
from services.questioning.engines.simulation import Chooser, Simulated, in_order, steps, summed
from services.questioning.interviews.goals import bank_of

# So long is played at a time: others have their turns in between, and a caller who waits no longer ends it.
TURN_SECONDS = 0.02


async def findings(document: Mapping[str, Any]) -> list[Finding]:
    """What its author should look at."""
    bank = await beside(LARGE_BYTES, bank_of, document)
    return await beside(LARGE_BYTES, lint, bank)


async def simulated(document: Mapping[str, Any], interviews: int, seed: int) -> tuple[Simulated, Simulated]:
    """How interviews go with the question that is worth most, and in the order of the bank."""
    bank = await beside(LARGE_BYTES, bank_of, document)
    return await _played(bank, interviews, seed, None), await _played(bank, interviews, seed, in_order(bank))


async def _played(bank: Bank, interviews: int, seed: int, choose: Chooser | None) -> Simulated:
    course = steps(bank, interviews, seed, choose)
    found: list[tuple[int, bool]] = []
    while await beside(LARGE_BYTES, _play_on, course, found):
        pass
    return summed(found)


def _play_on(course: Iterator[tuple[int, bool] | None], found: list[tuple[int, bool]]) -> bool:
    """Plays for a while; whether there is more."""
    until = time.monotonic() + TURN_SECONDS
    for each in course:
        if each is not None:
            found.append(each)
        if time.monotonic() > until:
            return True
    return False
