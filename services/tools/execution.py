"""Runs tools: at most once, within their time and their number of places, and always with an ending on record."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog
from pydantic_core import PydanticSerializationError, to_jsonable_python

from servicekit.addresses import AddressNotAllowedError
from servicekit.errors import ServiceError, overloaded
from servicekit.idempotency import request_id_reused
from servicekit.notifications import Wakeups, wait_for
from servicekit.postgres import CONNECTION_ERRORS, Database
from services.tools import errors
from services.tools.canonical import canonical
from services.tools.http_tools import UpstreamError
from services.tools.measures import Measures
from services.tools.models import Ending, Event, FinalStatus, Intent, Invocation, Json, Progress
from services.tools.places import Places
from services.tools.receipts import same_arguments
from services.tools.recording import Recorder, ended
from services.tools.registry import LoadedTool, Registry
from services.tools.store import invocations as store

logger = structlog.get_logger(__name__)

MOST_DETACHED = 10_000
# Progress reports: kept at most this often a second, and this many an invocation.
REPORTS_A_SECOND = 10
MOST_REPORTS = 1_000
LONGEST_ERROR = 4_000
# Of waits for an ending that another replica may write: a notification may get lost.
LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller wants run, under which ids, and who it is."""

    tool_name: str
    arguments: dict[str, Json]
    principal: str
    correlation_id: str
    request_id: str

    def headers(self, invocation_id: UUID) -> Mapping[str, str]:
        """What goes along to HTTP and gRPC tools, so that their logs can be joined with ours."""
        # gRPC's metadata takes ASCII only.
        correlation_id = self.correlation_id if self.correlation_id.isascii() else quote(self.correlation_id)
        return {"x-correlation-id": correlation_id, "x-qmcp-invocation-id": str(invocation_id)}


