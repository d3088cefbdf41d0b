"""Limits: made and changed by administrators, and what each leaves to invocations."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

import orjson
import structlog
from cachetools import LRUCache

from servicekit import call_buckets, pagination
from servicekit.call_buckets import Allowance
from servicekit.errors import ServiceError
from servicekit.idempotency import Answer, Once
from servicekit.identity.principal import Principal
from servicekit.notifications import wait_for
from servicekit.postgres import Connection, Database
from services.tools import errors
from services.tools.limits import store
from services.tools.limits.models import Charge, ToolAllowance, ToolLimit
from services.tools.models import Tool

logger = structlog.get_logger(__name__)

# Each is looked at for an invocation.
MAX_LIMITS = 200
# Of tools and callers, which limits are for them: to look at all took half a millisecond an invocation.
MAX_REMEMBERED = 10_000
# Of buckets that are known to be empty, the ones that were asked for last.
MAX_EMPTY = 10_000
LOOK_AGAIN_SECONDS = 5.0


class Limits:
    """Those there are, as this process knows them; what is used of them stands in the database alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: Sequence[ToolLimit] = ()
        self._last_change: Any = None
        self._remembered: LRUCache[tuple[str, str, str, frozenset[str]], Sequence[Charge]] = LRUCache(MAX_REMEMBERED)
        # Set when one of them changed somewhere.
        self.news = asyncio.Event()
        # Until when buckets have nothing, on this process's clock, and what was told of them.
        self._empty: LRUCache[str, tuple[float, Allowance]] = LRUCache(MAX_EMPTY)

    def charges(self, caller: Principal, tool: Tool) -> Sequence[Charge]:
        """What an invocation takes of each limit that is for it."""
        if not self._known:
            return ()
        asked = (tool.name, tool.etag, caller.name, caller.roles)
        found = self._remembered.get(asked)
        if found is None:
            found = [Charge(each, each.bucket(caller, tool)) for each in self._known if each.is_for(caller, tool)]
            self._remembered[asked] = found
        return found

    def require_left(self, charges: Sequence[Charge]) -> None:
        """Refuses at once what is known to have nothing left.

        Raises:
            ServiceError: TOOL_LIMIT_REACHED.
        """
        now = monotonic()
        for charge in charges:
            until, allowance = self._empty.get(charge.bucket.key, (0.0, None))
            if allowance is not None and until > now:
                waits = until - now
                allowance = replace(
                    allowance,
                    next_seconds=waits,
                    reset_seconds=max(allowance.reset_seconds - allowance.next_seconds + waits, 0),
                )
                raise errors.tool_limit_reached(charge.limit.name, allowance)

    def refusal(self, charges: Sequence[Charge], allowances: Sequence[Allowance]) -> ServiceError:
        """The error of an invocation for which one of these has nothing left; remembers which have not."""
        now = monotonic()
        empty = [(charge, each) for charge, each in zip(charges, allowances, strict=True) if not each.granted]
        for charge, allowance in empty:
            self._empty[charge.bucket.key] = now + allowance.next_seconds, allowance
        charge, allowance = max(empty, key=lambda found: found[1].next_seconds)
        return errors.tool_limit_reached(charge.limit.name, allowance)

    async def available(self, caller: Principal, tool: Tool) -> Sequence[ToolAllowance]:
        """What each limit leaves a caller of a tool's invocations."""
        charges = self.charges(caller, tool)
        if not charges:
            return ()
        async with self._database.connection() as connection:
            found = await call_buckets.available(connection, [charge.bucket for charge in charges])
        return [ToolAllowance(charge.limit, allowance) for charge, allowance in zip(charges, found, strict=True)]

    async def page(self, page_size: int, page_token: str) -> tuple[list[ToolLimit], str]:
        """A page in order of names, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (), str)
        async with self._database.reading() as connection:
            found = await store.list_after(connection, asked.after or "", asked.limit)
        return asked.page(found, lambda limit: [limit.name])

    async def get(self, name: str) -> ToolLimit:
        """One of them.

        Raises:
            ServiceError: TOOL_LIMIT_NOT_FOUND.
        """
        async with self._database.connection() as connection:
            found = await store.get(connection, name)
        if found is None:
            raise errors.tool_limit_not_found(name)
        return found

    async def create(self, limit: ToolLimit, once: Once[ToolLimit, Answer]) -> Answer:
        """Makes one.

        Raises:
            ServiceError: TOOL_LIMIT_EXISTS, TOO_MANY_TOOL_LIMITS.
        """
        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier

        async def create(connection: Connection) -> ToolLimit:
            return await _insert(connection, limit)

        answer = await once.run(self._database, create)
        await self._changed("made", limit)
        return answer

    async def update(self, limit: ToolLimit, etag: str, once: Once[tuple[ToolLimit, bool], Answer]) -> Answer:
        """Replaces one, or makes it; tells whether it is new.

        Raises:
            ServiceError: TOOL_LIMIT_NOT_FOUND, ETAG_MISMATCH, TOO_MANY_TOOL_LIMITS.
        """
        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier

        async def update(connection: Connection) -> tuple[ToolLimit, bool]:
            standing = await store.get_for_update(connection, limit.name)
            if standing is None:
                if etag:
                    raise errors.tool_limit_not_found(limit.name)
                return await _insert(connection, limit), True
            if etag and etag != standing.etag:
                raise errors.etag_mismatch(limit.name)
            changed = await store.replace(connection, replace(limit, etag=_etag(limit)))
            await store.announce(connection)
            return changed, False

        answer = await once.run(self._database, update)
        await self._changed("changed", limit)
        return answer

    async def delete(self, name: str, etag: str, by: str) -> None:
        """Removes one, and what was used of it.

        Raises:
            ServiceError: TOOL_LIMIT_NOT_FOUND, ETAG_MISMATCH.
        """
        async with self._database.transaction() as connection:
            standing = await store.get_for_update(connection, name)
            if standing is None:
                raise errors.tool_limit_not_found(name)
            if etag and etag != standing.etag:
                raise errors.etag_mismatch(name)
            await store.delete(connection, standing.id)
            await store.announce(connection)
        await self._changed("deleted", replace(standing, updated_by=by))

    async def _changed(self, what: str, limit: ToolLimit) -> None:
        logger.info("tool_limit_changed", limit=limit.name, what=what, by=limit.updated_by)
        await self.load()

    async def load(self) -> None:
        """Reads all of them."""
        async with self._database.connection() as connection:
            self._last_change = await store.last_change(connection)
            self._known = await store.list_after(connection, "", MAX_LIMITS)
        self._empty.clear()
        self._remembered.clear()

    async def follow(self) -> None:
        """Reads them again whenever they changed, for ever: an announcement may get lost."""
        while True:
            await wait_for(self.news, LOOK_AGAIN_SECONDS)
            announced = self.news.is_set()
            self.news.clear()
            async with self._database.connection() as connection:
                last_change = await store.last_change(connection)
            if announced or last_change != self._last_change:
                await self.load()


async def _insert(connection: Connection, limit: ToolLimit) -> ToolLimit:
    if await store.count(connection) >= MAX_LIMITS:
        raise errors.too_many_tool_limits(MAX_LIMITS)
    made = await store.insert(connection, replace(limit, etag=_etag(limit)))
    if made is None:
        raise errors.tool_limit_exists(limit.name)
    await store.announce(connection)
    return made


def _etag(limit: ToolLimit) -> str:
    said = [
        limit.scope,
        limit.allowed,
        limit.principals,
        limit.roles,
        limit.per_tool,
        limit.per_principal,
        limit.reason,
    ]
    return hashlib.sha256(orjson.dumps([type(limit.allowed).__name__, *said])).hexdigest()[:16]
