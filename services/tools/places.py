"""How many runs of a tool there may be at a time, and how many may wait for one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.tools.models import Tool


class Places:
    """A semaphore for each tool that has a limit."""

    def __init__(self, queue_per_place: int) -> None:
        self._queue_per_place = queue_per_place
        self._limits: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._waiting: dict[tuple[str, int], int] = {}

    def free(self, tool: Tool) -> bool:
        """Whether a run could begin at once."""
        return tool.max_concurrency == 0 or not self._limit(tool).locked()

    def has_room(self, tool: Tool) -> bool:
        """Whether a run could begin at once or wait."""
        if self.free(tool):
            return True
        return self._waiting.get(_key(tool), 0) < self._queue_per_place * tool.max_concurrency

    @asynccontextmanager
    async def taken(self, tool: Tool) -> AsyncIterator[None]:
        """Waits for a place and holds it."""
        if tool.max_concurrency == 0:
            yield
            return
        key = _key(tool)
        limit = self._limit(tool)
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            await limit.acquire()
        finally:
            self._waiting[key] -= 1
        try:
            yield
        finally:
            limit.release()
            if not limit.locked() and not self._waiting[key] and limit._value == tool.max_concurrency:  # noqa: SLF001
                # Nobody holds or wants one: forgotten, so that deleted tools leave nothing behind.
                self._limits.pop(key, None)
                self._waiting.pop(key, None)

    def _limit(self, tool: Tool) -> asyncio.Semaphore:
        # The limit is part of the key: after a change of it, new runs count anew and old ones run out.
        return self._limits.setdefault(_key(tool), asyncio.Semaphore(tool.max_concurrency))


def _key(tool: Tool) -> tuple[str, int]:
    return tool.name, tool.max_concurrency
