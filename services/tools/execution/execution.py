"""Runs tools: at most once, within their time and their number of places, and always with an ending on record."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import UUID

import structlog

from servicekit.errors import ServiceError, overloaded
from servicekit.idempotency import idempotency_key_reused
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import Database
from services.tools import errors
from services.tools.audit.receipts import same_arguments
from services.tools.audit.recording import Recorder, ended
from services.tools.audit.store import approvals as approvals_store
from services.tools.audit.store import invocations as store
from services.tools.catalogue.catalogue import LoadedTool, Registry
from services.tools.execution.active import Order, Running
from services.tools.execution.outcomes import cancelled, outcome
from services.tools.execution.slots import Places
from services.tools.metrics import Measures
from services.tools.models import Approval, Begun, Ending, Intent, Invocation

logger = structlog.get_logger(__name__)

MOST_DETACHED = 10_000
# Of waits for an ending that another replica may write: a notification may get lost.
LOOK_AGAIN_SECONDS = 1.0


class Execution:
    """Takes orders. `open` holds what this process has begun and not ended."""

    def __init__(
        self,
        registry: Registry,
        recorder: Recorder,
        database: Database,
        waiters: Waiters,
        measures: Measures,
        queue_per_slot: int,
    ) -> None:
        self._registry = registry
        self._recorder = recorder
        self._database = database
        self._waiters = waiters
        self._measures = measures
        self._places = Places(queue_per_slot)
        self._detached: set[asyncio.Task[None]] = set()
        # Until when the database has been shown that this process is alive.
        self.alive_until = 0.0
        # Told what awaits its approval from now on.
        self.awaited: Callable[[UUID], None] = lambda _: None
        # True once the server is being stopped: what is cut off then was interrupted, not abandoned by its caller.
        self.stopping = False
        self.open: dict[UUID, Running] = {}
        measures.in_flight = lambda: len(self.open)

    @asynccontextmanager
    async def executing(self, grace_seconds: float) -> AsyncIterator[None]:
        """When the block ends, invocations that were started without a waiting caller get a time to end."""
        try:
            yield
        finally:
            if self._detached:
                await asyncio.wait(self._detached, timeout=grace_seconds)
            for running in list(self.open.values()):
                running.stop("INTERRUPTED")
            if self._detached:
                # Bounded, for their endings may wait for a database that is away.
                await asyncio.wait(self._detached, timeout=grace_seconds)

    async def invoke(self, order: Order) -> Invocation:
        """Runs a tool and waits for its end; where humans must approve first, it returns as it was recorded.

        Raises:
            ServiceError: TOOL_NOT_FOUND, ARGUMENTS_INVALID, TOOL_BUSY (all recorded), IDEMPOTENCY_KEY_REUSED,
                UNAVAILABLE.
        """
        loaded = await self._admit(order)
        if isinstance(loaded, Invocation):
            return await self._ended(loaded)
        intent, running = self._begin(loaded, order)
        try:
            holder = await self._recorder.begin(intent)
            if holder == intent.id:
                ending = await self._run(loaded, intent, order, running)
                return Invocation(intent, ending.status, ending)
        finally:
            self._close(intent, loaded)
        return await self._ended(await self._earlier(holder, order))

    async def start(self, order: Order) -> Invocation:
        """Records an order and runs it in the background; returns it as it was begun, or the earlier one as it stands.

        Raises:
            ServiceError: as invoke.
        """
        loaded = await self._admit(order)
        if isinstance(loaded, Invocation):
            return loaded
        if len(self._detached) >= MOST_DETACHED:
            raise overloaded()
        intent, running = self._begin(loaded, order)
        begun: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        self._detach(self._run_detached(loaded, order, intent, running, begun))
        return await asyncio.shield(begun)

    async def run_approved(
        self, loaded: LoadedTool, invocation: Invocation, order: Order, claim: Callable[[bool], Awaitable[bool]]
    ) -> bool:
        """Claims what humans approved, and runs it in the background.

        Args:
            loaded: the tool.
            invocation: what was approved, with the approval as it shall be recorded.
            order: what to run, with the arguments that were approved.
            claim: records the decision for this process unless another was faster; told whether the run begins at once.

        Returns:
            False when it cannot be run here now: nothing was claimed then.
        """
        identity = invocation.intent.id
        if self.stopping or monotonic() > self.alive_until or identity in self.open:
            return False
        if not self._places.has_room(loaded.tool) or len(self._detached) >= MOST_DETACHED:
            return False
        begins = self._places.enter(loaded.tool)
        running = Running(
            identity, self._database, queued=not begins, approval=invocation.approval, sequence=2 if begins else 1
        )
        self.open[identity] = running
        claimed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def claim_and_run() -> None:
            try:
                if not await claim(begins):
                    return
                claimed.set_result(True)
                if monotonic() > self.alive_until:
                    # It took so long that others may have taken this process for dead.
                    running.stop("INTERRUPTED")
                self._recorder.announce(identity)
                await self._run(loaded, invocation.intent, order, running)
            except Exception:
                logger.exception("approved_invocation_failed", tool=order.tool_name)
            finally:
                if not claimed.done():
                    claimed.set_result(False)
                self._close(invocation.intent, loaded)

        # Not by the caller's own task: who is stopped between the claim and the run would leave it open.
        self._detach(claim_and_run())
        return await asyncio.shield(claimed)

    def oldest_open(self) -> UUID | None:
        """The first that was begun here and has not ended. What runs after an approval is found by its decision."""
        return min((identity for identity, running in self.open.items() if running.approval is None), default=None)

    def orphaned(self, intent: Intent) -> None:
        """An intent was recorded, but its caller had gone: nothing was run."""
        if intent.begun_as == "awaiting_approval":
            # It goes on without its caller anyway.
            self.awaited(intent.id)
        else:
            self._recorder.end_unwatched(cancelled(intent, "CALLER_GONE"))

    def _detach(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)

    async def _run_detached(
        self, loaded: LoadedTool, order: Order, intent: Intent, running: Running, begun: "asyncio.Future[Invocation]"
    ) -> None:
        try:
            holder = await self._recorder.begin(intent)
            if holder != intent.id:
                begun.set_result(await self._earlier(holder, order))
                return
            self._recorder.announce(intent.id)
            begun.set_result(Invocation(intent, intent.begun_as))
            await self._run(loaded, intent, order, running)
        except Exception as error:
            if not begun.done():
                begun.set_exception(error)
                # The caller may have gone; asyncio would then report the exception as never retrieved.
                begun.exception()
            else:
                logger.exception("detached_invocation_failed", tool=order.tool_name)
        finally:
            self._close(intent, loaded)

    async def _admit(self, order: Order) -> LoadedTool | Invocation:
        """The tool to run; or an invocation that need not be run now.

        That is one which awaits its approval, or the earlier one where a refused order repeats what was accepted.
        """
        if monotonic() > self.alive_until:
            raise errors.lease_lost()
        loaded = await self._registry.find(order.tool_name)
        if loaded is None:
            return await self._refuse(order, "", errors.tool_not_found(order.tool_name))
        faults = loaded.input_schema.faults(order.arguments)
        if faults:
            refusal = errors.arguments_invalid(order.tool_name, faults, "")
            return await self._refuse(order, loaded.tool.etag, refusal)
        if loaded.needs_approval(order.arguments):
            return await self._await_approval(loaded, order)
        if not self._places.has_room(loaded.tool):
            return await self._refuse(order, loaded.tool.etag, errors.tool_busy(order.tool_name))
        return loaded

    async def _refuse(self, order: Order, tool_etag: str, error: ServiceError) -> Invocation:
        """Records a refused order and raises; a retry of an accepted one gets that instead."""
        if order.idempotency_key:
            async with self._database.connection() as connection:
                holder = await store.id_of_idempotency_key(connection, order.principal, order.idempotency_key)
            if holder is not None:
                return await self._earlier(holder, order)
        intent = self._intent(order, tool_etag, "running", refused=True)
        self.open[intent.id] = Running(intent.id, self._database, queued=False)
        try:
            await self._recorder.begin(intent)
            await self._recorder.end(ended(intent, "failed", error=error.message, error_reason=error.reason))
        finally:
            del self.open[intent.id]
        self._measures.refused(order.tool_name if tool_etag else "", error.reason)
        error.metadata = {**error.metadata, "invocation_id": str(intent.id)}
        raise error

    async def _await_approval(self, loaded: LoadedTool, order: Order) -> Invocation:
        """Records an order that humans must approve; nothing of it stays in this process."""
        intent = self._intent(order, loaded.tool.etag, "awaiting_approval")
        holder = await self._recorder.begin(intent)
        if holder != intent.id:
            return await self._earlier(holder, order)
        self.awaited(intent.id)
        approval = Approval(approvals_store.human_request_id(intent.id))
        return Invocation(intent, "awaiting_approval", approval=approval)

    def _intent(self, order: Order, tool_etag: str, begun_as: Begun, *, refused: bool = False) -> Intent:
        return self._recorder.intent(
            tool_name=order.tool_name,
            tool_etag=tool_etag,
            arguments=order.arguments,
            principal=order.principal,
            correlation_id=order.correlation_id,
            idempotency_key=order.idempotency_key,
            begun_as=begun_as,
            refused=refused,
        )

    def _begin(self, loaded: LoadedTool, order: Order) -> tuple[Intent, Running]:
        begins = self._places.enter(loaded.tool)
        intent = self._intent(order, loaded.tool.etag, "running" if begins else "pending")
        running = Running(intent.id, self._database, queued=not begins)
        self.open[intent.id] = running
        return intent, running

    def _close(self, intent: Intent, loaded: LoadedTool) -> None:
        del self.open[intent.id]
        self._places.leave(loaded.tool)
        if self._waiters:
            self._waiters.wake(str(intent.id))

    async def _run(self, loaded: LoadedTool, intent: Intent, order: Order, running: Running) -> Ending:
        """Runs the tool when it has a place, and records how it ended."""
        task = asyncio.current_task()
        assert task is not None
        running.task = task
        began = monotonic()
        try:
            running.require_wanted()
            async with self._places.taken(loaded.tool):
                if running.queued:
                    await running.happened(Invocation(intent, "running"))
                ending = await outcome(loaded, intent, order, running)
        except asyncio.CancelledError:
            if not running.ending_because:
                # Nobody waits for the record: the caller went away, its deadline passed, or the server stops.
                reason = "INTERRUPTED" if self.stopping else "CALLER_GONE"
                self._recorder.end_unwatched(_with(running.approval, cancelled(intent, reason)))
                self._measures.ended(loaded.tool.name, "cancelled", 0)
                raise
            task.uncancel()
            ending = cancelled(intent, running.ending_because)
        finally:
            running.task = None
        if running.approval is None:
            seconds = ending.duration_ms / 1000
        else:
            # How long humans took says nothing of the tool.
            seconds = monotonic() - began
            ending = _with(running.approval, ending)
        self._measures.ended(loaded.tool.name, ending.status, seconds)
        return await self._recorder.end(ending)

    async def _earlier(self, holder: UUID, order: Order) -> Invocation:
        """The invocation that holds the idempotency_key, if it is the same order."""
        earlier = await self._read(holder)
        if earlier.intent.tool_name != order.tool_name or not same_arguments(earlier.intent, order.arguments):
            raise idempotency_key_reused(order.idempotency_key)
        return earlier

    async def _ended(self, invocation: Invocation) -> Invocation:
        """The invocation once it has ended, wherever it runs; at once where humans must approve first."""
        with self._waiters.registered(str(invocation.intent.id)) as woken:
            while not invocation.ended and invocation.status != "awaiting_approval":
                await wait_for(woken, LOOK_AGAIN_SECONDS)
                woken.clear()
                invocation = await self._read(invocation.intent.id)
        return invocation

    async def _read(self, invocation_id: UUID) -> Invocation:
        async with self._database.connection() as connection:
            found = await store.get(connection, invocation_id)
        assert found is not None, "invocations are never deleted"
        return found


def _with(approval: Approval | None, ending: Ending) -> Ending:
    return ending if approval is None else replace(ending, approval=approval)
