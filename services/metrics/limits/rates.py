"""Calls a minute: one bucket for each caller, in the database, from which all replicas take."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from servicekit import call_buckets
from servicekit.call_buckets import Allowance, Bucket
from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.identity.principal import Principal
from servicekit.postgres import Database
from services.metrics import errors


class Listener(Protocol):
    """Who shows what callers have left."""

    def tell(self, caller: str, rate: int, remaining: float) -> None:
        """A call of this caller was counted."""


class Rates:
    """Counts calls. Those that come together are taken in one statement, which nobody waits for on a disk."""

    def __init__(self, database: Database, metrics: CommitMetrics, default_rate: int, told: Listener) -> None:
        """Prepares.

        Args:
            database: of the service.
            metrics: of its commits.
            default_rate: calls a minute of callers whose key says nothing; 0: as many as they like.
            told: hears what callers have left.
        """
        self._database = database
        self._default_rate = default_rate
        self._told = told
        self._commits: GroupCommit[Bucket, Allowance] = GroupCommit("rates", self._take_all, metrics)

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[None]:
        """Counts while the block lasts."""
        async with self._database.held() as self._held, self._commits:
            yield

    async def ready(self) -> bool:
        """Whether calls can be counted."""
        return await self._commits.ready()

    async def take(self, principal: Principal) -> Allowance | None:
        """Takes one call; None where the caller has no limit.

        Raises:
            ServiceError: RATE_LIMITED.
        """
        bucket = self._bucket(principal)
        if bucket is None:
            return None
        allowance = await self._commits.commit(bucket)
        self._told.tell(principal.name, allowance.limit, allowance.remaining)
        if not allowance.granted:
            raise errors.rate_limited(bucket.capacity, allowance.next_seconds, allowance.headers)
        return allowance

    async def available(self, principal: Principal) -> Allowance | None:
        """What the caller has left; None where it has no limit."""
        bucket = self._bucket(principal)
        if bucket is None:
            return None
        async with self._database.connection() as connection:
            return (await call_buckets.available(connection, [bucket]))[0]

    def _bucket(self, principal: Principal) -> Bucket | None:
        """Each key has its own; whoever comes without one is known by name."""
        key = f"key:{principal.key_id}" if principal.key_id else f"name:{principal.name}"
        rate = principal.rate_per_minute or self._default_rate
        return Bucket(key, rate, rate) if rate else None

    async def _take_all(self, batch: Sequence[Bucket]) -> Sequence[Allowance]:
        # Of a key whose rate has just changed, what came last.
        buckets = {bucket.key: bucket for bucket in batch}
        wanted = Counter(buckets[bucket.key] for bucket in batch)
        async with self._held.used() as connection:
            taken = await call_buckets.take(connection, wanted)
        seen: Counter[str] = Counter()
        answers = []
        for bucket in batch:
            seen[bucket.key] += 1
            found = taken[bucket.key]
            # Of those that came together the first ones are granted; each is told what is left after itself.
            left = found.granted - seen[bucket.key]
            answers.append(Allowance.of(bucket, found.tokens + max(left, 0), 0, granted=left >= 0))
        return answers