class Running:
    """An invocation that this process has open; what a running tool reports to."""

    def __init__(self, invocation_id: UUID, database: Database) -> None:
        self._id = invocation_id
        self._database = database
        # Set while the tool runs: what to cancel.
        self.task: asyncio.Task[Any] | None = None
        # Why it is being ended; "" as long as nobody wants that.
        self.ending_because = ""
        self._sequence = 1
        self._reported_at = 0.0

    def stop(self, reason: str) -> None:
        """Ends it; the reason is recorded."""
        if not self.ending_because:
            self.ending_because = reason
            if self.task is not None:
                self.task.cancel()

    def require_wanted(self) -> None:
        """Begins nothing that was ended before it began."""
        if self.ending_because:
            raise asyncio.CancelledError

    async def report(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Implements `plugins.Run`."""
        now = monotonic()
        if now - self._reported_at < 1 / REPORTS_A_SECOND or self._sequence > MOST_REPORTS:
            return
        self._reported_at = now
        try:
            await self.happened(Progress(float(progress), None if total is None else float(total), message[:1024]))
        except CONNECTION_ERRORS as error:
            # A report that nobody sees is no reason for the tool to fail.
            logger.warning("progress_not_recorded", invocation_id=str(self._id), error=str(error))

    async def happened(self, what: Progress | Invocation) -> None:
        """Writes an event and tells the watchers."""
        self._sequence += 1
        async with self._database.connection() as connection:
            await store.insert_event(connection, self._id, Event(self._sequence, datetime.now(UTC), what))


class Execution:
    """Takes orders. `open` holds what this process has begun and not ended."""

    def __init__(
        self,
        registry: Registry,
        recorder: Recorder,
        database: Database,
        wakeups: Wakeups,
        measures: Measures,
        queue_per_place: int,
    ) -> None:
        self._registry = registry
        self._recorder = recorder
        self._database = database
        self._wakeups = wakeups
        self._measures = measures
        self._places = Places(queue_per_place)
        self._detached: set[asyncio.Task[None]] = set()
        # Until when the database has been shown that this process is alive.
        self.alive_until = 0.0
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
        """Runs a tool and waits for its end.

        Raises:
            ServiceError: TOOL_NOT_FOUND, ARGUMENTS_INVALID, TOOL_BUSY (all recorded), REQUEST_ID_REUSED, UNAVAILABLE.
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
        task = asyncio.create_task(self._run_detached(loaded, order, intent, running, begun))
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)
        return await asyncio.shield(begun)

    def orphaned(self, intent: Intent) -> None:
        """An intent was recorded, but its caller had gone: nothing was run."""
        self._recorder.end_unwatched(_cancelled(intent, "CALLER_GONE"))

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
        """The tool to run; or the earlier invocation, where a refused order repeats one that was accepted."""
        if monotonic() > self.alive_until:
            raise errors.writer_cut_off()
        loaded = await self._registry.find(order.tool_name)
        if loaded is None:
            return await self._refuse(order, "", errors.tool_not_found(order.tool_name))
        faults = loaded.input_schema.faults(order.arguments)
        if faults:
            refusal = errors.arguments_invalid(order.tool_name, faults, "")
            return await self._refuse(order, loaded.tool.etag, refusal)
        if not self._places.has_room(loaded.tool):
            return await self._refuse(order, loaded.tool.etag, errors.tool_busy(order.tool_name))
        return loaded

    async def _refuse(self, order: Order, tool_etag: str, error: ServiceError) -> Invocation:
        """Records a refused order and raises; a retry of an accepted one gets that instead."""
        if order.request_id:
            async with self._database.connection() as connection:
                holder = await store.id_of_request(connection, order.principal, order.request_id)
            if holder is not None:
                return await self._earlier(holder, order)
        intent = self._recorder.intent(
            tool_name=order.tool_name,
            tool_etag=tool_etag,
            arguments=order.arguments,
            principal=order.principal,
            correlation_id=order.correlation_id,
            request_id=order.request_id,
            refused=True,
        )
        self.open[intent.id] = Running(intent.id, self._database)
        try:
            await self._recorder.begin(intent)
            await self._recorder.end(ended(intent, "failed", error=error.message, error_reason=error.reason))
        finally:
            del self.open[intent.id]
        self._measures.refused(order.tool_name if tool_etag else "", error.reason)
        error.metadata = {**error.metadata, "invocation_id": str(intent.id)}
        raise error

    def _begin(self, loaded: LoadedTool, order: Order) -> tuple[Intent, Running]:
        intent = self._recorder.intent(
            tool_name=order.tool_name,
            tool_etag=loaded.tool.etag,
            arguments=order.arguments,
            principal=order.principal,
            correlation_id=order.correlation_id,
            request_id=order.request_id,
            begun_as="running" if self._places.enter(loaded.tool) else "pending",
        )
        running = Running(intent.id, self._database)
        self.open[intent.id] = running
        return intent, running

    def _close(self, intent: Intent, loaded: LoadedTool) -> None:
        del self.open[intent.id]
        self._places.leave(loaded.tool)
        if self._wakeups:
            self._wakeups.wake(str(intent.id))

    async def _run(self, loaded: LoadedTool, intent: Intent, order: Order, running: Running) -> Ending:
        """Runs the tool when it has a place, and records how it ended."""
        task = asyncio.current_task()
        assert task is not None
        running.task = task
        try:
            running.require_wanted()
            async with self._places.taken(loaded.tool):
                if intent.begun_as == "pending":
                    await running.happened(Invocation(intent, "running"))
                ending = await _outcome(loaded, intent, order, running)
        except asyncio.CancelledError:
            if not running.ending_because:
                # Nobody waits for the record: the caller went away, its deadline passed, or the server stops.
                reason = "INTERRUPTED" if self.stopping else "CALLER_GONE"
                self._recorder.end_unwatched(_cancelled(intent, reason))
                self._measures.ended(loaded.tool.name, "cancelled", 0)
                raise
            task.uncancel()
            ending = _cancelled(intent, running.ending_because)
        finally:
            running.task = None
        self._measures.ended(loaded.tool.name, ending.status, ending.duration_ms / 1000)
        return await self._recorder.end(ending)

    async def _earlier(self, holder: UUID, order: Order) -> Invocation:
        """The invocation that holds the request_id, if it is the same order."""
        earlier = await self._read(holder)
        if earlier.intent.tool_name != order.tool_name or not same_arguments(earlier.intent, order.arguments):
            raise request_id_reused(order.request_id)
        return earlier

    async def _ended(self, invocation: Invocation) -> Invocation:
        """The invocation once it has ended, wherever it runs."""
        with self._wakeups.registered(str(invocation.intent.id)) as woken:
            while not invocation.ended:
                await wait_for(woken, LOOK_AGAIN_SECONDS)
                woken.clear()
                invocation = await self._read(invocation.intent.id)
        return invocation

    async def _read(self, invocation_id: UUID) -> Invocation:
        async with self._database.connection() as connection:
            found = await store.get(connection, invocation_id)
        assert found is not None, "invocations are never deleted"
        return found


