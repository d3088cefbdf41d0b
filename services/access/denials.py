"""What services refused, and which keys they saw."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from servicekit import idempotency, pagination
from servicekit.postgres import Database
from services.access.models import Denial
from services.access.store import denials as store
from services.access.store import keys as keys_store

FORGET_SECONDS = 3600


class Denials:
    """The audit of denials."""

    def __init__(self, database: Database, days: int) -> None:
        self._database = database
        self._days = days

    async def report(self, denials: Sequence[Denial], used_key_ids: Sequence[str]) -> None:
        async with self._database.transaction() as connection:
            await store.insert(connection, denials)
            await keys_store.used(connection, used_key_ids)

    async def page(self, principal: str, page_size: int, page_token: str) -> tuple[list[Denial], str]:
        """A page, newest first, and the token of the next."""
        size = pagination.page_size(page_size)
        after = pagination.after(page_token, (principal,), width=1)
        try:
            before = UUID(after[0]) if after else None
        except ValueError:
            raise pagination.not_ours() from None
        async with self._database.connection() as connection:
            found = await store.list_before(connection, principal, before, size + 1)
        page = found[:size]
        return page, pagination.token((principal,), [page[-1].id]) if len(found) > size else ""

    async def forget(self) -> None:
        """Deletes what is too old, again and again: denials, and the answers kept for retries."""
        while True:
            async with self._database.connection() as connection:
                await store.forget(connection, self._days)
                await idempotency.forget(connection)
            await asyncio.sleep(FORGET_SECONDS)
