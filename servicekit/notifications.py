"""LISTEN/NOTIFY: one connection a process, any number of waiters, no lost wake-up.

A notification only says "look again": who waits registers first, then reads the state, then waits. Notifications get
lost when the connection breaks, so after each reconnect every waiter is woken, and waits have a limit after which
callers look again on their own.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import structlog

from servicekit.database_errors import CONNECTION_ERRORS

logger = structlog.get_logger(__name__)

# Told the payload of a notification, or None: notifications may have been missed, assume anything.
Listener = Callable[[str | None], None]


class Waiters:
    """Waiters by key. A payload may name several keys, separated by spaces."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def registered(self, key: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the key is named; clear it before reading the state."""
        event = asyncio.Event()
        self._waiting[key].add(event)
        try:
            yield event
        finally:
            self._waiting[key].discard(event)
            if not self._waiting[key]:
                del self._waiting[key]

    def wake(self, payload: str | None) -> None:
        """Wakes the waiters of the keys in the payload; all of them where it is None."""
        keys = list(self._waiting) if payload is None else payload.split()
        for key in keys:
            for event in self._waiting.get(key, ()):
                event.set()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Waits until the event is set, at most for a time; False when the time was up."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def listening(url: str, channels: Mapping[str, Listener]) -> AsyncIterator[None]:
    """Listens on the channels from now on, and again whenever the connection was lost."""
    task = asyncio.create_task(_listen_for_ever(url, channels), name="notifications")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen_for_ever(url: str, channels: Mapping[str, Listener]) -> None:
    while True:
        try:
            await _listen(url, channels)
        except CONNECTION_ERRORS as error:
            logger.warning("notifications_interrupted", error=str(error))
        except Exception:
            # Whatever it was (a password that changed, a database closed to us): without this loop nothing is heard.
            logger.exception("notifications_failed")
        await asyncio.sleep(0.5)


async def _listen(url: str, channels: Mapping[str, Listener]) -> None:
    connection = await asyncpg.connect(url, timeout=5, command_timeout=5)
    try:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        for channel, listener in channels.items():
            await connection.add_listener(channel, _payload_to(listener))
        # What was said before LISTEN took effect, nobody heard.
        for listener in channels.values():
            listener(None)
        # A peer that vanished without a word is found by asking.
        while not await wait_for(lost, 10):
            await connection.fetchval("SELECT 1")
    finally:
        connection.terminate()


def _payload_to(listener: Listener) -> Callable[[object, int, str, object], None]:
    def notified(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        listener(str(payload))

    return notified
