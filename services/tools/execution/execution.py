"""Takes requests to run a tool: checks them, runs each at most once, and finds the outcome of those that ran before."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

import structlog

from servicekit.errors import ServiceError
from servicekit.large import beside
from servicekit.postgres import COMMIT
from servicekit.request_context import current_context
from servicekit.row_ids import new_row_id
from servicekit.waiting import waiting_for
from services.tools import errors, reach
from services.tools.audit.receipts import intent_digests
from services.tools.audit.recording import Recorder
from services.tools.audit.store import approvals as approvals_store
from services.tools.catalogue.loading import LoadedTool, LoadedTools
from services.tools.execution import askable
from services.tools.execution.active import ActiveInvocation, InvocationRequest
from services.tools.execution.detached import DetachedRuns
from services.tools.execution.earlier import EarlierInvocations
from services.tools.execution.runner import Runner
from services.tools.limits.limits import Limits
from services.tools.models import Approval, Intent, Invocation

logger = structlog.get_logger(__name__)


class Permitting(Protocol):
    """What lets requests run without a human who would be asked otherwise."""

    async def permitting(self, loaded: LoadedTool, request: InvocationRequest) -> Sequence[UUID]:
        """The grants that are good for it."""

    async def spend(self, permitting: Sequence[UUID]) -> str:
        """Uses the first of these that can still be used; empty where none can."""


class Execution:
    """What callers ask to be run."""

    def __init__(
        self,
        earlier: EarlierInvocations,
        tools: LoadedTools,
        recorder: Recorder,
        runner: Runner,
        detached: DetachedRuns,
        grants: Permitting,
        limits: Limits,
    ) -> None:
        self._earlier = earlier
        self._tools = tools
        self._recorder = recorder
        self._runner = runner
        self._detached = detached
        self._grants = grants
        self._limits = limits

    async def invoke(self, request: InvocationRequest) -> Invocation:
        """Runs a tool and waits for its end; where humans must approve first, it returns as it was recorded.

        Raises:
            ServiceError: TOOL_NOT_FOUND, PERMISSION_DENIED, ARGUMENTS_INVALID, TOOL_BUSY, TOOL_LIMIT_REACHED (all
                recorded), IDEMPOTENCY_KEY_REUSED, UNAVAILABLE.
        """
        loaded, request = await self._admit(request)
        if isinstance(loaded, Invocation):
            return await self._earlier.ended(loaded)
        intent, active = self._runner.begin(loaded, request)
        try:
            holder = await self._record(intent, request)
            if holder == intent.id:
                outcome = await self._runner.run(loaded, intent, request, active)
                return Invocation(intent, outcome.status, outcome)
        finally:
            self._runner.close(intent, loaded)
        return await self._earlier.ended(await self._not_begun(holder, loaded, request))

    async def start(self, request: InvocationRequest) -> Invocation:
        """Records a request and runs it beside; returns it as it was begun, or the earlier one as it stands.

        Raises:
            ServiceError: as invoke.
        """
        loaded, request = await self._admit(request)
        if isinstance(loaded, Invocation):
            return loaded
        self._detached.require_room(current_context.get().principal)
        intent, active = self._runner.begin(loaded, request)
        begun: asyncio.Future[Invocation | ServiceError] = asyncio.get_running_loop().create_future()
        run = self._run_beside(loaded, request, intent, active, begun)
        self._detached.begin(run, loaded.tool, request, active)
        with waiting_for(COMMIT):
            answer = await asyncio.shield(begun)
        return await self._not_begun(answer, loaded, request) if isinstance(answer, ServiceError) else answer

    async def _run_beside(
        self,
        loaded: LoadedTool,
        request: InvocationRequest,
        intent: Intent,
        active: ActiveInvocation,
        begun: "asyncio.Future[Invocation | ServiceError]",
    ) -> None:
        try:
            holder = await self._record(intent, request)
            if isinstance(holder, ServiceError):
                begun.set_result(holder)
                return
            if holder != intent.id:
                begun.set_result(await self._earlier.held_by(holder, request))
                return
            self._recorder.announce(intent.id)
            begun.set_result(Invocation(intent, intent.begun_as))
            await self._runner.run(loaded, intent, request, active)
        except Exception as error:
            if not begun.done():
                begun.set_exception(error)
                # The caller may have gone; asyncio would then report the exception as never retrieved.
                begun.exception()
            else:
                logger.exception("detached_invocation_failed", tool=request.tool_name)
        finally:
            self._runner.close(intent, loaded)

    async def _record(self, intent: Intent, request: InvocationRequest) -> UUID | ServiceError:
        """Who holds the idempotency_key, the intent or an earlier one; or why it was not recorded."""
        if not request.charges:
            return await self._recorder.record_intent(intent)
        charged = await self._recorder.record_charged(intent, [charge.bucket for charge in request.charges])
        if charged.holder is None:
            return self._limits.refusal(request.charges, charged.allowances)
        current_context.get().answer_headers = min(charged.allowances, key=lambda each: each.remaining).headers
        return charged.holder

    async def _not_begun(
        self, holder: UUID | ServiceError, loaded: LoadedTool, request: InvocationRequest
    ) -> Invocation:
        """The earlier invocation of which a request is a retry; a refusal is recorded and raised."""
        if isinstance(holder, ServiceError):
            return await self._refuse(request, loaded.tool.etag, holder)
        return await self._earlier.held_by(holder, request)

    async def _admit(self, request: InvocationRequest) -> tuple[LoadedTool | Invocation, InvocationRequest]:
        """The tool to run, or an invocation that need not be run now; and the request in the tool's own form.

        Such an invocation awaits its approval, or is the earlier one where a refused request repeats what was accepted.
        """
        self._runner.require_lease()
        loaded = await self._tools.find(request.tool_name)
        await self._require_reach(loaded, request)
        if loaded is None:
            return await self._refuse(request, "", errors.tool_not_found(request.tool_name)), request
        try:
            request.lease.require_whole("task_id", "fencing_token")
            loaded.require_not_paused()
            arguments = await beside(request.size, loaded.read, request.arguments, request.size)
        except ServiceError as refusal:
            return await self._refuse(request, loaded.tool.etag, refusal), request
        request.arguments = arguments
        request.digests = await beside(request.size, intent_digests, arguments)
        asks = await beside(request.size, loaded.needs_approval, arguments)
        try:
            earlier, request = await self._let_in(loaded, request, asks=asks)
        except ServiceError as refusal:
            return await self._refuse(request, loaded.tool.etag, refusal), request
        if earlier is None and asks and not request.grant_id:
            earlier = await self._await_approval(loaded, request)
        return earlier or loaded, request

    async def _require_reach(self, loaded: LoadedTool | None, request: InvocationRequest) -> None:
        """Refuses what the caller is not shown as what there is not, and what it sees and may not run by its name.

        Both are recorded and audited as denials. Of what is not shown that tells no more than the refusal does: it is
        said of names that there are and of others.

        Raises:
            ServiceError: TOOL_NOT_FOUND, PERMISSION_DENIED.
        """
        call = current_context.get()
        refusal = None
        if reach.seen_by(call.principal) is not None and (
            loaded is None or not reach.may_see(call.principal, loaded.tool)
        ):
            refusal = errors.tool_not_found(request.tool_name)
        elif loaded is not None and not reach.may_run(call.principal, loaded.tool):
            refusal = errors.tool_not_permitted(request.tool_name)
        if refusal is not None:
            call.denial = errors.tool_not_permitted(request.tool_name)
            digests = await beside(request.size, intent_digests, request.arguments)
            # Also where its idempotency_key is known: what that once ran is not for this caller either.
            await self.record_refusal(replace(request, digests=digests), refusal)
            raise refusal
        if loaded is not None:
            tool = loaded.tool
            call.is_for = lambda principal: reach.may_run(principal, tool)

    async def _let_in(
        self, loaded: LoadedTool, request: InvocationRequest, *, asks: bool
    ) -> tuple[Invocation | None, InvocationRequest]:
        """The earlier invocation of which this is a retry, where that is looked up before, else None; and the request.

        It then has its id, under a lease, and the grant by which it runs without a human, where there is one.

        Raises:
            ServiceError: ARGUMENTS_INVALID where humans cannot be asked about these; LEASE_LOST, TASK_NOT_FOUND, or
                UNAVAILABLE where nobody can say whether the lease holds; TOOL_BUSY, TOOL_LIMIT_REACHED.
        """
        charges = self._limits.charges(current_context.get().principal, loaded.tool)
        if charges:
            self._limits.require_left(charges)
            request = replace(request, charges=charges)
        if (asks or request.lease) and (earlier := await self._earlier.of_key(request)) is not None:
            return earlier, request
        if asks:
            request = await self._granted(loaded, request)
            asks = not request.grant_id
        if asks and (faults := await beside(request.size, askable.faults, request.arguments)):
            raise errors.arguments_not_askable(request.tool_name, faults)
        if request.lease:
            request = replace(request, invocation_id=new_row_id())
            await self._runner.require_leased(loaded, request, asks=asks)
        if not asks and not self._runner.has_room(loaded.tool, current_context.get().principal):
            raise errors.tool_busy(request.tool_name)
        return None, request

    async def _granted(self, loaded: LoadedTool, request: InvocationRequest) -> InvocationRequest:
        """The request with the grant by which it runs without a human, which is used now; as it is where there is none.

        Raises:
            ServiceError: TOOL_BUSY; no grant is used then.
        """
        permitting = await self._grants.permitting(loaded, request)
        if permitting and not self._runner.has_room(loaded.tool, current_context.get().principal):
            raise errors.tool_busy(request.tool_name)
        return replace(request, grant_id=await self._grants.spend(permitting))

    async def _refuse(self, request: InvocationRequest, tool_etag: str, error: ServiceError) -> Invocation:
        """Records a refused request and raises; a retry of an accepted one gets that instead."""
        if (earlier := await self._earlier.of_key(request)) is not None:
            return earlier
        if request.digests is None:
            request = replace(request, digests=await beside(request.size, intent_digests, request.arguments))
        intent = await self._runner.refuse(request, tool_etag, error)
        error.metadata = {**error.metadata, "invocation_id": str(intent.id)}
        raise error

    async def record_refusal(self, request: InvocationRequest, error: ServiceError) -> None:
        """Records a request that was refused before it was looked at; the error then names the record."""
        intent = await self._runner.refuse(request, "", error)
        error.metadata = {**error.metadata, "invocation_id": str(intent.id)}

    async def _await_approval(self, loaded: LoadedTool, request: InvocationRequest) -> Invocation:
        """Records a request that humans must approve; nothing of it stays in this process."""
        intent = self._runner.intent(request, loaded.tool.etag, "awaiting_approval")
        holder = await self._record(intent, request)
        if holder != intent.id:
            return await self._not_begun(holder, loaded, request)
        approval = Approval(approvals_store.human_request_id(intent.id))
        return Invocation(intent, "awaiting_approval", approval=approval)
