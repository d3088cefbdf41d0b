"""What services refused, and which keys they saw."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from servicekit import pagination, partitions
from servicekit.identity.visibility import Viewer
from servicekit.postgres import Connection, Database
from services.access.models import Denial
from services.access.store import denials as store
from services.access.store import keys as keys_store

UNKNOWN = "UNAUTHENTICATED"
DENIALS = partitions.Partitioned("denials", "uuid7")


class Denials:
    """The audit of denials."""

    def __init__(self, database: Database, days: int) -> None:
        self._database = database
        self._days = days

    async def report(self, denials: Sequence[Denial], used_key_ids: Sequence[str]) -> None:
        async with self._database.transaction() as connection:
            await record(connection, denials)
            await keys_store.used(connection, used_key_ids)

    async def page(self, principal: str, viewer: Viewer, page_size: int, page_token: str) -> tuple[list[Denial], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (principal,), UUID)
        async with self._database.connection() as connection:
            found = await store.list_before(connection, principal, viewer, asked.after, asked.limit)
        return asked.page(found, lambda denial: (denial.id,))

    async def drop(self, connection: Connection, now: datetime) -> None:
        """Drops the months that are too old, and deletes what is of the month that is not over."""
        await partitions.drop(connection, DENIALS, now - timedelta(days=self._days))
        await store.forget(connection, self._days)


async def record(connection: Connection, denials: Sequence[Denial]) -> None:
    """Keeps refusals; those of nobody known are summed by the minute, so that made-up keys fill no table."""
    unknown = [denial for denial in denials if denial.reason == UNKNOWN]
    # Replicas that add to the same rows do so in one order, and none waits for another in a circle.
    new = [
        denial
        for denial in sorted(unknown, key=lambda each: (each.service, each.method, each.principal, each.address))
        if not await store.add_to_minute(connection, denial)
    ]
    await store.insert(connection, [denial for denial in denials if denial.reason != UNKNOWN] + new)
