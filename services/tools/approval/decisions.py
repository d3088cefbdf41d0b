"""Decisions: does what humans said about an invocation, exactly once whoever of the replicas hears it.

The row of a decision is the claim that lets one of them act on it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import structlog
import uuid_utils.compat as uuid

from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.errors import ServiceError
from servicekit.identity.detached_work import Callers
from servicekit.leased_work import LEASE_OVER
from servicekit.postgres import Database
from services.tools.approval.grants import Grants
from services.tools.approval.models import ToolGrant
from services.tools.approval.requests import approved_arguments, request_for
from services.tools.approval.store import approvals as store
from services.tools.approval.store import grants as grants_store
from services.tools.audit.outcome import WHY, outcome_of, storable
from services.tools.audit.receipts import answer_document, salted_digest
from services.tools.audit.recording import Recorder
from services.tools.audit.store import invocations
from services.tools.catalogue.loading import LoadedTool, LoadedTools
from services.tools.execution.active import InvocationRequest
from services.tools.execution.runner import Runner
from services.tools.metrics import ToolMetrics
from services.tools.models import (
    INVOKE,
    Answer,
    Approval,
    Decision,
    DecisionStatus,
    FinalStatus,
    Intent,
    Invocation,
    OpenApproval,
    Tool,
)
from services.tools.peers import APPROVE
from services.tools.reach import may_run

logger = structlog.get_logger(__name__)

# After a claim whose fate is unknown.
PAUSE_SECONDS = 1.0


class Decisions:
    """Records them, and runs or ends the invocations."""

    def __init__(
        self,
        database: Database,
        tools: LoadedTools,
        recorder: Recorder,
        runner: Runner,
        metrics: ToolMetrics,
        callers: Callers,
        grants: Grants,
    ) -> None:
        self._database = database
        self._tools = tools
        self._recorder = recorder
        self._runner = runner
        self._metrics = metrics
        self._callers = callers
        self._grants = grants

    async def lost_access(self, reference: str, tool: Tool | None) -> bool:
        """Whether whoever asked may invoke a tool no more; of one that is gone, any tool.

        Raises:
            ServiceError: UNAVAILABLE where access does not answer.
        """
        if not reference:
            return False
        caller = (await self._callers.resolve_callers([reference]))[reference]
        return not (caller.may(INVOKE) if tool is None else may_run(caller, tool))

    async def settle(self, invocation_id: UUID, answer: Answer) -> bool:
        """Does what an answer says, unless another replica has; False where this one cannot now."""
        async with self._database.connection() as connection:
            invocation = await invocations.get(connection, invocation_id)
        assert invocation is not None, "invocations are never deleted"
        if invocation.status != "awaiting_approval":
            return True
        if answer.status == "responded" and answer.response == APPROVE:
            return await self._approved(invocation, answer)
        assert answer.status != "pending"
        status: Literal["rejected", "expired", "cancelled"]
        status = "rejected" if answer.status == "responded" else answer.status
        decision = self._decision(invocation.intent, status, answer.answered_by, answer.ended_at, answer.comment)
        await self._end_and_close(invocation, decision, status, f"APPROVAL_{status.upper()}")
        return True

    async def end_undecided(self, invocation: Invocation, status: FinalStatus, reason: str, error: str = "") -> None:
        """Ends one about which nobody can be asked."""
        await self._end(invocation, self._decision(invocation.intent, "cancelled"), status, reason, error)

    async def cancel(self, invocation: Invocation, principal: str) -> bool:
        """Ends one by request; False where it is decided already."""
        decision = self._decision(invocation.intent, "cancelled", by=(principal,))
        return await self._end(invocation, decision, "cancelled", "CANCELLED_BY_REQUEST")

    async def finish(self, one: OpenApproval) -> None:
        """Records the outcome of what was decided: whoever decided it may have died in between."""
        async with self._database.connection() as connection:
            invocation = await invocations.get(connection, one.invocation_id)
        if invocation is None or invocation.ended or not one.outcome_status:
            return
        self._recorder.announce(one.invocation_id)
        await self._recorder.record_outcome(
            outcome_of(
                invocation.intent,
                one.outcome_status,
                error=one.error,
                error_reason=one.error_reason,
                approval=invocation.approval,
            )
        )

    async def _approved(self, invocation: Invocation, answer: Answer) -> bool:
        """Runs what was approved, or ends it where that must not be; False where this replica cannot do it now."""
        intent = invocation.intent
        # What was approved is what the catalogue has, not what this process remembers of it.
        self._tools.forget(intent.tool_name)
        try:
            loaded = await self._tools.find(intent.tool_name)
            async with self._database.connection() as connection:
                reference = await store.reference_of(connection, intent.id)
            lost_access = await self.lost_access(reference, loaded.tool if loaded else None)
        except ServiceError:
            return False
        arguments, edited, fault = approved_arguments(intent, answer, loaded)
        decision = self._decision(intent, "approved", answer.answered_by, answer.ended_at, answer.comment, edited)
        if lost_access:
            await self._end_and_close(invocation, decision, "cancelled", "ACCESS_ENDED")
        elif loaded is None or loaded.tool.etag != intent.tool_etag:
            await self._end_and_close(invocation, decision, "failed", "TOOL_CHANGED")
        elif loaded.tool.pause is not None:
            await self._end_and_close(invocation, decision, "failed", "TOOL_PAUSED")
        elif fault:
            await self._end_and_close(invocation, decision, "failed", "ARGUMENTS_INVALID", fault)
        else:
            request = request_for(intent, arguments, reference)
            return await self._run_leased(invocation, decision, loaded, request, _grant(intent, answer))
        return True

    async def _run_leased(
        self,
        invocation: Invocation,
        decision: Decision,
        loaded: LoadedTool,
        request: InvocationRequest,
        grant: ToolGrant | None,
    ) -> bool:
        """Runs it unless the lease is over under which it was asked for: much may have happened since."""
        if request.lease:
            try:
                await self._runner.require_leased(loaded, request, asks=False)
            except ServiceError as refusal:
                if refusal.reason not in LEASE_OVER:
                    # Nobody could say.
                    return False
                await self._end_and_close(invocation, decision, "failed", refusal.reason, refusal.message)
                return True
        return await self._run(invocation, decision, loaded, request, grant)

    async def _run(
        self,
        invocation: Invocation,
        decision: Decision,
        loaded: LoadedTool,
        request: InvocationRequest,
        grant: ToolGrant | None,
    ) -> bool:
        asked = invocation.approval
        assert asked is not None
        approved = replace(invocation, approval=replace(asked, decision=decision))
        failed_before = False

        async def claim(begins: bool) -> Approval | None:
            nonlocal failed_before
            while True:
                try:
                    started_at = datetime.now(UTC) if begins else None
                    claimed = await self._claim(invocation.intent.id, decision, started_at, grant)
                    if claimed is not None:
                        return replace(asked, decision=claimed)
                    async with self._database.connection() as connection:
                        # The answer to an earlier try may have got lost on its way.
                        if not failed_before or not await store.is_decided_by(
                            connection, invocation.intent.id, self._recorder.replica
                        ):
                            return None
                        found = await invocations.get(connection, invocation.intent.id)
                        return found.approval if found is not None else None
                except CONNECTION_ERRORS as error:
                    logger.warning("claim_retried", invocation_id=str(invocation.intent.id), error=str(error))
                    failed_before = True
                await asyncio.sleep(PAUSE_SECONDS)

        return await self._runner.run_approved(loaded, approved, request, claim)

    async def _claim(
        self, invocation_id: UUID, decision: Decision, started_at: datetime | None, grant: ToolGrant | None
    ) -> Decision | None:
        """Records the decision for this process, and in one transaction the grant that was made with it.

        Gives it as it is on record; None where another replica acts on it.
        """
        if grant is None:
            async with self._database.connection() as connection:
                return decision if await store.claim(connection, invocation_id, decision, started_at) else None
        async with self._database.transaction() as connection:
            makes = await self._grants.create_in(connection, grant)
            decided = replace(decision, grant_id=str(grant.id)) if makes else decision
            if await store.claim(connection, invocation_id, decided, started_at):
                return decided
            if makes:
                # Another replica makes the grant.
                await grants_store.forget(connection, grant.id)
            return None

    async def _end_and_close(
        self, invocation: Invocation, decision: Decision, status: FinalStatus, reason: str, error: str = ""
    ) -> None:
        if await self._end(invocation, decision, status, reason, error):
            async with self._database.connection() as connection:
                await store.close(connection, [invocation.intent.id])

    async def _end(
        self, invocation: Invocation, decision: Decision, status: FinalStatus, reason: str, error: str = ""
    ) -> bool:
        """Ends an invocation that is not run; False where somebody else was faster."""
        assert invocation.approval is not None
        approval = replace(invocation.approval, decision=decision)
        outcome = outcome_of(
            invocation.intent, status, error=error or WHY[reason], error_reason=reason, approval=approval
        )
        async with self._database.connection() as connection:
            if not await store.decide(connection, outcome):
                return False
        self._recorder.announce(invocation.intent.id)
        self._metrics.ended(invocation.intent.tool_name, status, None)
        await self._recorder.record_outcome(outcome)
        return True

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
        return Decision(status, deciders, at or datetime.now(UTC), comment, edited, digest, self._recorder.replica)


def _grant(intent: Intent, answer: Answer) -> ToolGrant | None:
    """What whoever decided lets the principal run from now on without a human; None: nothing."""
    terms = answer.grant
    if terms is None or not answer.answered_by:
        return None
    return ToolGrant(
        id=uuid.uuid7(),
        principal=intent.principal,
        tools=tuple(terms.tools) or (intent.tool_name,),
        arguments=terms.arguments,
        uses=terms.uses,
        expires_at=terms.expires_at,
        any_version=terms.any_version,
        reason=storable(terms.reason),
        created_by=answer.answered_by[-1],
        invocation_id=str(intent.id),
    )
