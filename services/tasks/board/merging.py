"""What comes while a batch is under way is done together in the next: one transaction for all of them, and no timer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")

MAX_BATCH = 100
# Of one key: while the database does one batch, the answers of the other are told, and what they bring is the next.
MAX_UNDER_WAY = 2
# So few are not worth a second transaction.
MIN_SHARED = 8


@dataclass(slots=True)
class _Line(Generic[Operation, Answer]):
    """What waits of one key, and who takes it."""

    waiting: deque[tuple[Operation, "asyncio.Future[Answer]"]] = field(default_factory=deque)
    takers: int = 0
    under_way: int = 0

    def take(self) -> list[tuple[Operation, "asyncio.Future[Answer]"]]:
        """The next batch: all that wait, or half of them where nothing else is under way."""
        self.waiting = deque(each for each in self.waiting if not each[1].done())
        count = len(self.waiting)
        if self.under_way == 0 and count >= MIN_SHARED:
            count = (count + 1) // 2
        return [self.waiting.popleft() for _ in range(min(count, MAX_BATCH))]


class Merging(Generic[Operation, Answer]):
    """Batches by key; of one key two are under way at a time.

    Unlike a group commit it tries nothing twice: who does not hear whether a claim was committed must not claim again.
    """

    def __init__(
        self,
        run: Callable[[str, Sequence[Operation]], Awaitable[Sequence[Answer]]],
        abandoned: Callable[[Answer], Awaitable[None]] | None = None,
    ) -> None:
        """Takes what does a batch, and what is done with an answer whose caller had gone."""
        self._run = run
        self._abandoned = abandoned
        self._lines: dict[str, _Line[Operation, Answer]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many operations wait for their batch."""
        return sum(len(line.waiting) for line in self._lines.values())

    async def submit(self, key: str, operation: Operation) -> Answer:
        """Its answer, once the transaction that it was done in is committed; raises what ended that."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(key, _Line())
        line.waiting.append((operation, answer))
        self._take(key, line)
        return await answer

    def _take(self, key: str, line: _Line[Operation, Answer]) -> None:
        """Has one more take batches of a line, if there may be one."""
        if line.takers < MAX_UNDER_WAY:
            line.takers += 1
            task = asyncio.create_task(self._drain(key, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _drain(self, key: str, line: _Line[Operation, Answer]) -> None:
        try:
            while batch := line.take():
                line.under_way += 1
                try:
                    if line.waiting:
                        self._take(key, line)
                    await self._do(key, batch)
                finally:
                    line.under_way -= 1
        finally:
            line.takers -= 1
            if line.takers == 0:
                for _, told in self._lines.pop(key).waiting:
                    told.cancel()

    async def _do(self, key: str, batch: Sequence[tuple[Operation, "asyncio.Future[Answer]"]]) -> None:
        try:
            answers = await self._run(key, [operation for operation, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, all who wait hear of it
            for _, told in batch:
                if not told.done():
                    told.set_exception(error)
            return
        for (_, told), answer in zip(batch, answers, strict=True):
            if not told.done():
                told.set_result(answer)
            elif self._abandoned is not None:
                await self._abandoned(answer)
