"""Work that goes on after the call that began it: it ends when its caller has no more what it was begun with.

Its credential is not here any more, and may never have been: what a human approves is run by whichever replica hears of
it. So access is asked by the caller's reference, at once when it tells of a change and once a second besides, in one
question for all work of this process; while there is none, it is not asked.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from servicekit.errors import ServiceError
from servicekit.identity.open_calls import LOOK_SECONDS
from servicekit.identity.principal import Principal
from servicekit.notifications import wait_for

logger = structlog.get_logger(__name__)


class Callers(Protocol):
    """Who knows what callers of before may do now."""

    async def resolve_callers(self, references: Sequence[str]) -> Mapping[str, Principal]:
        """See servicekit.identity.resolver.KeyResolver."""


@dataclass(frozen=True, slots=True)
class Sponsor:
    """Whoever work is done for, and by what that may go on."""

    # Principal.reference; empty where nobody checks.
    reference: str
    # Unix time at which its token ends; None: it has none, or access knows when.
    until: float | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Sponsor":
        return cls(principal.reference, principal.until)


NOBODY_CHECKS = Sponsor("")


@dataclass(eq=False, slots=True)
class _Work:
    sponsor: Sponsor
    may: Callable[[Principal], bool]
    end: Callable[[], None]
    # When it was last known that it may go on, on the monotonic clock.
    granted_at: float


class DetachedWork:
    """All of this process."""

    def __init__(self, callers: Callers, stale_seconds: float) -> None:
        """Prepares.

        Args:
            callers: who is asked.
            stale_seconds: how long the last answer counts while there is none, as it does for calls.
        """
        self._callers = callers
        self._stale_seconds = stale_seconds
        self._work: set[_Work] = set()
        self._changed = asyncio.Event()

    @contextmanager
    def held(self, sponsor: Sponsor, may: Callable[[Principal], bool], end: Callable[[], None]) -> Iterator[None]:
        """Has the block ended, by what it is given for that, where the sponsor may do so no more.

        Args:
            sponsor: for whom it is done.
            may: whether one who may do what the sponsor may do now, may do this.
            end: ends it.
        """
        if not sponsor.reference:
            yield
            return
        work = _Work(sponsor, may, end, time.monotonic())
        self._work.add(work)
        try:
            yield
        finally:
            self._work.discard(work)

    def tell(self) -> None:
        """Something has changed at access."""
        self._changed.set()

    async def follow(self) -> None:
        """Looks at all of it, for ever."""
        while True:
            await wait_for(self._changed, LOOK_SECONDS)
            self._changed.clear()
            if self._work:
                await self.look()

    async def look(self) -> None:
        """Ends what may not go on."""
        now = time.time()
        for work in [each for each in self._work if each.sponsor.until is not None and each.sponsor.until <= now]:
            self._end(work)
        asked, asked_at = list(self._work), time.monotonic()
        if not asked:
            return
        try:
            granted = await self._callers.resolve_callers(sorted({work.sponsor.reference for work in asked}))
        except ServiceError as error:
            logger.warning("detached_work_not_checked", error=error.message)
            for work in asked:
                if asked_at - work.granted_at >= self._stale_seconds:
                    self._end(work)
            return
        for work in asked:
            if work.may(granted[work.sponsor.reference]):
                work.granted_at = asked_at
            else:
                self._end(work)

    def _end(self, work: _Work) -> None:
        # Once: what is being ended may take its time.
        if work in self._work:
            self._work.discard(work)
            work.end()
