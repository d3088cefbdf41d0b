"""Streams of batches: so many of each on their way to the disk, and no more read meanwhile."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar

from servicekit.errors import ServiceError, unavailable

Message = TypeVar("Message")
Result = TypeVar("Result")

# Batches of one stream that are being judged and written.
AT_A_TIME = 4
# What ends by waiting, and how long to wait before the next try.
ROOM = {"OVERLOADED", "RATE_LIMITED"}
PAUSE_SECONDS = 0.2
STOPPING = "The service stops. Send what is not durable again, under the same keys; another replica takes it."


class Streams:
    """The streams that are open in this process, which end when it stops."""

    def __init__(self) -> None:
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Reads no more of any."""
        self._closing.set()

    async def read(self, messages: AsyncIterator[Message]) -> AsyncIterator[Message]:
        """The messages of a stream.

        Raises:
            ServiceError: UNAVAILABLE where the process stops.
        """
        closing = asyncio.create_task(self._closing.wait())
        reading: asyncio.Future[Message] | None = None
        try:
            while True:
                reading = asyncio.ensure_future(anext(messages))
                await asyncio.wait({reading, closing}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    raise unavailable(STOPPING)
                try:
                    message = reading.result()
                except StopAsyncIteration:
                    return
                yield message
        finally:
            closing.cancel()
            if reading is not None:
                reading.cancel()


class Pipeline(Generic[Result]):
    """Work on the batches of a stream, begun in their order; what is under way when its block is left is ended."""

    def __init__(self) -> None:
        self._under_way: deque[asyncio.Task[Result]] = deque()
        # Of those from the first on that have ended well.
        self._results: list[Result] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ServiceError):
            # What was begun before it failed may end well, and need not be sent again.
            with suppress(ServiceError):
                await self.finish()
            error.metadata = {**error.metadata, "batches": str(len(self._results))}
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def add(self, work: Coroutine[Any, Any, Result]) -> None:
        """Begins work, and waits while as much is under way as may be.

        Raises:
            ServiceError: that some of it has ended with.
        """
        self._under_way.append(asyncio.create_task(work))
        while len(self._under_way) >= AT_A_TIME:
            await self._take_first()

    async def finish(self) -> list[Result]:
        """Waits for all of it.

        Raises:
            ServiceError: that some of it has ended with.
        """
        while self._under_way:
            await self._take_first()
        return self._results

    async def _take_first(self) -> None:
        # It stays there until it has ended well: whatever happens here, the end of the block finds it.
        self._results.append(await self._under_way[0])
        self._under_way.popleft()


async def patiently(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Tries until there is room: whoever sends a stream waits instead of being refused."""
    while True:
        try:
            return await attempt()
        except ServiceError as error:
            if error.reason not in ROOM:
                raise
        await asyncio.sleep(PAUSE_SECONDS)
