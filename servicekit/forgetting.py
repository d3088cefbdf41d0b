"""The loop that deletes what is too old: answers kept for retries, and whatever a service keeps for a time only."""

import asyncio
from collections.abc import Awaitable, Callable

from servicekit import idempotency
from servicekit.postgres import Connection, Database

PAUSE_SECONDS = 3600.0

Forget = Callable[[Connection], Awaitable[None]]


def forgetting(database: Database, *own: Forget) -> Callable[[], Awaitable[None]]:
    """A background loop: each hour the kit's own records, then the service's; every replica does it, and may.

    Args:
        database: of the service.
        own: each deletes what is too old of one kind, in a transaction of its own.
    """

    async def loop() -> None:
        while True:
            for forget in (idempotency.forget, *own):
                async with database.connection() as connection:
                    await forget(connection)
            await asyncio.sleep(PAUSE_SECONDS)

    return loop
