"""Group commit: many callers, one transaction, each acknowledged after the commit.

While one batch is being written, the next one queues; there is no timer, so a lone caller waits for nothing (a linger
of 2 ms made every load slower). One row at a time with a pool of ten made 10,000 durable rows a second, this 60,000.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram

from servicekit.database_errors import transient
from servicekit.errors import ServiceError, overloaded, unavailable
from servicekit.postgres import COMMIT
from servicekit.sqlstates import service_error
from servicekit.waiting import waiting_for

logger = structlog.get_logger(__name__)

# A batch is taken when this many turns of the loop have brought nothing more.
QUIET_TURNS = 3
# How long a committer that is being closed tries to reach the database.
CLOSING_SECONDS = 5.0
# How long a caller waits for its commit at most, wherever it stands: a restart of Postgres is over by then.
PATIENCE_SECONDS = 10.0
# What one batch holds, but for its last operation: all of it is encoded at once, and nothing else runs meanwhile.
MAX_BATCH_BYTES = 2 * 1024 * 1024
# Before a batch is tried again; twice as long each time, up to a second.
PAUSE_SECONDS = 0.05
# A batch that takes longer says that the database does not take what is written.
STALLED_SECONDS = 3.0

Operation = TypeVar("Operation")
Answer = TypeVar("Answer")

# Writes a batch in one transaction; the answers stand in the order of the operations.
Flush = Callable[[Sequence[Operation]], Awaitable[Sequence[Answer]]]


class CommitMetrics:
    """What group committers show: how many operations wait, and how many went into one commit."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.queued = Gauge(
            "qmcp_commit_queue_depth", "Operations waiting for their commit.", ("name",), registry=registry
        )
        self.size = Histogram(
            "qmcp_commit_batch_size",
            "Operations in one commit.",
            ("name",),
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
        )
        self.duration = Histogram(
            "qmcp_commit_duration_seconds",
            "Time of one commit.",
            ("name",),
            registry=registry,
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
        )


@dataclass(slots=True)
class _Queued(Generic[Operation, Answer]):
    """An operation that waits for its commit."""

    operation: Operation
    answered: "asyncio.Future[Answer]"
    give_up_at: float
    kept: bool
    # About how many bytes it has, where that is known; else 0.
    size: int


