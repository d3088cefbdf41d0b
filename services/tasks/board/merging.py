"""What comes while a batch is under way is done together in the next: one transaction for all of them, and no timer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")

MAX_BATCH = 100


class Merging(Generic[Operation, Answer]):
    """Batches by key; of one key one is under way at a time.

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
        self._queued: dict[str, list[tuple[Operation, asyncio.Future[Answer]]]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def submit(self, key: str, operation: Operation) -> Answer:
        """Its answer, once the transaction that it was done in is committed; raises what ended that."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if key in self._queued:
            self._queued[key].append((operation, answer))
        else:
            self._queued[key] = [(operation, answer)]
            task = asyncio.create_task(self._drain(key))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await answer

    async def _drain(self, key: str) -> None:
        try:
            while waiting := [each for each in self._queued[key] if not each[1].done()]:
                batch, self._queued[key] = waiting[:MAX_BATCH], waiting[MAX_BATCH:]
                try:
                    answers = await self._run(key, [operation for operation, _ in batch])
                except Exception as error:  # noqa: BLE001 - whatever it is, all who wait hear of it
                    for _, told in batch:
                        if not told.done():
                            told.set_exception(error)
                    continue
                for (_, told), answer in zip(batch, answers, strict=True):
                    if not told.done():
                        told.set_result(answer)
                    elif self._abandoned is not None:
                        await self._abandoned(answer)
        finally:
            for _, told in self._queued.pop(key):
                told.cancel()
