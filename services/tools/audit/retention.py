"""How long the audit and the keys of retries are kept, and what leaves it when its time is over."""

from datetime import UTC, datetime, timedelta

from servicekit.partitions import Partitioned, drop, lowest_uuid7
from servicekit.postgres import Connection
from services.tools.audit.archiving import OUTCOMES, Archiving
from services.tools.audit.store import invocations
from services.tools.audit.store import retention as store

TABLES = (
    Partitioned("invocations", "uuid7"),
    OUTCOMES,
    Partitioned("invocation_events", "uuid7"),
    Partitioned("hourly_outcomes", "time"),
)


class Retention:
    """Lets go of what is old, partition by partition; a signed statement of what left stays."""

    def __init__(self, archiving: Archiving, idempotency_days: int, audit_days: int, *, drop_unarchived: bool) -> None:
        """Prepares it to keep so many days; 0 days of the audit are for ever."""
        self._archiving = archiving
        self._idempotency_days = idempotency_days
        self._audit_days = audit_days
        self._drop_unarchived = drop_unarchived

    async def forget_keys(self, connection: Connection) -> None:
        """Lets go of idempotency keys whose time is over."""
        before = datetime.now(UTC) - timedelta(days=self._idempotency_days)
        await invocations.forget_idempotency_keys(connection, lowest_uuid7(before))

    async def drop(self, connection: Connection, now: datetime) -> None:
        """Drops the partitions that are old and in an archive; where archives are not wanted, old is enough."""
        if not self._audit_days:
            return
        old = now - timedelta(days=self._audit_days)
        until = await self._archiving.end_before(connection, old)
        if until is None:
            return
        if self._drop_unarchived:
            await self._archiving.state(connection, until)
        # Whole archives, so that no run of receipts in a statement is there in part.
        end = await self._archiving.end_of_archives(connection, until)
        if end is None:
            return
        for table in TABLES:
            await drop(connection, table, end)
        await store.delete_before(connection, lowest_uuid7(end))
