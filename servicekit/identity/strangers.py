"""Bounds what an address may cost with credentials that are not known: each is a question to access, or a signature."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cachetools import LRUCache
from grpc import StatusCode

from servicekit.errors import ServiceError, exhausted
from servicekit.identity.client_address import holder

MAX_ADDRESSES = 10_000
RETRY_SECONDS = 1.0


@dataclass(slots=True)
class _Failures:
    # What is left of those of this minute, and when that was reckoned.
    left: float
    reckoned_at: float


class Strangers:
    """Checks of credentials that nobody here remembers, counted by address. Those that are remembered never ask it."""

    def __init__(self, max_in_flight: int, failures_per_minute: int) -> None:
        """Prepares.

        Args:
            max_in_flight: checks of one address at a time.
            failures_per_minute: checks of one address that end with a refusal; 0: no limit.
        """
        self._max_in_flight = max_in_flight
        self._failures_per_minute = failures_per_minute
        self._in_flight: Counter[str] = Counter()
        self._failures: LRUCache[str, _Failures] = LRUCache(MAX_ADDRESSES)

    @contextmanager
    def checked(self, address: str) -> Iterator[None]:
        """Checks a credential in the block, and counts how that ends.

        Raises:
            ServiceError: CONCURRENCY_LIMITED, RATE_LIMITED; the address stands in their metadata.
        """
        who = holder(address)
        self._require(who, address)
        self._in_flight[who] += 1
        try:
            yield
        except ServiceError as error:
            if error.code is StatusCode.UNAUTHENTICATED and self._failures_per_minute:
                self._left(who).left -= 1
            raise
        finally:
            self._in_flight[who] -= 1
            if not self._in_flight[who]:
                del self._in_flight[who]

    def _require(self, who: str, address: str) -> None:
        if self._in_flight[who] >= self._max_in_flight:
            raise exhausted(
                "CONCURRENCY_LIMITED",
                f"As many credentials from your address are being checked as may be at a time, {self._max_in_flight}. "
                "Try again shortly.",
                RETRY_SECONDS,
                address=address,
                limit=str(self._max_in_flight),
            )
        if self._failures_per_minute and (left := self._left(who).left) < 1:
            raise exhausted(
                "RATE_LIMITED",
                "Too many credentials from your address were not valid. Try again after a while.",
                (1 - left) * 60 / self._failures_per_minute,
                address=address,
            )

    def _left(self, who: str) -> _Failures:
        now, most = time.monotonic(), float(self._failures_per_minute)
        found = self._failures.get(who)
        if found is None:
            found = self._failures[who] = _Failures(most, now)
        found.left = min(most, found.left + (now - found.reckoned_at) * most / 60)
        found.reckoned_at = now
        return found
