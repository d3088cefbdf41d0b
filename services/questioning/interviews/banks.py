"""What is told about banks before anybody is asked by them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from services.questioning.engines.bank import Bank
from services.questioning.engines.lint import Finding, lint
from services.questioning.engines.simulation import Chooser, Simulated, in_order, played, summed
from services.questioning.interviews.goals import bank_of


class Banks:
    """Looks at banks, and plays interviews with them, beside the calls that only take a moment."""

    def __init__(self) -> None:
        # Whatever takes the processor for long does so one at a time, or interviews with people would wait.
        self._playing = asyncio.Lock()

    async def lint(self, document: Mapping[str, Any]) -> list[Finding]:
        """What its author should look at."""
        return await asyncio.to_thread(lambda: lint(bank_of(document)))

    async def simulate(self, document: Mapping[str, Any], interviews: int, seed: int) -> tuple[Simulated, Simulated]:
        """How interviews go with the question that is worth most, and in the order of the bank."""
        bank = await asyncio.to_thread(bank_of, document)
        async with self._playing:
            return await _played(bank, interviews, seed, None), await _played(bank, interviews, seed, in_order(bank))


async def _played(bank: Bank, interviews: int, seed: int, choose: Chooser | None) -> Simulated:
    """Plays one interview after another, so that a caller who waits no longer ends it."""
    course = played(bank, interviews, seed, choose)
    found = []
    while (one := await asyncio.to_thread(next, course, None)) is not None:
        found.append(one)
    return summed(found)
