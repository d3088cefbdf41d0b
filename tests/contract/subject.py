"""What a row of the suite is made of: what no descriptor says of a service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from servicekit.methods import methods_of
from tests.contract.running import Running


@dataclass(frozen=True)
class Listing:
    """A List RPC: how to make rows, and how to tell them apart. Rows that exist anyway are left out by the filter."""

    make: Callable[[Running, int], Awaitable[list[str]]]
    key: str
    filter: Mapping[str, Any] = field(default_factory=dict)
    other_filter: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Effect:
    """An RPC with an idempotency_key: a body for each number, and what of the answer says that it is the same effect."""

    request: Callable[[int], Message]
    identity: Callable[[Any], object]
    # The request's field that holds the id.
    field: str = "idempotency_key"
    # What must be there first.
    prepare: Callable[[Running], Awaitable[None]] | None = None
    # False where doing it twice on purpose changes nothing that can be seen, or is refused.
    repeats: bool = True


@dataclass(frozen=True)
class Sight:
    """An RPC that shows or changes what is somebody's: how that is made, and how it is asked for."""

    # Makes one, by calls of its owner or, where those cannot, of an administrator; gives what names it.
    make: Callable[[Running, Running], Awaitable[str]]
    # The request: about what is named, or about all that the caller sees.
    request: Callable[[str], Message]
    # False where nobody but those who see everything sees it.
    owned: bool = True


@dataclass
class Slow:
    """A call that goes on until it is released or stopped."""

    method: str
    request: Message
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Lasting:
    """A call that goes on until somebody ends it: by itself, or because the test holds a table that it reads."""

    request: Message
    table: str = ""


@dataclass(frozen=True)
class Subject:
    """A service under the contract."""

    name: str
    service: ServiceDescriptor
    settings: Callable[..., Any]
    compose: Callable[[Any], AbstractAsyncContextManager[Any]]
    # Its own variables, besides those that every service has; the folder is the test's.
    variables: Callable[[Path], Mapping[str, str]]
    listings: Mapping[str, Listing]
    effects: Mapping[str, Effect]
    # Each RPC shows its caller what is its own (a sight) or is the same for everybody, and why. Those that only
    # administrators may call, services alone, or whoever has a link are neither.
    sights: Mapping[str, Sight]
    shared: Mapping[str, str]
    slow: Callable[[Running], AbstractAsyncContextManager[Slow]]
    # Every RPC that may outlast what was known when it began.
    lasting: Mapping[str, Lasting]
    # Words by which generated requests get past the first look.
    words: tuple[str, ...]

    @property
    def reading(self) -> str:
        """A quick RPC that only reads and is answered without being told anything: one that lists, where there is one."""
        reads = (each.name for each in methods_of(self.service) if each.route and each.repeatable and not each.body)
        return next(iter(self.listings), "") or next(reads)


@asynccontextmanager
async def held_up(running: Running, method: str, request: Message, table: str) -> AsyncIterator[Slow]:
    """A read whose table somebody holds: the database knows when it waits, and when nobody waits any more."""
    slow = Slow(method, request)
    holder, watcher = [await asyncpg.connect(running.database) for _ in range(2)]

    async def watch() -> None:
        while not slow.release.is_set():
            waiting = await watcher.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"
                " AND datname = current_database()",
                f"%FROM {table}%",
            )
            if waiting:
                slow.started.set()
            elif slow.started.is_set():
                slow.stopped.set()
            await asyncio.sleep(0.02)
        await holding.rollback()

    # What forgets old rows at the start has been by then.
    holding = holder.transaction()
    await holding.start()
    await holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    watching = asyncio.create_task(watch())
    try:
        yield slow
    finally:
        slow.release.set()
        await watching
        await asyncio.gather(holder.close(), watcher.close())
