"""Approval before execution: asks humans through hitl, waits for what they say, and does it exactly once.

Every replica attends to all approvals, and none leads. What is to be done stands in the database, so whoever comes back
after a crash goes on where it was; the row of a decision is the claim that lets one of them act on it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Literal
from uuid import UUID

import structlog

from servicekit.errors import ServiceError
from servicekit.postgres import CONNECTION_ERRORS, Database
from services.tools.approval.questions import approved_arguments, order_for, question
from services.tools.audit.receipts import answer_document, salted_digest
from services.tools.audit.recording import Recorder, ended, storable
from services.tools.audit.store import approvals as store
from services.tools.audit.store import invocations
from services.tools.catalogue.catalogue import LoadedTool, Registry
from services.tools.execution.execution import Execution
from services.tools.execution.outcomes import WHY
from services.tools.metrics import Measures
from services.tools.models import (
    Answer,
    Decision,
    DecisionStatus,
    FinalStatus,
    Intent,
    Invocation,
    OpenApproval,
)
from services.tools.peers import APPROVE, Hitl, HitlAwayError, HitlRefusedError

logger = structlog.get_logger(__name__)

# What one WaitForResponse takes, and how long it may last.
MOST_IDS = 100
WAIT_SECONDS = 30
# The database is looked at this often: what other replicas began may be left to this one.
LOOK_AGAIN_SECONDS = 1.0
# Whoever begins an invocation asks at once; the others only when that has not happened.
ASK_FOR_OTHERS_SECONDS = 5.0
QUESTIONS_AT_ONCE = 16
# After hitl did not answer, or an approved invocation could not be run here.
PAUSE_SECONDS = 1.0


class Approvals:
    """Attends to the invocations that await their approval."""

    def __init__(
        self,
        database: Database,
        replica: UUID,
        hitl: Hitl,
        registry: Registry,
        execution: Execution,
        recorder: Recorder,
        measures: Measures,
    ) -> None:
        self._database = database
        self._replica = replica
        self._hitl = hitl
        self._registry = registry
        self._execution = execution
        self._recorder = recorder
        self._measures = measures
        self._woken = asyncio.Event()
        # Begun by this process, and not asked yet.
        self._own: set[UUID] = set()
        # What is undecided, as it was last read. Whoever tries to settle one takes it out, so that a second try comes
        # only after a look at the database that still has it.
        self._open: dict[UUID, OpenApproval] = {}
        self._waits: dict[asyncio.Task[list[Answer]], tuple[UUID, ...]] = {}
        # Until when hitl, or the settling of one, is left alone.
        self._away_until = 0.0
        self._deferred: dict[UUID, float] = {}
        self._hitl_is_away = False
        execution.awaited = self.begun

    def begun(self, invocation_id: UUID) -> None:
        """An invocation of this process awaits its approval from now on."""
        self._own.add(invocation_id)
        self._woken.set()

    async def cancel(self, invocation: Invocation, principal: str) -> bool:
        """Ends one that awaits its approval; False where it is decided already."""
        decision = self._decision(invocation.intent, "cancelled", by=(principal,))
        settled = await self._end(invocation, decision, "cancelled", "CANCELLED_BY_REQUEST")
        # The human request is taken back by whoever finds the ending.
        self._woken.set()
        return settled

    async def attend(self) -> None:
        """Does what is to be done, for ever."""
        try:
            while True:
                self._woken.clear()
                await self._look()
                await self._until_something_happens()
        finally:
            for wait in self._waits:
                wait.cancel()
            await asyncio.gather(*self._waits, return_exceptions=True)
            self._waits.clear()

    async def _look(self) -> None:
        """Reads what is open, and moves each on by a step."""
        async with self._database.connection() as connection:
            found = await store.list_open(connection)
        self._open = {one.invocation_id: one for one in found if not one.outcome_status and not one.ended}
        self._measures.awaiting_approval = len(self._open)
        self._own &= self._open.keys()
        self._deferred = {key: until for key, until in self._deferred.items() if key in self._open}
        for one in found:
            if one.outcome_status and not one.ended:
                await self._finish(one)
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
        mine = one.invocation_id in self._own or one.age_seconds > ASK_FOR_OTHERS_SECONDS
        return one.invocation_id in self._open and not one.asked and mine

    async def _ask(self, unasked: Sequence[OpenApproval]) -> None:
        for begin in range(0, len(unasked), QUESTIONS_AT_ONCE):
            some = {one.invocation_id: one for one in unasked[begin : begin + QUESTIONS_AT_ONCE]}
            async with self._database.connection() as connection:
                found = await invocations.get_many(connection, list(some))
            results = await asyncio.gather(*(self._ask_one(one) for one in found), return_exceptions=True)
            for failure in results:
                if isinstance(failure, BaseException):
                    raise failure

    async def _ask_one(self, invocation: Invocation) -> None:
        intent = invocation.intent
        try:
            loaded = await self._registry.find(intent.tool_name)
        except ServiceError:
            # A plug-in of another replica, which will ask.
            return
        if loaded is None or loaded.tool.approval is None or loaded.tool.etag != intent.tool_etag:
            # Nobody need be bothered.
            self._open.pop(intent.id, None)
            await self._end(invocation, self._decision(intent, "cancelled"), "failed", "TOOL_CHANGED")
            return
        asked = question(invocation, loaded.tool, loaded.tool.approval)
        try:
            answer = await self._hitl.ask(asked)
        except HitlRefusedError as refused:
            logger.warning("approval_not_asked", invocation_id=str(intent.id), error=str(refused))
            self._open.pop(intent.id, None)
            error = f"The question to a human could not be asked: {refused}"
            await self._end(invocation, self._decision(intent, "cancelled"), "cancelled", "APPROVAL_CANCELLED", error)
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
            if len(ids) < MOST_IDS and not wait.done():
                wait.cancel()
                del self._waits[wait]
                fresh += [one for one in ids if one in self._open]
        for begin in range(0, len(fresh), MOST_IDS):
            ids = tuple(fresh[begin : begin + MOST_IDS])
            wait = asyncio.create_task(self._hitl.wait([self._open[one].human_request_id for one in ids], WAIT_SECONDS))
            self._waits[wait] = ids

    async def _until_something_happens(self) -> None:
        woken = asyncio.create_task(self._woken.wait())
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
        self._own.update(ids)
        async with self._database.connection() as connection:
            await store.note_asked(connection, ids, asked=False)

    async def _settle(self, answer: Answer, invocation_id: UUID) -> None:
        """Does what an answer says, unless another replica has."""
        if answer.status == "pending" or self._open.pop(invocation_id, None) is None:
            return
        async with self._database.connection() as connection:
            invocation = await invocations.get(connection, invocation_id)
        assert invocation is not None, "invocations are never deleted"
        if invocation.status != "awaiting_approval":
            return
        if answer.status == "responded" and answer.response == APPROVE:
            if not await self._approved(invocation, answer):
                self._deferred[invocation_id] = monotonic() + PAUSE_SECONDS
            return
        status: Literal["rejected", "expired", "cancelled"]
        status = "rejected" if answer.status == "responded" else answer.status
        decision = self._decision(
            invocation.intent, status, by=answer.answered_by, at=answer.ended_at, comment=answer.comment
        )
        if await self._end(invocation, decision, status, f"APPROVAL_{status.upper()}"):
            async with self._database.connection() as connection:
                await store.close(connection, [invocation_id])

    async def _approved(self, invocation: Invocation, answer: Answer) -> bool:
        """Runs what was approved, or ends it where that must not be; False where this replica cannot do it now."""
        intent = invocation.intent
        # What was approved is what the catalogue has, not what this process remembers of it.
        self._registry.forget(intent.tool_name)
        try:
            loaded = await self._registry.find(intent.tool_name)
        except ServiceError:
            return False
        arguments, edited, fault = approved_arguments(intent, answer, loaded)
        decision = self._decision(intent, "approved", answer.answered_by, answer.ended_at, answer.comment, edited)
        if loaded is None or loaded.tool.etag != intent.tool_etag:
            await self._end_and_close(invocation, decision, "TOOL_CHANGED")
        elif fault:
            await self._end_and_close(invocation, decision, "ARGUMENTS_INVALID", fault)
        else:
            return await self._run(invocation, decision, loaded, arguments)
        return True

    async def _run(
        self, invocation: Invocation, decision: Decision, loaded: LoadedTool, arguments: dict[str, object]
    ) -> bool:
        assert invocation.approval is not None
        approved = replace(invocation, approval=replace(invocation.approval, decision=decision))
        failed_before = False

        async def claim(begins: bool) -> bool:
            nonlocal failed_before
            while True:
                try:
                    async with self._database.connection() as connection:
                        started_at = datetime.now(UTC) if begins else None
                        if await store.claim(connection, invocation.intent.id, decision, started_at):
                            return True
                        # The answer to an earlier try may have got lost on its way.
                        return failed_before and await store.is_decided_by(
                            connection, invocation.intent.id, self._replica
                        )
                except CONNECTION_ERRORS as error:
                    logger.warning("claim_retried", invocation_id=str(invocation.intent.id), error=str(error))
                    failed_before = True
                await asyncio.sleep(PAUSE_SECONDS)

        return await self._execution.run_approved(loaded, approved, order_for(invocation.intent, arguments), claim)

    async def _end_and_close(self, invocation: Invocation, decision: Decision, reason: str, error: str = "") -> None:
        if await self._end(invocation, decision, "failed", reason, error):
            async with self._database.connection() as connection:
                await store.close(connection, [invocation.intent.id])

    async def _end(
        self, invocation: Invocation, decision: Decision, status: FinalStatus, reason: str, error: str = ""
    ) -> bool:
        """Ends an invocation that is not run; False where somebody else has settled it."""
        assert invocation.approval is not None
        approval = replace(invocation.approval, decision=decision)
        ending = ended(invocation.intent, status, error=error or WHY[reason], error_reason=reason, approval=approval)
        async with self._database.connection() as connection:
            if not await store.decide(connection, ending):
                return False
        self._recorder.announce(invocation.intent.id)
        self._measures.ended(invocation.intent.tool_name, status, None)
        await self._recorder.end(ending)
        return True

    async def _finish(self, one: OpenApproval) -> None:
        """Writes the ending of what was decided: whoever decided it may have died in between."""
        async with self._database.connection() as connection:
            invocation = await invocations.get(connection, one.invocation_id)
        if invocation is None or invocation.ended or not one.outcome_status:
            return
        self._recorder.announce(one.invocation_id)
        await self._recorder.end(
            ended(
                invocation.intent,
                one.outcome_status,
                error=one.error,
                error_reason=one.error_reason,
                approval=invocation.approval,
            )
        )

    def _decision(
        self,
        intent: Intent,
        status: DecisionStatus,
        by: Sequence[str] = (),
        at: datetime | None = None,
        comment: str = "",
        edited: str | None = None,
    ) -> Decision:
        comment = storable(comment)
        assert intent.input_salt is not None, "what has not ended cannot be redacted"
        digest = salted_digest(answer_document(comment, edited), intent.input_salt)
        deciders = tuple(map(storable, by))
        return Decision(status, deciders, at or datetime.now(UTC), comment, edited, digest, self._replica)

    def _hitl_failed(self, error: HitlAwayError) -> None:
        self._measures.hitl_failed()
        self._away_until = monotonic() + PAUSE_SECONDS
        if not self._hitl_is_away:
            self._hitl_is_away = True
            logger.warning("hitl_unreachable", error=str(error), meaning="approvals wait; all else goes on")

    def _hitl_answered(self) -> None:
        if self._hitl_is_away:
            self._hitl_is_away = False
            logger.info("hitl_reachable")
