"""Announces what changed to all who watch: the services, over streams, and this process itself."""

import asyncio
from collections.abc import AsyncIterator

# Of a watcher that falls behind by more, only "anything may have changed" is kept.
MAX_QUEUED = 1_000


class Changes:
    """Fans a change out to its watchers."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[str]] = set()

    def tell(self, key_id: str | None) -> None:
        """A key changed; None or "": anything may have."""
        for queue in self._watchers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait("")
            else:
                queue.put_nowait(key_id or "")

    async def watch(self, heartbeat_seconds: float) -> AsyncIterator[str | None]:
        """Changes from now on, beginning with "", because what was before is not known; None is a heartbeat."""
        queue: asyncio.Queue[str] = asyncio.Queue(MAX_QUEUED)
        self._watchers.add(queue)
        try:
            yield ""
            while True:
                try:
                    async with asyncio.timeout(heartbeat_seconds):
                        changed = await queue.get()
                except TimeoutError:
                    yield None
                else:
                    yield changed
        finally:
            self._watchers.discard(queue)
