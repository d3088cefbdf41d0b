"""What runs beside the calls: time that is up, and counts; every replica does it, and may."""

import asyncio

from servicekit.postgres import Database
from services.hitl.lifecycle.requests import Requests
from services.hitl.lifecycle.store import requests as store
from services.hitl.metrics import HitlMetrics

COUNT_SECONDS = 5.0


class Worker:
    """Background loops about requests: what two replicas find, one of them does."""

    def __init__(self, database: Database, requests: Requests, metrics: HitlMetrics, sweep_seconds: float) -> None:
        self._database = database
        self._requests = requests
        self._metrics = metrics
        self._sweep_seconds = sweep_seconds

    async def expire(self) -> None:
        """Ends what is overdue, for ever."""
        while True:
            await self._requests.expire_overdue()
            await asyncio.sleep(self._sweep_seconds)

    async def count(self) -> None:
        """Counts what is pending, for ever."""
        while True:
            async with self._database.connection() as connection:
                self._metrics.set_pending(await store.pending_by_type(connection))
            await asyncio.sleep(COUNT_SECONDS)
