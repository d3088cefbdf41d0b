"""Asks people about runs through hitl, and has done what they say; whichever replica hears it, once.

Every replica attends to all of them, and none leads: what is to be done stands in the database, and a run leaves the
state in which it was asked about in one statement.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Database
from services.documents.human_requests import store
from services.documents.models import RELEASE, VALUES, Answered, Decision, OpenRequest
from services.documents.peers import Hitl, PeerAwayError, PeerRefusedError

logger = structlog.get_logger(__name__)

# What one WaitForResponse takes, and how long it may last; then the database is looked at again.
MAX_IDS = 100
WAIT_SECONDS = 10
MAX_OPEN = 1000
# After hitl did not answer.
PAUSE_SECONDS = 1.0
APPROVE = "approve"
# Outcomes of runs that people did not let go on.
UNANSWERED, NOT_RELEASED = "unanswered", "not_released"


class HumanRequests:
    """Attends to the runs that wait for people."""

    def __init__(self, database: Database, hitl: Hitl, waiters: Waiters) -> None:
        self._database = database
        self._hitl = hitl
        self._waiters = waiters
        self._hitl_is_away = False

    async def attend(self) -> None:
        """Asks, hears and has done what people say, for ever."""
        with self._waiters.registered(store.PEOPLE) as news:
            while True:
                news.clear()
                async with self._database.connection() as connection:
                    found = await store.list_open(connection, MAX_OPEN)
                try:
                    for each in found:
                        if not each.asked:
                            await self._ask(each)
                    await self._listen({each.id: each for each in found}, news)
                except PeerAwayError as error:
                    self._tell_away(error)
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, each: OpenRequest) -> None:
        try:
            await self._hitl.ask(each)
        except PeerRefusedError as refused:
            logger.warning("run_not_asked_about", run_id=each.run_id, error=str(refused))
            async with self._database.transaction() as connection:
                await store.fail(connection, UUID(each.run_id), outcome_of(each), "HUMAN_REQUEST_REFUSED")
            return
        self._tell_there()
        async with self._database.connection() as connection:
            await store.note_asked(connection, [UUID(each.run_id)], asked=True)

    async def _listen(self, asked: Mapping[str, OpenRequest], news: asyncio.Event) -> None:
        """Until one of them has ended, or there is something new to ask."""
        ids = list(asked)
        parts = [ids[begin : begin + MAX_IDS] for begin in range(0, len(ids), MAX_IDS)]
        waits = {asyncio.create_task(self._hitl.wait(part, WAIT_SECONDS)): part for part in parts}
        woken = asyncio.create_task(wait_for(news, WAIT_SECONDS))
        try:
            await asyncio.wait({woken, *waits}, return_when=asyncio.FIRST_COMPLETED)
            for wait in [wait for wait in waits if wait.done()]:
                try:
                    decisions = wait.result()
                except PeerRefusedError as refused:
                    # hitl does not know one of them (any more): they are asked again, which does nothing to the others.
                    logger.warning("human_requests_unknown", error=str(refused))
                    await self._ask_again([asked[each] for each in waits[wait]])
                    continue
                self._tell_there()
                for decision in decisions:
                    await self._settle(asked[decision.human_request_id], decision)
        finally:
            for task in (woken, *waits):
                task.cancel()
            await asyncio.gather(woken, *waits, return_exceptions=True)

    async def _ask_again(self, some: Sequence[OpenRequest]) -> None:
        async with self._database.connection() as connection:
            await store.note_asked(connection, [UUID(each.run_id) for each in some], asked=False)
        await asyncio.sleep(PAUSE_SECONDS)

    async def _settle(self, each: OpenRequest, decision: Decision) -> None:
        """Has done what was said, unless another replica has."""
        if decision.status == "pending":
            return
        run_id = UUID(each.run_id)
        async with self._database.transaction() as connection:
            if decision.status == "responded" and each.kind == VALUES:
                await store.resume(connection, run_id, answers(each, decision))
            elif decision.status == "responded" and decision.response == APPROVE:
                await store.release(connection, run_id)
            else:
                code = (
                    "RELEASE_REJECTED" if decision.status == "responded" else f"HUMAN_REQUEST_{decision.status.upper()}"
                )
                await store.fail(connection, run_id, outcome_of(each), code)

    def _tell_away(self, error: PeerAwayError) -> None:
        if not self._hitl_is_away:
            self._hitl_is_away = True
            logger.warning("hitl_unreachable", error=str(error), meaning="runs that wait for people wait on")

    def _tell_there(self) -> None:
        if self._hitl_is_away:
            self._hitl_is_away = False
            logger.info("hitl_reachable")


def outcome_of(each: OpenRequest) -> str:
    """Of a run that is not let go on."""
    return NOT_RELEASED if each.kind == RELEASE else UNANSWERED


def answers(each: OpenRequest, decision: Decision) -> dict[str, Answered]:
    """The values by their keys, each with who gave it."""
    given = decision.response if isinstance(decision.response, dict) else {}
    return {
        key: Answered(value, decision.human_request_id, decision.answered_by, decision.answered_at)
        for key, value in given.items()
        if key in each.fields
    }
