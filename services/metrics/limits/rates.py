"""Calls a minute: one bucket for each caller, in the database, from which all replicas take."""

import math
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from servicekit.group_commit import CommitMetrics, GroupCommit
from servicekit.identity.principal import Principal
from servicekit.postgres import Connection, Database
from services.metrics import errors
from services.metrics.limits import store
from services.metrics.models import Allowance


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose calls are counted together, and how many a minute it may make."""

    name: str
    rate: int


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
        self._commits: GroupCommit[Caller, Allowance] = GroupCommit("rates", self._take_all, metrics)

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
        caller = self._caller(principal)
        if not caller.rate:
            return None
        allowance = await self._commits.commit(caller)
        self._told.tell(principal.name, allowance.rate, allowance.remaining)
        if not allowance.granted:
            raise errors.rate_limited(caller.rate, allowance.next_seconds, allowance.headers)
        return allowance

    async def available(self, principal: Principal) -> Allowance | None:
        """What the caller has left; None where it has no limit."""
        caller = self._caller(principal)
        if not caller.rate:
            return None
        async with self._database.connection() as connection:
            return _allowance(caller, await store.available(connection, caller.name, caller.rate))

    def _caller(self, principal: Principal) -> Caller:
        """Each key has its own; whoever comes without one is known by name."""
        name = f"key:{principal.key_id}" if principal.key_id else f"name:{principal.name}"
        return Caller(name, principal.rate_per_minute or self._default_rate)

    async def _take_all(self, batch: Sequence[Caller]) -> Sequence[Allowance]:
        # Of a key whose rate has just changed, what came last.
        rates = {caller.name: caller.rate for caller in batch}
        wanted = Counter((caller.name, rates[caller.name]) for caller in batch)
        async with self._held.used() as connection:
            taken = await store.take(connection, wanted)
        seen: Counter[str] = Counter()
        answers = []
        for caller in batch:
            seen[caller.name] += 1
            row = taken[caller.name]
            # Of those that came together the first ones are granted; each is told what is left after itself.
            left = row["granted"] - seen[caller.name]
            answers.append(_allowance(caller, row["tokens"] + max(left, 0), granted=left >= 0))
        return answers


async def forget_buckets(connection: Connection) -> None:
    """Deletes those of callers who have not come for long: they are full."""
    await store.forget(connection)


def _allowance(caller: Caller, tokens: float, *, granted: bool = True) -> Allowance:
    return Allowance(
        rate=caller.rate,
        remaining=math.floor(tokens),
        next_seconds=max(1 - tokens, 0) * 60 / caller.rate,
        reset_seconds=max(caller.rate - tokens, 0) * 60 / caller.rate,
        granted=granted,
    )
