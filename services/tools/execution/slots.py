"""How many runs of a tool there may be at a time, and how many may wait for one."""

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager, nullcontext

from services.tools.models import Tool


class Slots:
    """Counts the runs of each tool that has a limit from their admission on: a commit lies between it and the slot."""

    def __init__(self, queue_per_slot: int) -> None:
        self._queue_per_slot = queue_per_slot
        self._entered: dict[tuple[str, int], int] = {}
        self._held: Counter[tuple[tuple[str, int], str]] = Counter()
        self._limits: dict[tuple[str, int], asyncio.Semaphore] = {}

    def has_room(self, tool: Tool) -> bool:
        """Whether a run may enter: to begin at once, or to wait."""
        return tool.max_concurrency == 0 or self._entered.get(_key(tool), 0) < self._most(tool)

    def has_share(self, tool: Tool, principal: str, own_limit: int) -> bool:
        """Whether a run in somebody's name leaves the others enough: half of what the tool has, or what they bring.

        Args:
            tool: which.
            principal: in whose name.
            own_limit: what their key or roles say they may run at a time, which counts where it is more; else 0.
        """
        if tool.max_concurrency == 0:
            return True
        share = max((self._most(tool) + 1) // 2, own_limit)
        return self._held[_key(tool), principal] < share

    def seconds_to_end(self, tool: Tool, timeout_seconds: int) -> int:
        """So long a run that enters now takes at most: those before it in the queue have as long as itself, each."""
        return timeout_seconds * (1 + (self._queue_per_slot if tool.max_concurrency else 0))

    def _most(self, tool: Tool) -> int:
        return tool.max_concurrency * (1 + self._queue_per_slot)

    def enter(self, tool: Tool, principal: str) -> bool:
        """Counts a run in, until it leaves; returns whether it begins at once."""
        if tool.max_concurrency == 0:
            return True
        key = _key(tool)
        before = self._entered.get(key, 0)
        self._entered[key] = before + 1
        self._held[key, principal] += 1
        return before < tool.max_concurrency

    def leave(self, tool: Tool, principal: str) -> None:
        """Counts a run out, after it gave its slot back."""
        key = _key(tool)
        if tool.max_concurrency == 0:
            return
        self._held[key, principal] -= 1
        if not self._held[key, principal]:
            del self._held[key, principal]
        self._entered[key] -= 1
        if not self._entered[key]:
            # Forgotten, so that deleted tools leave nothing behind.
            del self._entered[key]
            self._limits.pop(key, None)

    def taken(self, tool: Tool) -> AbstractAsyncContextManager[None]:
        """Waits for a slot and holds it; for runs that have entered."""
        if tool.max_concurrency == 0:
            return nullcontext()
        # The limit is part of the key: after a change of it, new runs count anew and old ones run out.
        return self._limits.setdefault(_key(tool), asyncio.Semaphore(tool.max_concurrency))


def _key(tool: Tool) -> tuple[str, int]:
    return tool.name, tool.max_concurrency
