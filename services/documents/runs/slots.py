"""Slots: how many runs one process does at a time, and how long the others wait for theirs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter

from services.documents import errors


class Slots:
    """Given out in the order in which they are asked for."""

    def __init__(self, number: int, timeout_seconds: float, told: Callable[[int], None] = lambda _: None) -> None:
        """Takes how many there are, how long one is waited for (0: not at all), and who hears how many are taken."""
        self._number = number
        self._timeout_seconds = timeout_seconds
        self._free = asyncio.Semaphore(number)
        self._taken = 0
        self._told = told

    @asynccontextmanager
    async def taken(self, *, patient: bool = False) -> AsyncIterator[int]:
        """Holds one while the block lasts; gives how long it was waited for, milliseconds. Patient: however long.

        Raises:
            ServiceError: TOO_MANY_REQUESTS.
        """
        asked_at = perf_counter()
        if patient:
            await self._free.acquire()
        else:
            await self._take()
        self._taken += 1
        self._told(self._taken)
        try:
            yield round((perf_counter() - asked_at) * 1000)
        finally:
            self._taken -= 1
            self._told(self._taken)
            self._free.release()

    async def _take(self) -> None:
        if self._free.locked() and not self._timeout_seconds:
            raise errors.too_many_requests(self._number, self._timeout_seconds)
        try:
            async with asyncio.timeout(self._timeout_seconds or None):
                await self._free.acquire()
        except TimeoutError:
            raise errors.too_many_requests(self._number, self._timeout_seconds) from None
