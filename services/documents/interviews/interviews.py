"""Begins interviews in questioning, and has runs go on with what comes of them; whichever replica hears it, once.

As with human requests every replica attends to all of them. Questioning tells nobody that an interview has ended, so it
is asked about many of them in one call, while there are some.
"""

from collections.abc import Sequence
from uuid import UUID

import structlog

from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Database
from services.documents.human_requests import store as people_store
from services.documents.human_requests.requests import UNANSWERED
from services.documents.interviews import store
from services.documents.models import Answered, Interviewed, OpenInterview
from services.documents.peers import PeerAwayError, PeerRefusedError, Questioning

logger = structlog.get_logger(__name__)

MAX_OPEN = 1000
# As many are asked about in one call.
MAX_IDS = 100
# How often, seconds; and how long nothing is heard where there are none.
LOOK_SECONDS = 1.0
IDLE_SECONDS = 10.0


class Interviews:
    """Attends to the runs that wait for interviews."""

    def __init__(self, database: Database, questioning: Questioning, waiters: Waiters) -> None:
        self._database = database
        self._questioning = questioning
        self._waiters = waiters
        self._is_away = False

    async def attend(self) -> None:
        """Begins them, and has done what comes of them, for ever."""
        with self._waiters.registered(store.INTERVIEWS) as news:
            while True:
                news.clear()
                async with self._database.connection() as connection:
                    found = await store.list_open(connection, MAX_OPEN)
                for each in found:
                    if each.late:
                        await self._fail(each, "INTERVIEW_EXPIRED")
                try:
                    await self._look([each for each in found if not each.late])
                except PeerAwayError as error:
                    if not self._is_away:
                        self._is_away = True
                        logger.warning("questioning_unreachable", error=str(error), meaning="runs wait on")
                await wait_for(news, LOOK_SECONDS if found else IDLE_SECONDS)

    async def _look(self, some: Sequence[OpenInterview]) -> None:
        for each in some:
            if not each.conversation_id:
                await self._begin(each)
        begun = {each.conversation_id: each for each in some if each.conversation_id}
        ids = list(begun)
        for start in range(0, len(ids), MAX_IDS):
            part = ids[start : start + MAX_IDS]
            standing = await self._questioning.statuses(part)
            self._is_away = False
            for ended in [one for one in part if standing.get(one) != "open"]:
                interviewed = await self._questioning.result(ended) if ended in standing else None
                await self._settle(begun[ended], interviewed)

    async def _begin(self, each: OpenInterview) -> None:
        try:
            conversation_id = await self._questioning.begin(each)
        except PeerRefusedError as refused:
            logger.warning("run_not_asked_about", run_id=each.run_id, error=str(refused))
            await self._fail(each, "INTERVIEW_REFUSED")
            return
        async with self._database.transaction() as connection:
            await store.note_begun(connection, UUID(each.run_id), conversation_id)

    async def _settle(self, each: OpenInterview, interviewed: Interviewed | None) -> None:
        """Has done what was said, unless another replica has."""
        if interviewed is None or interviewed.status == "closed":
            await self._fail(each, "INTERVIEW_DELETED" if interviewed is None else "INTERVIEW_CLOSED")
            return
        answers = {
            path: Answered(value, "", each.principal, interviewed.ended_at, interviewed.id)
            for path, value in interviewed.values.items()
            if path in each.schema["properties"]
        }
        run_id = UUID(each.run_id)
        async with self._database.transaction() as connection:
            if await store.close(connection, run_id):
                await people_store.resume(connection, run_id, answers)

    async def _fail(self, each: OpenInterview, code: str) -> None:
        run_id = UUID(each.run_id)
        async with self._database.transaction() as connection:
            if await store.close(connection, run_id):
                await people_store.fail(connection, run_id, UNANSWERED, code)
