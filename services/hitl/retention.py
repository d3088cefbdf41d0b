"""How long requests, their events and their deliveries are kept."""

from datetime import datetime, timedelta

from servicekit.partitions import Partitioned, drop
from servicekit.postgres import Connection
from services.hitl.lifecycle.store import retention as store

EVENTS = Partitioned("human_request_events", "time")
DELIVERIES = Partitioned("deliveries", "time")
AT_A_TIME = 1_000


class Retention:
    """Lets go of requests that ended long ago, and of the months in which nothing of those that are left happened."""

    def __init__(self, days: int) -> None:
        """Prepares it to keep so many days; 0 are for ever."""
        self._days = days

    async def drop(self, connection: Connection, now: datetime) -> None:
        """Drops whole months of events and deliveries; what is pending keeps its history."""
        if not self._days:
            return
        old = now - timedelta(days=self._days)
        kept = await store.oldest_kept(connection, old)
        for table in (EVENTS, DELIVERIES):
            await drop(connection, table, old if kept is None else min(old, kept))

    async def forget(self, connection: Connection) -> None:
        """Deletes requests with their answers and links, some at a time, so that nobody waits for long."""
        if not self._days:
            return
        while await store.delete_ended(connection, self._days, AT_A_TIME) == AT_A_TIME:
            pass
