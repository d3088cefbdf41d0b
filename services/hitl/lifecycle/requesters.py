"""Whether whoever asked still may: people are told while they can still decide."""

import asyncio
from dataclasses import replace
from datetime import datetime

import structlog

from servicekit.errors import ServiceError
from servicekit.identity.detached_work import Callers
from servicekit.identity.visibility import ITSELF
from servicekit.notifications import wait_for
from servicekit.postgres import Database
from services.hitl.lifecycle.request_writer import RequestWriter
from services.hitl.lifecycle.rules import Outcome
from services.hitl.lifecycle.store import requesters as store
from services.hitl.models import HumanRequest, NewEvent

logger = structlog.get_logger(__name__)

# While access does not answer, it is asked again after this time.
AGAIN_SECONDS = 1.0


class Requesters:
    """Marks what is pending of those who have lost their access, and takes the mark away where they have it again.

    Every replica looks, when access announces a change and now and then besides; the first to find something writes it.
    """

    def __init__(self, database: Database, writer: RequestWriter, callers: Callers, look_again_seconds: float) -> None:
        self._database = database
        self._writer = writer
        self._callers = callers
        self._look_again_seconds = look_again_seconds
        self._changed = asyncio.Event()

    def tell(self) -> None:
        """Something has changed at access."""
        self._changed.set()

    async def follow(self) -> None:
        """Looks, for ever."""
        while True:
            self._changed.clear()
            try:
                await self._look()
            except ServiceError as error:
                logger.warning("requesters_not_checked", error=str(error))
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                await wait_for(self._changed, self._look_again_seconds)

    async def _look(self) -> None:
        async with self._database.connection() as connection:
            asked = await store.of_pending(connection)
        if not asked:
            return
        granted = await self._callers.resolve_callers(sorted({reference for reference, _, _ in asked}))
        for reference, permission, lost_before in asked:
            lost = not granted[reference].may(permission)
            if lost == lost_before:
                continue
            async with self._database.connection() as connection:
                ids = await store.pending_of(connection, reference, permission, lost_before)
            for human_request_id in ids:
                await self._mark(human_request_id, lost)

    async def _mark(self, human_request_id: str, lost: bool) -> None:
        def change(request: HumanRequest, _: datetime) -> Outcome:
            if request.ended or request.requester_lost_access == lost:
                return Outcome(request, None, ())
            kind = "access_lost" if lost else "access_restored"
            event = NewEvent(request.id, kind, request.spec.requester)
            return Outcome(replace(request, requester_lost_access=lost), None, [event])

        async with self._database.transaction() as connection:
            await self._writer.change(connection, human_request_id, ITSELF, change)
