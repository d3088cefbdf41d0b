"""`asyncio.timeout` for what is limited in every call: many limits share one timer, and none is a coroutine.

asyncio's own makes a timer and cancels it again for each call, and enters and leaves by a coroutine each.
"""

import asyncio
import math
from heapq import heapify, heappop, heappush
from itertools import count
from types import TracebackType
from typing import Self

# Of limits that ended before their time so many may be kept beside those that count, until they are swept together.
SWEEP_AFTER = 256


class TimeLimit:
    """Cancels the task that is in its block when the time is over, and makes of that a TimeoutError."""

    __slots__ = ("_at", "_cancelling", "_limits", "_open", "_task", "expired")

    def __init__(self, limits: "TimeLimits", at: float) -> None:
        self._limits = limits
        self._at = at
        self._open = False
        # Whether the time was over before the block had ended.
        self.expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a limit is of a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._open = True
        self._limits.add(self._at, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        self._limits.ended()
        # As asyncio.timeout has it: where somebody else cancels too, the cancellation goes on.
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    @property
    def is_open(self) -> bool:
        """Whether a task is in its block."""
        return self._open

    def expire(self) -> None:
        """The time is over."""
        self.expired = True
        self._task.cancel()


class TimeLimits:
    """The limits of one loop, by when they end."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, TimeLimit]] = []
        self._numbers = count()
        self._open = 0
        self._timer: asyncio.Handle | None = None
        # When it looks.
        self._looks_at = math.inf

    def until(self, at: float | None) -> TimeLimit:
        """A block that may last until then, on the loop's clock; None: as long as it likes."""
        return TimeLimit(self, math.inf if at is None else at)

    def add(self, at: float, limit: TimeLimit) -> None:
        """A block was entered."""
        self._open += 1
        if at == math.inf:
            return
        heappush(self._heap, (at, next(self._numbers), limit))
        if at < self._looks_at:
            self._set_timer(at)

    def ended(self) -> None:
        """A block was left."""
        self._open -= 1
        if len(self._heap) > 2 * self._open + SWEEP_AFTER:
            self._heap = [entry for entry in self._heap if entry[2].is_open]
            heapify(self._heap)

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = at
        self._timer = asyncio.get_running_loop().call_at(at, self._look)

    def _look(self) -> None:
        self._timer, self._looks_at = None, math.inf
        now = asyncio.get_running_loop().time()
        while self._heap and (self._heap[0][0] <= now or not self._heap[0][2].is_open):
            limit = heappop(self._heap)[2]
            if limit.is_open:
                limit.expire()
        if self._heap:
            self._set_timer(self._heap[0][0])
