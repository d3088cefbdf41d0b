"""What services refused, and which keys they saw."""

from collections.abc import Sequence
from uuid import UUID

from servicekit import pagination
from servicekit.postgres import Connection, Database
from services.access.models import Denial
from services.access.store import denials as store
from services.access.store import keys as keys_store


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
        asked = pagination.page_request(page_size, page_token, (principal,), UUID)
        async with self._database.connection() as connection:
            found = await store.list_before(connection, principal, asked.after, asked.limit)
        return asked.page(found, lambda denial: (denial.id,))

    async def forget(self, connection: Connection) -> None:
        """Deletes what is too old."""
        await store.forget(connection, self._days)