async def _outcome(loaded: LoadedTool, intent: Intent, order: Order, running: Running) -> Ending:
    """Runs the tool within its time; whatever it does, this is an ending or a cancellation."""
    limit = asyncio.timeout(loaded.timeout_seconds)
    try:
        async with limit:
            value = await loaded.run(order.arguments, running, order.headers(intent.id))
    except asyncio.CancelledError:
        if running.task is not None and running.task.cancelling():
            raise
        return _failed(intent, "TOOL_RAISED", "CancelledError: the tool cancelled itself")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a tool may raise whatever it likes
        if isinstance(error, TimeoutError) and limit.expired():
            return _failed(intent, "TOOL_TIMEOUT", f"The tool did not end within {loaded.timeout_seconds} s.")
        return _failed(intent, *_why(error))
    return _checked(loaded, intent, value)


def _why(error: BaseException) -> tuple[str, str]:
    """The reason and the sentence for what a tool raised."""
    match error:
        case AddressNotAllowedError():
            return "ADDRESS_NOT_ALLOWED", str(error)
        case UpstreamError():
            return "UPSTREAM_FAILED", str(error)
        case ServiceError():
            return error.reason, error.message
        case _:
            return "TOOL_RAISED", f"{type(error).__name__}: {error}"


def _checked(loaded: LoadedTool, intent: Intent, value: Any) -> Ending:
    try:
        text = canonical(value)
    except (ValueError, TypeError):
        # Not JSON as it stands: dataclasses, models, dates, tuples become JSON where pydantic knows how.
        try:
            value = to_jsonable_python(value)
            text = canonical(value)
        except (ValueError, TypeError, PydanticSerializationError) as error:
            return _failed(intent, "OUTPUT_INVALID", f"The tool returned what is no JSON: {error}")
    faults = loaded.output_schema.faults(value)
    if faults:
        what = f"{faults[0].field}: {faults[0].description}"
        return _failed(intent, "OUTPUT_INVALID", f"The tool returned what its output schema forbids: {what}")
    return ended(intent, "success", result=text)


def _failed(intent: Intent, reason: str, why: str) -> Ending:
    return ended(intent, "failed", error=why[:LONGEST_ERROR], error_reason=reason)


WHY = {
    "CALLER_GONE": "The caller went away, or its deadline passed, before the tool ended.",
    "CANCELLED_BY_REQUEST": "It was cancelled by request.",
    "INTERRUPTED": "The replica that ran it was stopped before the tool ended; it was not run again.",
}


def _cancelled(intent: Intent, reason: str) -> Ending:
    status: FinalStatus = "failed" if reason == "INTERRUPTED" else "cancelled"
    return ended(intent, status, error=WHY[reason], error_reason=reason)
