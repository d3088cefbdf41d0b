"""Takes requests to run a tool: checks them, runs each at most once, and finds the outcome of those that ran before."""

import asyncio
from dataclasses import replace
from uuid import UUID

import structlog
import uuid_utils.compat as uuid

from servicekit.errors import ServiceError
from servicekit.idempotency import idempotency_key_reused
from servicekit.large import beside
from servicekit.notifications import Waiters, wait_for
from servicekit.postgres import COMMIT, Database
from servicekit.request_context import current_context
from servicekit.waiting import waiting_for
from services.tools import errors, reach
from services.tools.audit.receipts import intent_digests, same_arguments
from services.tools.audit.recording import Recorder
from services.tools.audit.store import approvals as approvals_store
from services.tools.audit.store import invocations as store
from services.tools.catalogue.loading import LoadedTool, LoadedTools
from services.tools.execution import askable
from services.tools.execution.active import ActiveInvocation, InvocationRequest
from services.tools.execution.detached import DetachedRuns
from services.tools.execution.runner import Runner
from services.tools.models import Approval, Intent, Invocation

logger = structlog.get_logger(__name__)

# Of waits for an outcome that another replica may record: a notification may get lost.
LOOK_AGAIN_SECONDS = 1.0


class Execution:
    """What callers ask to be run."""

    def __init__(
        self,
        database: Database,
        waiters: Waiters,
        tools: LoadedTools,
        recorder: Recorder,
        runner: Runner,
        detached: DetachedRuns,
    ) -> None:
        self._database = database
        self._waiters = waiters
        self._tools = tools
        self._recorder = recorder
        self._runner = runner
        self._detached = detached

    async def invoke(self, request: InvocationRequest) -> Invocation:
        """Runs a tool and waits for its end; where humans must approve first, it returns as it was recorded.

        Raises:
            ServiceError: TOOL_NOT_FOUND, PERMISSION_DENIED, ARGUMENTS_INVALID, TOOL_BUSY (all recorded),
                IDEMPOTENCY_KEY_REUSED, UNAVAILABLE.
        """
        loaded, request = await self._admit(request)
        if isinstance(loaded, Invocation):
            return await self._ended(loaded)
        intent, active = self._runner.begin(loaded, request)
        try:
            holder = await self._recorder.record_intent(intent)
            if holder == intent.id:
                outcome = await self._runner.run(loaded, intent, request, active)
                return Invocation(intent, outcome.status, outcome)
        finally:
            self._runner.close(intent, loaded)
        return await self._ended(await self._earlier(holder, request))

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
        begun: asyncio.Future[Invocation] = asyncio.get_running_loop().create_future()
        run = self._run_beside(loaded, request, intent, active, begun)
        self._detached.begin(run, loaded.tool, request, active)
        with waiting_for(COMMIT):
            return await asyncio.shield(begun)

    async def _run_beside(
        self,
        loaded: LoadedTool,
        request: InvocationRequest,
        intent: Intent,
        active: ActiveInvocation,
        begun: "asyncio.Future[Invocation]",
    ) -> None:
        try:
            holder = await self._recorder.record_intent(intent)
            if holder != intent.id:
                begun.set_result(await self._earlier(holder, request))
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
            arguments = await beside(request.size, loaded.read, request.arguments)
        except ServiceError as refusal:
            return await self._refuse(request, loaded.tool.etag, refusal), request
        digests = await beside(request.size, intent_digests, arguments)
        request = replace(request, arguments=arguments, digests=digests)
        asks = await beside(request.size, loaded.needs_approval, arguments)
        try:
            earlier, request = await self._let_in(loaded, request, asks=asks)
        except ServiceError as refusal:
            return await self._refuse(request, loaded.tool.etag, refusal), request
        if earlier is None and asks:
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
        """The earlier invocation of which this is a retry, under a lease, else None; and the request with its id.

        Raises:
            ServiceError: ARGUMENTS_INVALID where humans cannot be asked about these; LEASE_LOST, TASK_NOT_FOUND, or
                UNAVAILABLE where nobody can say whether the lease holds; TOOL_BUSY.
        """
        if asks and (faults := await beside(request.size, askable.faults, request.arguments)):
            raise errors.arguments_not_askable(request.tool_name, faults)
        if request.lease:
            if (earlier := await self._holder_of_key(request)) is not None:
                return earlier, request
            request = replace(request, invocation_id=uuid.uuid7())
            await self._runner.require_leased(loaded, request, asks=asks)
        if not asks and not self._runner.has_room(loaded.tool, current_context.get().principal):
            raise errors.tool_busy(request.tool_name)
        return None, request

    async def _refuse(self, request: InvocationRequest, tool_etag: str, error: ServiceError) -> Invocation:
        """Records a refused request and raises; a retry of an accepted one gets that instead."""
        if (earlier := await self._holder_of_key(request)) is not None:
            return earlier
        if request.digests is None:
            request = replace(request, digests=await beside(request.size, intent_digests, request.arguments))
        intent = await self._runner.refuse(request, tool_etag, error)
        error.metadata = {**error.metadata, "invocation_id": str(intent.id)}
        raise error

    async def _holder_of_key(self, request: InvocationRequest) -> Invocation | None:
        """The invocation that holds the idempotency_key already; None where none does."""
        if not request.idempotency_key:
            return None
        async with self._database.connection() as connection:
            holder = await store.id_of_idempotency_key(connection, request.principal, request.idempotency_key)
        return None if holder is None else await self._earlier(holder, request)

    async def record_refusal(self, request: InvocationRequest, error: ServiceError) -> None:
        """Records a request that was refused before it was looked at; the error then names the record."""
        intent = await self._runner.refuse(request, "", error)
        error.metadata = {**error.metadata, "invocation_id": str(intent.id)}

    async def _await_approval(self, loaded: LoadedTool, request: InvocationRequest) -> Invocation:
        """Records a request that humans must approve; nothing of it stays in this process."""
        intent = self._runner.intent(request, loaded.tool.etag, "awaiting_approval")
        holder = await self._recorder.record_intent(intent)
        if holder != intent.id:
            return await self._earlier(holder, request)
        approval = Approval(approvals_store.human_request_id(intent.id))
        return Invocation(intent, "awaiting_approval", approval=approval)

    async def _earlier(self, holder: UUID, request: InvocationRequest) -> Invocation:
        """The invocation that holds the idempotency_key, if it is the same request."""
        earlier = await self._read(holder)
        same_place = (earlier.intent.tool_name, earlier.intent.lease) == (request.tool_name, request.lease)
        if not same_place or not await beside(request.size, same_arguments, earlier.intent, request.arguments):
            raise idempotency_key_reused(request.idempotency_key)
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
