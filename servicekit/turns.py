"""Turns: what takes long is done for a few at a time, and of each caller so much, that nobody waits for one alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from weakref import WeakValueDictionary

from servicekit.request_context import current_context


class Turns:
    """Lets in so many at a time, None: all. Of each caller fewer wait for that; the rest of its own waits for these."""

    def __init__(self, at_a_time: int | None, of_each: int = 1) -> None:
        self._places = nullcontext() if at_a_time is None else asyncio.Semaphore(at_a_time)
        self._of_each = of_each
        # By loop as well, since a semaphore belongs to one: a service has one, tests have many.
        self._of_callers: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str], asyncio.Semaphore]
        self._of_callers = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, and has it while the block lasts."""
        named = asyncio.get_running_loop(), _caller()
        own = self._of_callers.setdefault(named, asyncio.Semaphore(self._of_each))
        async with own, self._places:
            yield


def _caller() -> str:
    """Who is told apart: by name, or, who has none, by the address."""
    call = current_context.get(None)
    return (call.principal.name or f"@{call.address}") if call is not None else ""
