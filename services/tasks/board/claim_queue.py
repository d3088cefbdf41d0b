"""Calls that wait for a task, in the order in which they came: as many are woken as could be served.

A notification says that there may be a task in a project. Of those who want the same there, one is woken; whoever gets
something wakes the next, for there may be more. So a task that a thousand wait for costs two looks, and not a thousand.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from servicekit.notifications import wait_for

# After a notification that was lost: only the first of those who want the same.
LOOK_AGAIN_SECONDS = 5.0

# The project, and the tag of the tasks that are wanted.
Wish = tuple[str, str]


class Place:
    """One call's place in the queue."""

    def __init__(self, others: "dict[Place, None]") -> None:
        self._others = others
        self._told = asyncio.Event()
        # It got something: there may be more.
        self.served = False

    @property
    def is_first(self) -> bool:
        """Whether it is the one that looks again by itself."""
        return next(iter(self._others)) is self

    @property
    def is_woken(self) -> bool:
        """Whether it was told of something and has not looked yet."""
        return self._told.is_set()

    def look(self) -> None:
        """It looks now, after whatever it was told before."""
        self._told.clear()

    def wake(self) -> None:
        """There may be something."""
        self._told.set()

    async def wait(self, seconds: float) -> None:
        """Until it is told of something, for a time at most; or a while, where it is the first."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + seconds
        while (left := give_up - loop.time()) > 0:
            if await wait_for(self._told, min(left, LOOK_AGAIN_SECONDS)) or self.is_first:
                return


class ClaimQueue:
    """Everybody who waits in this process."""

    def __init__(self) -> None:
        self._waiting: defaultdict[Wish, dict[Place, None]] = defaultdict(dict)

    @contextmanager
    def entered(self, wish: Wish) -> Iterator[Place]:
        """A place behind those who want the same."""
        places = self._waiting[wish]
        place = Place(places)
        places[place] = None
        try:
            yield place
        finally:
            del places[place]
            if not places:
                del self._waiting[wish]
            elif place.served or place.is_woken:
                next(iter(places)).wake()

    def tell(self, project_id: str | None) -> None:
        """There may be something in a project; None: anywhere."""
        for (of_project, _), places in self._waiting.items():
            if project_id is None or of_project == project_id:
                next(iter(places)).wake()

    def wake_all(self) -> None:
        """Nobody waits any longer."""
        for places in self._waiting.values():
            for place in places:
                place.wake()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))
