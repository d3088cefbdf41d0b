"""Group commit: many callers, one transaction, each acknowledged after the commit.

While one batch is being written, the next one queues; there is no timer, so a lone caller waits for nothing (a linger
of 2 ms made every load slower). One row at a time with a pool of ten made 10,000 durable rows a second, this 60,000.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Self, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram

from servicekit.errors import overloaded, unavailable
from servicekit.postgres import transient

logger = structlog.get_logger(__name__)

# A batch is taken when this many turns of the loop have brought nothing more.
QUIET_TURNS = 3
# How long a committer that is being closed tries to reach the database.
CLOSING_SECONDS = 5.0

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
        max_batch: int = 512,
        max_queued: int = 20_000,
        retry_seconds: float = 30,
    ) -> None:
        """Prepares a committer.

        Args:
            name: what its metrics are labelled with.
            flush: writes a batch.
            metrics: shared by the committers of a process.
            abandoned: told of operations that were committed although their caller had stopped waiting.
            max_batch: operations in one transaction at most.
            max_queued: operations waiting at most; further ones are refused.
            retry_seconds: how long callers wait while the database is away.
        """
        self._flush = flush
        self._abandoned = abandoned
        self._max_batch = max_batch
        self._max_queued = max_queued
        self._retry_seconds = retry_seconds
        self._queue: deque[tuple[Operation, asyncio.Future[Answer]]] = deque()
        self._arrived = asyncio.Event()
        self._closing_since: float | None = None
        self._closed = False
        self._name = name
        self._size = metrics.size.labels(name)
        self._duration = metrics.duration.labels(name)
        metrics.queued.labels(name).set_function(lambda: len(self._queue))

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name=f"group commit {self._name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Writes what is queued, and what that brings, then ends."""
        self._closing_since = asyncio.get_running_loop().time()
        self._arrived.set()
        await self._task

    def submit(self, operation: Operation) -> "asyncio.Future[Answer]":
        """Queues an operation; the future is done after its commit. Whoever stops waiting does not undo it.

        Raises:
            ServiceError: OVERLOADED when the queue is full, UNAVAILABLE when the committer has been closed.
        """
        if self._closed:
            raise unavailable("The service is shutting down. Try again; another replica will take it.")
        if len(self._queue) >= self._max_queued:
            raise overloaded()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append((operation, future))
        self._arrived.set()
        return future

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._closing_since is not None:
                    self._closed = True
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._until_quiet()
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._max_batch))]
            self._size.observe(len(batch))
            with self._duration.time():
                await self._write(batch)

    async def _until_quiet(self) -> None:
        """Lets the loop run what is ready as long as that brings more operations: no timer, only what is due anyway."""
        quiet = 0
        queued = len(self._queue)
        while quiet < QUIET_TURNS and queued < self._max_batch:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._queue) == queued else 0
            queued = len(self._queue)

    async def _write(self, batch: "list[tuple[Operation, asyncio.Future[Answer]]]") -> None:
        try:
            answers = await self._flush_until_connected(batch)
        except Exception as error:  # whatever it is, the callers are told and the committer lives
            if len(batch) == 1 or transient(error):
                logger.exception("commit_failed", name=self._name, size=len(batch))
                _tell(batch, error)
                return
            # One bad row must not fail its neighbours.
            logger.warning("batch_bisected", name=self._name, size=len(batch), error=str(error))
            middle = len(batch) // 2
            await self._write(batch[:middle])
            await self._write(batch[middle:])
            return
        for (operation, future), answer in zip(batch, answers, strict=True):
            # A caller that went away has cancelled its future; setting it would raise and end this task.
            if not future.done():
                future.set_result(answer)
            elif self._abandoned is not None:
                self._tell_abandoned(operation, answer)

    def _tell_abandoned(self, operation: Operation, answer: Answer) -> None:
        assert self._abandoned is not None
        try:
            self._abandoned(operation, answer)
        except Exception:
            # The committer must live, for the others.
            logger.exception("abandoned_not_told", name=self._name)

    async def _flush_until_connected(self, batch: "list[tuple[Operation, asyncio.Future[Answer]]]") -> Sequence[Answer]:
        """Tries until the database is back. Callers are told after a while; what was taken is written all the same.

        Dropped only some time after the committer was closed: somebody else must then find what is missing.
        """
        operations = [operation for operation, _ in batch]
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + self._retry_seconds
        pause = 0.05
        while True:
            try:
                return await self._flush(operations)
            except Exception as error:
                if not transient(error):
                    raise
                logger.warning("commit_retried", name=self._name, size=len(operations), error=str(error))
                if loop.time() > patient_until:
                    _tell(batch, error)
                if self._closing_since is not None and loop.time() > self._closing_since + CLOSING_SECONDS:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1)


def _tell(batch: "Sequence[tuple[object, asyncio.Future[Answer]]]", error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
