"""Runs tools within their number of slots, in the call of who waits or beside it, and records how each run ended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic

import structlog

from servicekit.errors import ServiceError
from servicekit.identity.principal import Principal
from servicekit.request_context import current_context
from servicekit.time_limits import TimeLimits
from services.tools import errors
from services.tools.audit.outcome import cancelled, outcome_of
from services.tools.audit.recording import Recorder
from services.tools.catalogue.loading import LoadedTool
from services.tools.execution.active import ActiveInvocation, ActiveInvocations, InvocationRequest
from services.tools.execution.detached import DetachedRuns
from services.tools.execution.lease import Lease
from services.tools.execution.slots import Slots
from services.tools.execution.tool_run import run_tool
from services.tools.metrics import ToolMetrics
from services.tools.models import Approval, Begun, Intent, Invocation, Outcome, Tool

logger = structlog.get_logger(__name__)

# As long as hitl lets a question stand that names no time.
DEFAULT_APPROVAL_SECONDS = 3_600


class Runner:
    """What runs in this process."""

    def __init__(
        self,
        recorder: Recorder,
        active: ActiveInvocations,
        slots: Slots,
        lease: Lease,
        metrics: ToolMetrics,
        detached: DetachedRuns,
    ) -> None:
        self._recorder = recorder
        self._active = active
        self._slots = slots
        self._lease = lease
        self._metrics = metrics
        self._detached = detached
        self._limits = TimeLimits()
        # True once the server is being stopped: what is cut off then was interrupted, not abandoned by its caller.
        self._stopping = False

    @asynccontextmanager
    async def running(self, grace_seconds: float) -> AsyncIterator[None]:
        """When the block ends, invocations that were started without a waiting caller get a time to end."""
        try:
            yield
        finally:
            await self._detached.ended(grace_seconds)
            for active in list(self._active.values()):
                active.stop("INTERRUPTED")
            # Bounded, for their outcomes may wait for a database that is away.
            await self._detached.ended(grace_seconds)

    def stop(self) -> None:
        """Takes over nothing that was approved any more; the server is about to stop."""
        self._stopping = True

    def require_lease(self) -> None:
        """Begins nothing while others may take this process for dead.

        Raises:
            ServiceError: UNAVAILABLE.
        """
        if not self._lease.held:
            raise errors.lease_lost()

    def has_room(self, tool: Tool, caller: Principal) -> bool:
        """Whether a run of it may begin, or wait for a slot."""
        return self._slots.has_room(tool) and self._slots.has_share(tool, caller.name, caller.limits.long)

    async def require_leased(self, loaded: LoadedTool, request: InvocationRequest, *, asks: bool) -> None:
        """Asks whether the caller holds the lease that it names; that is kept as long as this may take.

        Args:
            loaded: what is to run.
            request: for whom, and under which lease.
            asks: whether humans are asked before it runs.

        Raises:
            ServiceError: LEASE_LOST, TASK_NOT_FOUND; UNAVAILABLE where nobody can say.
        """
        seconds = self._slots.seconds_to_end(loaded.tool, loaded.timeout_seconds)
        if asks and loaded.tool.approval is not None:
            seconds += loaded.tool.approval.timeout_seconds or DEFAULT_APPROVAL_SECONDS
        await self._active.leased.begin(
            str(request.invocation_id), request.lease, request.principal, request.tool_name, seconds
        )

    def begin(self, loaded: LoadedTool, request: InvocationRequest) -> tuple[Intent, ActiveInvocation]:
        """Takes a run in; it must be closed, whatever comes of it."""
        begins = self._slots.enter(loaded.tool, request.principal)
        intent = self.intent(request, loaded.tool.etag, "running" if begins else "pending")
        return intent, self._active.open(intent.id, queued=not begins)

    def close(self, intent: Intent, loaded: LoadedTool) -> None:
        """The run is over."""
        self._slots.leave(loaded.tool, intent.principal)
        self._active.close(intent.id)

    def intent(self, request: InvocationRequest, tool_etag: str, begun_as: Begun, *, refused: bool = False) -> Intent:
        return self._recorder.new_intent(
            tool_name=request.tool_name,
            tool_etag=tool_etag,
            arguments=request.arguments,
            principal=request.principal,
            correlation_id=request.correlation_id,
            idempotency_key=request.idempotency_key,
            reference=request.sponsor.reference,
            lease=request.lease,
            grant_id=request.grant_id,
            begun_as=begun_as,
            refused=refused,
            digests=request.digests,
            invocation_id=request.invocation_id,
        )

    async def refuse(self, request: InvocationRequest, tool_etag: str, error: ServiceError) -> Intent:
        """Records that nothing was run, and why."""
        intent = self.intent(request, tool_etag, "running", refused=True)
        self._active.open(intent.id)
        try:
            await self._recorder.record_intent(intent)
            await self._recorder.record_outcome(
                outcome_of(intent, "failed", error=error.message, error_reason=error.reason)
            )
        finally:
            self._active.close(intent.id)
        self._metrics.refused(request.tool_name if tool_etag else "", error.reason)
        return intent

    async def run(
        self, loaded: LoadedTool, intent: Intent, request: InvocationRequest, active: ActiveInvocation
    ) -> Outcome:
        """Runs the tool when it has a slot, and records how it ended; returns the outcome on record."""
        task = asyncio.current_task()
        assert task is not None
        began = monotonic()
        try:
            active.begin(task)
            async with self._slots.taken(loaded.tool):
                if active.queued:
                    await active.happened(Invocation(intent, "running"))
                outcome = await run_tool(loaded, intent, request, active, self._limits)
        except (asyncio.CancelledError, GeneratorExit):
            if not active.stop_reason:
                # Nobody waits for the record: the caller went away or lost its access, its deadline passed, or the
                # server stops.
                reason = "INTERRUPTED" if self._stopping else _why_nobody_waits()
                self._recorder.record_outcome_unwatched(cancelled(intent, reason, active.approval))
                self._metrics.ended(loaded.tool.name, "cancelled", 0)
                raise
            task.uncancel()
            outcome = cancelled(intent, active.stop_reason)
        finally:
            active.end()
        if active.approval is None:
            seconds = outcome.duration_ms / 1000
        else:
            # How long humans took says nothing of the tool.
            seconds = monotonic() - began
            outcome = replace(outcome, approval=active.approval)
        self._metrics.ended(loaded.tool.name, outcome.status, seconds)
        recorded = await self._recorder.record_outcome(outcome)
        if intent.lease:
            # Before its caller hears of it, who may go and show it as evidence.
            await self._active.leased.tell(str(intent.id))
        return recorded

    async def run_beside(self, loaded: LoadedTool, request: InvocationRequest) -> Outcome:
        """Records and runs what nobody waits for as its caller.

        Raises:
            ServiceError: TOOL_BUSY, UNAVAILABLE.
        """
        if self._stopping or not self._slots.has_room(loaded.tool):
            raise errors.tool_busy(loaded.tool.name)
        intent, active = self.begin(loaded, request)
        try:
            await self._recorder.record_intent(intent)
            return await self.run(loaded, intent, request, active)
        finally:
            self.close(intent, loaded)

    async def run_approved(
        self,
        loaded: LoadedTool,
        invocation: Invocation,
        request: InvocationRequest,
        claim: Callable[[bool], Awaitable[Approval | None]],
    ) -> bool:
        """Claims what humans approved, and runs it in the background.

        Args:
            loaded: the tool.
            invocation: what was approved.
            request: what to run, with the arguments that were approved.
            claim: records the decision for this process unless another was faster; told whether the run begins at once.
                It gives the approval as it is on record then.

        Returns:
            False when it cannot be run here now: nothing was claimed then.
        """
        intent = invocation.intent
        if self._stopping or not self._lease.held or intent.id in self._active:
            return False
        if not self._slots.has_room(loaded.tool) or self._detached.full:
            return False
        begins = self._slots.enter(loaded.tool, intent.principal)
        active = self._active.open(
            intent.id, queued=not begins, approval=invocation.approval, sequence=2 if begins else 1
        )
        claimed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def claim_and_run() -> None:
            try:
                approval = await claim(begins)
                if approval is None:
                    return
                active.approval = approval
                claimed.set_result(True)
                if not self._lease.held:
                    # It took so long that others may have taken this process for dead.
                    active.stop("INTERRUPTED")
                self._recorder.announce(intent.id)
                await self.run(loaded, intent, request, active)
            except Exception:
                logger.exception("approved_invocation_failed", tool=request.tool_name)
            finally:
                if not claimed.done():
                    claimed.set_result(False)
                self.close(intent, loaded)

        # Not by the caller's own task: who is stopped between the claim and the run would leave it open.
        self._detached.begin(claim_and_run(), loaded.tool, request, active)
        return await asyncio.shield(claimed)


def _why_nobody_waits() -> str:
    call = current_context.get(None)
    return "ACCESS_ENDED" if call is not None and call.ended is not None else "CALLER_GONE"