class GroupCommit(Generic[Operation, Answer]):
    """Collects operations and writes them in batches, one batch at a time.

    `flush` must be repeatable: when the connection breaks it is called again with the same operations, although the
    first try may have been committed.
    """

    def __init__(
        self,
        name: str,
        flush: Flush[Operation, Answer],
        metrics: CommitMetrics,
        *,
        abandoned: Callable[[Operation, Answer], None] | None = None,
        size: Callable[[Operation], int] | None = None,
        max_batch: int = 512,
        max_queued: int = 20_000,
        max_queued_bytes: int | None = None,
    ) -> None:
        """Prepares a committer.

        Args:
            name: what its metrics are labelled with.
            flush: writes a batch.
            metrics: shared by the committers of a process.
            abandoned: told of operations that were committed although their caller had stopped waiting.
            size: about how many bytes an operation has, where they may be large.
            max_batch: operations in one transaction at most, and no more than MAX_BATCH_BYTES.
            max_queued: operations waiting at most; further ones are refused.
            max_queued_bytes: the same by their size, those that are being written among them, where that is known.
        """
        self._flush = flush
        self._abandoned = abandoned
        self._max_batch = max_batch
        self._bytes_of = size
        self._max_queued = max_queued
        self._max_queued_bytes = max_queued_bytes
        # Of what waits and of what is being written.
        self._held_bytes = 0
        self._queue: deque[_Queued[Operation, Answer]] = deque()
        # What is being written, and since when nothing has been.
        self._in_hand: list[_Queued[Operation, Answer]] = []
        self._waiting_since: float | None = None
        # Why the last try failed; None where it did not.
        self._trouble: BaseException | None = None
        self._arrived = asyncio.Event()
        self._closing_since: float | None = None
        self._closed = False
        # Closed while the database was away for too long.
        self._given_up = False
        self._name = name
        self._size = metrics.size.labels(name)
        self._duration = metrics.duration.labels(name)
        metrics.queued.labels(name).set_function(lambda: len(self._queue))

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name=f"group commit {self._name}")
        self._telling = asyncio.create_task(self._tell_in_time(), name=f"group commit {self._name}, patience")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Writes what is queued, and what that brings, then ends."""
        self._closing_since = self._loop.time()
        self._arrived.set()
        await self._task
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)

    async def ready(self) -> bool:
        """Whether the database takes what is written; a check of the service's readiness."""
        return self._stalled_for() < STALLED_SECONDS

    async def commit(self, operation: Operation) -> Answer:
        """Queues an operation and waits for its commit; raises as `submit`, and as its future does."""
        with waiting_for(COMMIT):
            return await self.submit(operation)

    def submit(self, operation: Operation, *, kept: bool = False) -> "asyncio.Future[Answer]":
        """Queues an operation; the future is done after its commit. Whoever stops waiting does not undo it.

        After a time its caller is told UNAVAILABLE. What was being written then is written all the same; what was still
        queued is left out, unless it is `kept`.

        Raises:
            ServiceError: OVERLOADED when the queue is full; UNAVAILABLE when the committer has been closed, or the
                database has been away for so long that those who wait are told.
        """
        if self._closed:
            raise unavailable("The service is shutting down. Try again; another replica will take it.")
        size = 0 if self._bytes_of is None else self._bytes_of(operation)
        if len(self._queue) >= self._max_queued or self._is_past_bytes(size):
            raise overloaded()
        if not kept and self._stalled_for() > PATIENCE_SECONDS:
            raise self._away()
        answered: asyncio.Future[Answer] = self._loop.create_future()
        self._held_bytes += size
        self._queue.append(_Queued(operation, answered, self._loop.time() + PATIENCE_SECONDS, kept, size))
        self._arrived.set()
        return answered

    async def _run(self) -> None:
        while True:
            if self._given_up:
                _tell(self._queue, self._away())
                self._release(self._queue)
                self._queue.clear()
            if not self._queue:
                if self._closing_since is not None:
                    self._closed = True
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._until_quiet()
            batch = self._next_batch()
            if not batch:
                # Their time was up.
                continue
            self._size.observe(len(batch))
            self._in_hand = batch
            with self._duration.time():
                await self._write(batch)
            self._in_hand = []
            self._release(batch)

    def _next_batch(self) -> list[_Queued[Operation, Answer]]:
        count = min(len(self._queue), self._max_batch)
        if self._bytes_of is None:
            return [self._queue.popleft() for _ in range(count)]
        batch: list[_Queued[Operation, Answer]] = []
        left = MAX_BATCH_BYTES
        while len(batch) < count and left > 0:
            batch.append(self._queue.popleft())
            left -= batch[-1].size
        return batch

    async def _until_quiet(self) -> None:
        """Lets the loop run what is ready as long as that brings more operations: no timer, only what is due anyway."""
        quiet = 0
        queued = len(self._queue)
        while quiet < QUIET_TURNS and queued < self._max_batch:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._queue) == queued else 0
            queued = len(self._queue)

    async def _write(self, batch: list[_Queued[Operation, Answer]]) -> None:
        try:
            answers = await self._flush_until_connected(batch)
        except Exception as error:  # whatever it is, the callers are told and the committer lives
            if len(batch) == 1 and transient(error) and not self._given_up:
                await self._write_last(batch[0])
                return
            if len(batch) == 1 or self._given_up:
                logger.exception("commit_failed", name=self._name, size=len(batch))
                _tell(batch, self._away() if self._given_up else error)
                return
            # One bad row must not fail its neighbours, nor one that takes for ever hold them up.
            logger.warning("batch_bisected", name=self._name, size=len(batch), error=str(error))
            middle = len(batch) // 2
            await self._write(batch[:middle])
            await self._write(batch[middle:])
            return
        for queued, answer in zip(batch, answers, strict=True):
            # A caller that went away has cancelled its future; setting it would raise and end this task.
            if not queued.answered.done():
                queued.answered.set_result(answer)
            elif self._abandoned is not None:
                self._tell_abandoned(queued.operation, answer)

    async def _write_last(self, late: _Queued[Operation, Answer]) -> None:
        """Tries an operation that took too long again after all others."""
        logger.warning("commit_postponed", name=self._name)
        _tell([late], self._away())
        late.kept = True
        self._queue.append(late)
        # What was written of its batch is given back when all of that is, and this stays.
        self._held_bytes += late.size
        await asyncio.sleep(PAUSE_SECONDS)

    def _tell_abandoned(self, operation: Operation, answer: Answer) -> None:
        assert self._abandoned is not None
        try:
            self._abandoned(operation, answer)
        except Exception:
            # The committer must live, for the others.
            logger.exception("abandoned_not_told", name=self._name)

    async def _flush_until_connected(self, batch: list[_Queued[Operation, Answer]]) -> Sequence[Answer]:
        """Tries until the database is back: what was taken is written, although its callers have been told meanwhile.

        Dropped only some time after the committer was closed: somebody else must then find what is missing.
        """
        operations = [queued.operation for queued in batch]
        if self._waiting_since is None:
            self._waiting_since = self._loop.time()
        pause = PAUSE_SECONDS
        while True:
            try:
                answers = await self._flush(operations)
            except Exception as error:
                if not transient(error):
                    self._waiting_since = self._trouble = None
                    raise
                self._trouble = error
                self._given_up = self._closing_for() > CLOSING_SECONDS
                if self._given_up or isinstance(error, TimeoutError):
                    raise
                logger.warning("commit_retried", name=self._name, size=len(operations), error=str(error))
            else:
                self._waiting_since = self._trouble = None
                return answers
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1)

    async def _tell_in_time(self) -> None:
        """Tells those whose time is up, for ever."""
        while True:
            await asyncio.sleep(PATIENCE_SECONDS / 10)
            now = self._loop.time()
            _tell([queued for queued in self._in_hand if queued.give_up_at <= now], self._away())
            late = []
            while self._queue and self._queue[0].give_up_at <= now:
                late.append(self._queue.popleft())
            _tell(late, self._away())
            self._queue.extendleft(queued for queued in reversed(late) if queued.kept)
            self._release(queued for queued in late if not queued.kept)

    def _is_past_bytes(self, size: int) -> bool:
        # One alone is taken, however large it is: nothing would become of it otherwise.
        most = self._max_queued_bytes
        return most is not None and self._held_bytes > 0 and self._held_bytes + size > most

    def _release(self, ended: Iterable[_Queued[Operation, Answer]]) -> None:
        if self._bytes_of is not None:
            self._held_bytes -= sum(queued.size for queued in ended)

    def _stalled_for(self) -> float:
        """For how long nothing has been written of what was to be, seconds."""
        return 0.0 if self._waiting_since is None else self._loop.time() - self._waiting_since

    def _closing_for(self) -> float:
        return 0.0 if self._closing_since is None else self._loop.time() - self._closing_since

    def _away(self) -> ServiceError:
        told = service_error(self._trouble) if self._trouble is not None else None
        return told or unavailable("The database does not answer at the moment. Try again shortly.")


def _tell(batch: Iterable[_Queued[Operation, Answer]], error: BaseException) -> None:
    for queued in batch:
        if not queued.answered.done():
            queued.answered.set_exception(error)
