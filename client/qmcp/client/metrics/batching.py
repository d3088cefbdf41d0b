"""Sends events in the background, many at a time: whoever measures waits for nothing, and what waits is bounded."""

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from secrets import token_hex

from qmcp.client.errors import OverloadedError, QmcpError, UnavailableError
from qmcp.client.metrics.models import Metric

logger = logging.getLogger(__name__)

# What one request takes.
MAX_BATCH = 10_000
FIRST_PAUSE, MAX_PAUSE = 0.5, 30.0
# At the end of the program.
LAST_SECONDS = 5.0

# Sends events under an idempotency key, so that the same ones count once, and returns how many were rejected.
Send = Callable[[Sequence[Metric], str], int]


class EventBatcher:
    """A bounded queue, and a thread that empties it; the thread begins with the first event."""

    def __init__(self, send: Send, *, batch_size: int, flush_seconds: float, max_waiting: int) -> None:
        """Sends when `batch_size` wait, or the first has waited `flush_seconds`; past `max_waiting` none is taken."""
        self._send = send
        self._batch_size = min(batch_size, MAX_BATCH)
        self._flush_seconds = flush_seconds
        self._max_waiting = max_waiting
        self._waiting: deque[Metric] = deque()
        # What is on its way, with its key.
        self._sending: tuple[list[Metric], str] | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._due = False
        self._closed = False
        # Events that were not taken, because too many waited, or that were refused.
        self.dropped = 0

    def put(self, metric: Metric) -> bool:
        """Takes an event; False where too many wait already."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._max_waiting:
                self.dropped += 1
                return False
            self._waiting.append(metric)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="qmcp metrics", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            if len(self._waiting) in (1, self._batch_size):
                self._changed.notify_all()
            return True

    def flush(self, timeout: float = 30.0) -> bool:
        """Has all that waits sent now; False where it was not sent in so many seconds."""
        with self._changed:
            self._due = bool(self._waiting)
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting and self._sending is None, timeout)

    def close(self, timeout: float = LAST_SECONDS) -> None:
        """Sends what is left, for so many seconds, and takes no more. A program that ends does it by itself."""
        atexit.unregister(self.close)
        if not self.flush(timeout):
            with self._changed:
                left = len(self._waiting) + (len(self._sending[0]) if self._sending else 0)
                self.dropped += left
            logger.warning("%d metrics were not sent before the end", left)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            with self._changed:
                if self._sending is None and not self._take():
                    return
                assert self._sending is not None
                metrics, key = self._sending
            try:
                rejected = self._send(metrics, key)
            except (UnavailableError, OverloadedError) as error:
                # Under the same key, in case it was taken all the same.
                if self._wait(max(pause, error.retry_after or 0.0)):
                    return
                pause = min(2 * pause, MAX_PAUSE)
                continue
            except QmcpError as error:
                logger.warning("%d metrics were refused: %s", len(metrics), error)
                rejected = len(metrics)
            pause = FIRST_PAUSE
            with self._changed:
                self.dropped += rejected
                self._sending = None
                self._changed.notify_all()

    def _take(self) -> bool:
        """Waits until something is due and takes it; False at the end."""
        self._changed.wait_for(lambda: self._waiting or self._closed)
        until = time.monotonic() + self._flush_seconds
        while len(self._waiting) < self._batch_size and not (self._due or self._closed):
            left = until - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                break
        if not self._waiting:
            return False
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_size))]
        self._due = self._due and bool(self._waiting)
        self._sending = taken, token_hex(16)
        return True

    def _wait(self, seconds: float) -> bool:
        """Pauses; whether the end has come meanwhile."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)
