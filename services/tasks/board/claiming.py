"""Claims: the best that is ready, to one caller each, however many ask; who finds none waits until there is one."""

import asyncio

from servicekit.errors import overloaded
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from services.tasks.board.access import uuid_of
from services.tasks.board.batches import Batches
from services.tasks.board.claim_queue import ClaimQueue
from services.tasks.metrics import TasksMetrics
from services.tasks.models import ClaimRequest, Task


class Claiming:
    """Answers ClaimTask."""

    def __init__(self, batches: Batches, metrics: TasksMetrics, max_waiters: int) -> None:
        self._batches = batches
        self._metrics = metrics
        self._max_waiters = max_waiters
        self._queue = ClaimQueue()
        self._closing = False

    def tell(self, payload: str | None) -> None:
        """There may be a task in a project; None: anywhere."""
        self._queue.tell(payload)

    def close(self) -> None:
        """Lets everybody go: the server stops, and another replica will take them."""
        self._closing = True
        self._queue.wake_all()

    async def claim(self, wanted: ClaimRequest, viewer: Viewer, once: Once[list[Task], Answer]) -> Answer:
        """Takes leases of the best that are ready; of none where none is in the time.

        Raises:
            ServiceError: PROJECT_NOT_FOUND, PERMISSION_DENIED, OVERLOADED where as many wait here as may.
        """
        project_id = str(uuid_of(wanted.project_id))
        loop = asyncio.get_running_loop()
        give_up = loop.time() + wanted.wait_seconds
        if len(self._queue) >= self._max_waiters:
            raise overloaded()
        with self._queue.entered((project_id, wanted.tag)) as place:
            self._metrics.set_waiters(len(self._queue))
            try:
                while True:
                    place.look()
                    answer = await self._batches.claim(wanted, viewer, once)
                    if answer is not None:
                        place.served = True
                        return answer
                    left = give_up - loop.time()
                    if left <= 0 or self._closing:
                        return await once.answered([])
                    await place.wait(left)
            finally:
                self._metrics.set_waiters(len(self._queue) - 1)
