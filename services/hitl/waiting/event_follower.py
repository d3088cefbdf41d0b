"""What happens to requests, as every replica hears of it: those who wait and those who watch are told from here.

A replica reads the table of events from where it stopped, whenever NOTIFY says that there are new ones, and once a
second besides. Numbers become visible in their order, so nothing can be missed, whatever becomes of notifications: they
only make it fast. One read serves all who wait here, however many.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from servicekit.errors import overloaded
from servicekit.identity.visibility import Viewer
from servicekit.notifications import wait_for
from servicekit.postgres import Database
from services.hitl.lifecycle.store import events, requests
from services.hitl.metrics import HitlMetrics
from services.hitl.models import Event, EventFilter, HumanRequest

# After a notification that was lost.
LOOK_AGAIN_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
EVENTS_A_READ = 1_000
EVENTS_A_PAGE = 200
OUTCOMES = {"decided", "expired", "cancelled"}


class Waiter:
    """One call that waits: what it has been told of, and what ends the wait.

    It holds nothing but that. Waiters are many and wait long, so each kilobyte of one is ten megabytes of a replica.
    """

    __slots__ = ("ended", "human_request_ids", "over")

    def __init__(self, human_request_ids: Sequence[str]) -> None:
        self.human_request_ids = human_request_ids
        # The requests that have ended since it registered, by id.
        self.ended: dict[str, HumanRequest] = {}
        # While it waits: done when there is one more of them, or nothing more to wait for.
        self.over: asyncio.Future[None] | None = None

    async def wait(self, seconds: float) -> None:
        """Until it is told of something, for a time at most."""
        loop = asyncio.get_running_loop()
        self.over = loop.create_future()
        # An asyncio.timeout would do, and hold more.
        time_is_over = loop.call_later(seconds, self.wake)
        try:
            await self.over
        finally:
            time_is_over.cancel()
            self.over = None

    def wake(self) -> None:
        """There is something to look at."""
        if self.over is not None and not self.over.done():
            self.over.set_result(None)


class EventFollower:
    """Follows the events of all replicas."""

    def __init__(self, database: Database, metrics: HitlMetrics, max_waiters: int, max_watchers: int) -> None:
        self._database = database
        self._metrics = metrics
        self._max_waiters = max_waiters
        self._max_watchers = max_watchers
        self._waiters = 0
        self._notified = asyncio.Event()
        # Up to which event everybody here has been told.
        self._sequence = 0
        self._waiting: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._watching: set[asyncio.Event] = set()
        self.closing = False

    async def begin(self) -> None:
        """From now on."""
        async with self._database.connection() as connection:
            self._sequence = await events.last(connection)

    def tell(self, payload: str | None) -> None:
        """There may be new events."""
        del payload
        self._notified.set()

    def close(self) -> None:
        """Lets everybody go: the server stops, and another replica will take them."""
        self.closing = True
        for watching in self._watching:
            watching.set()
        for waiting in self._waiting.values():
            for waiter in waiting:
                waiter.wake()

    async def follow(self) -> None:
        """Tells those who wait and watch, for ever."""
        while True:
            await wait_for(self._notified, LOOK_AGAIN_SECONDS)
            self._notified.clear()
            while await self._read() == EVENTS_A_READ:
                pass

    async def _read(self) -> int:
        async with self._database.connection() as connection:
            found = await events.after(connection, self._sequence, EVENTS_A_READ)
            ended = {event.human_request_id: event for event in found if event.kind in OUTCOMES}
            awaited = [human_request_id for human_request_id in ended if human_request_id in self._waiting]
            standing = await requests.get_many(connection, awaited) if awaited else {}
        if found:
            self._sequence = found[-1].sequence
            for watching in self._watching:
                watching.set()
        now = datetime.now(UTC)
        for human_request_id, request in standing.items():
            for waiter in self._waiting.get(human_request_id, ()):
                waiter.ended[human_request_id] = request
                waiter.wake()
                self._metrics.woken((now - ended[human_request_id].at).total_seconds())
        return len(found)

    def enter(self, waiter: Waiter) -> None:
        """From now on it is told of each of its requests that ends. Enter first, then read how they stand, then wait.

        Raises:
            ServiceError: OVERLOADED where as many wait here as may.
        """
        if self._waiters >= self._max_waiters:
            raise overloaded()
        self._waiters += 1
        self._metrics.set_waiters(self._waiters)
        for human_request_id in waiter.human_request_ids:
            self._waiting[human_request_id].add(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Whoever has entered must."""
        self._waiters -= 1
        self._metrics.set_waiters(self._waiters)
        for human_request_id in waiter.human_request_ids:
            self._waiting[human_request_id].discard(waiter)
            if not self._waiting[human_request_id]:
                del self._waiting[human_request_id]

    async def watch(
        self, wanted: EventFilter, viewer: Viewer, after: int | None
    ) -> AsyncIterator[tuple[Event, HumanRequest] | int]:
        """Events after a number (None: from now on), with the requests as they stand; a number is a heartbeat.

        Those of requests that are shown to the viewer as they stand now. Ends when the server stops.

        Raises:
            ServiceError: OVERLOADED where as many watch here as may.
        """
        if len(self._watching) >= self._max_watchers:
            raise overloaded()
        changed = asyncio.Event()
        self._watching.add(changed)
        self._metrics.set_watchers(len(self._watching))
        try:
            sequence = after
            if sequence is None:
                async with self._database.connection() as connection:
                    sequence = await events.last(connection)
                # So that the caller knows where to go on should nothing happen.
                yield sequence
            while not self.closing:
                changed.clear()
                async with self._database.connection() as connection:
                    upto = await events.last(connection)
                    found, last = await events.between(connection, wanted, viewer, sequence, upto, EVENTS_A_PAGE)
                for event, request in found:
                    yield event, request
                sequence = max(sequence, last)
                if last >= upto and not await wait_for(changed, HEARTBEAT_SECONDS):
                    yield sequence
        finally:
            self._watching.discard(changed)
            self._metrics.set_watchers(len(self._watching))
