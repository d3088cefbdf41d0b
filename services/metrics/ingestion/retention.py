"""How long single events are kept, and what is left of whoever wrote them."""

from datetime import datetime, timedelta

from servicekit import partitions
from servicekit.postgres import Connection
from services.metrics.ingestion.store import events as store

EVENTS = partitions.Partitioned("metric_events", "time")


class Retention:
    """Lets events go when they are old."""

    def __init__(self, days: int) -> None:
        self._days = days

    async def drop(self, connection: Connection, now: datetime) -> None:
        """Drops the months that are too old, and deletes what is of the month that is not over."""
        until = now - timedelta(days=self._days)
        await partitions.drop(connection, EVENTS, until)
        await store.delete_events(connection, until)


async def forget_commits(connection: Connection) -> None:
    """Deletes what nobody can be in doubt about any more."""
    await store.forget_commits(connection)
