"""What happened on one board lately, kept for all who watch it here: nobody's position is anybody else's."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.tasks.models import Head

Shown = TypeVar("Shown")

# Whoever is further behind reads on from the database, by itself.
MAX_KEPT = 1_000
MAX_KEPT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ShownEvent(Generic[Shown]):
    """An event as it is shown to all who watch, made once."""

    sequence: int
    size: int
    shown: Shown


class RecentEvents(Generic[Shown]):
    """The last events of one board, without gap, and who is to hear of new ones."""

    def __init__(self, head: Head) -> None:
        self.head = head
        # The number before the first that is kept.
        self._before = head.sequence
        self._kept: deque[ShownEvent[Shown]] = deque()
        self._bytes = 0
        self.watching: set[asyncio.Event] = set()

    @property
    def sequence(self) -> int:
        """Of the last event that is kept."""
        return self._before + len(self._kept)

    def add(self, events: Sequence[ShownEvent[Shown]], head: Head) -> None:
        """The events that follow the last one, and what is known of the board after them."""
        self.head = head
        for event in events:
            self._kept.append(event)
            self._bytes += event.size
        while len(self._kept) > MAX_KEPT or self._bytes > MAX_KEPT_BYTES:
            self._bytes -= self._kept.popleft().size
            self._before += 1
        self.wake()

    def wake(self) -> None:
        """There is something to look at."""
        for watching in self.watching:
            watching.set()

    def after(self, sequence: int, limit: int) -> Sequence[ShownEvent[Shown]] | None:
        """Events after a number; None where it is not known what follows it."""
        if sequence < self._before:
            return None
        first = sequence - self._before
        return [self._kept[index] for index in range(first, min(first + limit, len(self._kept)))]
