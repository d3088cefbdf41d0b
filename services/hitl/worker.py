"""What runs beside the calls: time that is up, counts, and what need not be kept."""

import asyncio
from collections.abc import Mapping

from servicekit import idempotency
from servicekit.postgres import Database
from servicekit.server import Loop
from services.hitl.delivery.delivery_worker import Sender
from services.hitl.lifecycle.requests import Requests
from services.hitl.lifecycle.store import requests as store
from services.hitl.metrics import Measures
from services.hitl.settings import Settings
from services.hitl.waiting.event_follower import Feed

COUNT_SECONDS = 5.0


class Worker:
    """Background loops, in every replica: what two of them find, one of them does."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        requests: Requests,
        feed: Feed,
        sender: Sender,
        measures: Measures,
    ) -> None:
        self._settings = settings
        self._database = database
        self._requests = requests
        self._feed = feed
        self._sender = sender
        self._measures = measures

    def loops(self) -> Mapping[str, Loop]:
        """Loops by name."""
        return {
            "feed": self._feed.follow,
            "expiry": self._expire,
            "pending": self._count,
            "deliveries": self._sender.run,
            "idempotency": self._forget_requests,
        }

    async def _expire(self) -> None:
        while True:
            await self._requests.settle_overdue()
            await asyncio.sleep(self._settings.hitl_sweep_seconds)

    async def _count(self) -> None:
        while True:
            async with self._database.connection() as connection:
                self._measures.pending = await store.pending_by_type(connection)
            await asyncio.sleep(COUNT_SECONDS)

    async def _forget_requests(self) -> None:
        while True:
            async with self._database.connection() as connection:
                await idempotency.forget(connection)
            await asyncio.sleep(3600)
