"""Approval before execution: asks humans through hitl, and waits for what they say.

Every replica attends to all approvals, and none leads. What is to be done stands in the database, so whoever comes back
after a crash goes on where it was.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import monotonic
from uuid import UUID

import structlog

from servicekit.errors import ServiceError
from servicekit.postgres import Database
from services.tools.approval.decisions import Decisions
from services.tools.approval.proposals import Proposals
from services.tools.approval.requests import approval_request
from services.tools.approval.store import approvals as store
from services.tools.audit.awaiting import AwaitingApproval
from services.tools.audit.store import invocations
from services.tools.catalogue.loading import LoadedTools
from services.tools.metrics import ToolMetrics
from services.tools.models import Answer, Invocation, OpenApproval, Tool
from services.tools.peers import Hitl, HitlAwayError, HitlRefusedError

logger = structlog.get_logger(__name__)

# What one WaitForResponse takes, and how long it may last.
MAX_IDS = 100
WAIT_SECONDS = 30
# The database is looked at this often: what other replicas began may be left to this one.
LOOK_AGAIN_SECONDS = 1.0
# Whoever begins an invocation asks at once; the others only when that has not happened.
ASK_FOR_OTHERS_SECONDS = 5.0
REQUESTS_AT_ONCE = 16
# After hitl did not answer, or an approved invocation could not be run here.
PAUSE_SECONDS = 1.0


class Approvals:
    """Attends to the invocations that await their approval."""

    def __init__(
        self,
        database: Database,
        hitl: Hitl,
        tools: LoadedTools,
        decisions: Decisions,
        awaiting: AwaitingApproval,
        metrics: ToolMetrics,
        proposals: Proposals,
    ) -> None:
        self._proposals = proposals
        self._database = database
        self._hitl = hitl
        self._tools = tools
        self._decisions = decisions
        self._awaiting = awaiting
        self._metrics = metrics
        # What is undecided, as it was last read. Whoever tries to settle one takes it out, so that a second try comes
        # only after a look at the database that still has it.
        self._open: dict[UUID, OpenApproval] = {}
        self._waits: dict[asyncio.Task[list[Answer]], tuple[UUID, ...]] = {}
        # Until when hitl, or one of them, is left alone.
        self._away_until = 0.0
        self._deferred: dict[UUID, float] = {}
        self._hitl_is_away = False

    async def cancel(self, invocation: Invocation, principal: str) -> bool:
        """Ends one that awaits its approval; False where it is decided already."""
        cancelled = await self._decisions.cancel(invocation, principal)
        # The human request is taken back by whoever finds the outcome.
        self._awaiting.wake()
        return cancelled

    async def attend(self) -> None:
        """Does what is to be done, for ever."""
        try:
            while True:
                self._awaiting.look()
                await self._look()
                await self._until_something_happens()
        finally:
            for wait in self._waits:
                wait.cancel()
            await asyncio.gather(*self._waits, return_exceptions=True)
            self._waits.clear()

    async def _look(self) -> None:
        """Reads what is open, and moves each on by a step."""
        before = self._awaiting.ids()
        async with self._database.connection() as connection:
            found = await store.list_open(connection)
        self._open = {one.invocation_id: one for one in found if not one.outcome_status and not one.ended}
        self._metrics.awaiting_approval(len(self._open))
        self._awaiting.forget(before - self._open.keys())
        self._deferred = {key: until for key, until in self._deferred.items() if key in self._open}
        for one in found:
            if one.outcome_status and not one.ended:
                await self._decisions.finish(one)
        if monotonic() < self._away_until:
            return
        try:
            await self._take_back([one for one in found if one.ended])
            await self._ask([one for one in found if self._is_to_be_asked(one)])
        except HitlAwayError as error:
            self._hitl_failed(error)
            return
        self._listen(one.invocation_id for one in self._open.values() if one.asked)

    def _is_to_be_asked(self, one: OpenApproval) -> bool:
        mine = one.invocation_id in self._awaiting or one.age_seconds > ASK_FOR_OTHERS_SECONDS
        return one.invocation_id in self._open and not one.asked and mine

    async def _ask(self, unasked: Sequence[OpenApproval]) -> None:
        for begin in range(0, len(unasked), REQUESTS_AT_ONCE):
            some = {one.invocation_id: one for one in unasked[begin : begin + REQUESTS_AT_ONCE]}
            async with self._database.connection() as connection:
                found = await invocations.get_many(connection, list(some))
            asking = (self._ask_one(one, some[one.intent.id].reference) for one in found)
            results = await asyncio.gather(*asking, return_exceptions=True)
            for failure in results:
                if isinstance(failure, BaseException):
                    raise failure

    async def _ask_one(self, invocation: Invocation, reference: str) -> None:
        intent = invocation.intent
        try:
            loaded = await self._tools.find(intent.tool_name)
        except ServiceError:
            # A plug-in of another replica, which will ask.
            return
        if loaded is None or loaded.tool.approval is None or loaded.tool.etag != intent.tool_etag:
            # Nobody need be bothered.
            self._open.pop(intent.id, None)
            await self._decisions.end_undecided(invocation, "failed", "TOOL_CHANGED")
            return
        if await self._lost_access(reference, loaded.tool):
            self._open.pop(intent.id, None)
            await self._decisions.end_undecided(invocation, "cancelled", "ACCESS_ENDED")
            return
        policy = loaded.tool.approval
        proposed = await self._proposals.about(intent, loaded, policy)
        asked = approval_request(invocation, reference, loaded.tool, policy, proposed)
        try:
            answer = await self._hitl.ask(asked)
        except HitlRefusedError as refused:
            logger.warning("approval_not_asked", invocation_id=str(intent.id), error=str(refused))
            self._open.pop(intent.id, None)
            error = f"The question to a human could not be asked: {refused}"
            await self._decisions.end_undecided(invocation, "cancelled", "APPROVAL_CANCELLED", error)
            return
        self._hitl_answered()
        async with self._database.connection() as connection:
            still_open = await store.note_asked(connection, [intent.id], asked=True)
        if not still_open:
            # It was ended meanwhile, by somebody who may not have seen the human request.
            await self._take_back_one(asked.id)
        elif intent.id in self._open:
            self._open[intent.id] = replace(self._open[intent.id], asked=True)
            await self._settle(answer, intent.id)

    async def _lost_access(self, reference: str, tool: Tool) -> bool:
        """Whether whoever asked may invoke the tool no more, if that can be known now; a run asks again."""
        try:
            return await self._decisions.lost_access(reference, tool)
        except ServiceError:
            return False

    async def _take_back(self, done: Sequence[OpenApproval]) -> None:
        """Cancels the human requests of what has ended without them."""
        for one in done:
            await self._take_back_one(one.human_request_id)
            async with self._database.connection() as connection:
                await store.close(connection, [one.invocation_id])

    async def _take_back_one(self, human_request_id: str) -> None:
        try:
            await self._hitl.withdraw(human_request_id, "The invocation has ended.")
        except HitlRefusedError as refused:
            # It has ended as well, or was never asked.
            logger.debug("human_request_not_cancelled", human_request_id=human_request_id, error=str(refused))
        self._hitl_answered()

    def _listen(self, asked: Iterable[UUID]) -> None:
        """Waits for answers to these, too. At most one of the waits names fewer than it could."""
        now = monotonic()
        listened = {identity for ids in self._waits.values() for identity in ids}
        fresh = [one for one in asked if one not in listened and self._deferred.get(one, 0) <= now]
        if not fresh:
            return
        for wait, ids in list(self._waits.items()):
            if len(ids) < MAX_IDS and not wait.done():
                wait.cancel()
                del self._waits[wait]
                fresh += [one for one in ids if one in self._open]
        for begin in range(0, len(fresh), MAX_IDS):
            ids = tuple(fresh[begin : begin + MAX_IDS])
            wait = asyncio.create_task(self._hitl.wait([self._open[one].human_request_id for one in ids], WAIT_SECONDS))
            self._waits[wait] = ids

    async def _until_something_happens(self) -> None:
        woken = asyncio.create_task(self._awaiting.wait())
        try:
            await asyncio.wait({woken, *self._waits}, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        for wait in [wait for wait in self._waits if wait.done()]:
            ids = self._waits.pop(wait)
            try:
                answers = wait.result()
            except HitlAwayError as error:
                self._hitl_failed(error)
                continue
            except HitlRefusedError as refused:
                # hitl does not know one of them (any more): they are asked again, which does nothing to the others.
                logger.warning("human_requests_unknown", error=str(refused))
                await self._forget_asked(ids)
                continue
            self._hitl_answered()
            by_request = {self._open[one].human_request_id: one for one in ids if one in self._open}
            for answer in answers:
                if answer.human_request_id in by_request:
                    await self._settle(answer, by_request[answer.human_request_id])

    async def _forget_asked(self, ids: Sequence[UUID]) -> None:
        self._away_until = monotonic() + PAUSE_SECONDS
        self._awaiting.add(ids)
        async with self._database.connection() as connection:
            await store.note_asked(connection, ids, asked=False)

    async def _settle(self, answer: Answer, invocation_id: UUID) -> None:
        """Has done what an answer says, unless another replica has."""
        if answer.status == "pending" or self._open.pop(invocation_id, None) is None:
            return
        if not await self._decisions.settle(invocation_id, answer):
            self._deferred[invocation_id] = monotonic() + PAUSE_SECONDS

    def _hitl_failed(self, error: HitlAwayError) -> None:
        self._metrics.hitl_failed()
        self._away_until = monotonic() + PAUSE_SECONDS
        if not self._hitl_is_away:
            self._hitl_is_away = True
            logger.warning("hitl_unreachable", error=str(error), meaning="approvals wait; all else goes on")

    def _hitl_answered(self) -> None:
        if self._hitl_is_away:
            self._hitl_is_away = False
            logger.info("hitl_reachable")
