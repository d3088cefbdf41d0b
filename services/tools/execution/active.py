"""What is asked for, and the invocations that this process has open: to these, running tools report."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog

from servicekit.database_errors import CONNECTION_ERRORS
from servicekit.identity.detached_work import NOBODY_CHECKS, Sponsor
from servicekit.leased_work import NO_LEASE, Lease, LeasedWork
from servicekit.masking import Mask
from servicekit.notifications import Waiters
from servicekit.postgres import Database
from services.tools.audit.store import invocations as store
from services.tools.limits.models import Charge
from services.tools.models import Approval, Event, Invocation, Json, Progress

logger = structlog.get_logger(__name__)

# Progress reports: kept at most this often a second, and this many an invocation.
REPORTS_A_SECOND = 10
MAX_REPORTS = 1_000


@dataclass(slots=True)
class InvocationRequest:
    """What a caller wants run, under which ids, and who it is.

    It is one call's own; what is worked out of it on the way in is put into it.
    """

    tool_name: str
    arguments: dict[str, Json]
    principal: str
    correlation_id: str
    idempotency_key: str
    # By what access says later whether the caller still may.
    sponsor: Sponsor = NOBODY_CHECKS
    # Under what it is done.
    lease: Lease = NO_LEASE
    # Which invocation it becomes, where that has been told already; None: whichever.
    invocation_id: UUID | None = None
    # How many bytes came in with it.
    size: int = 0
    # Canonical text of the arguments, salt and salted digest; None where they are made when they are needed.
    digests: tuple[str, bytes, bytes] | None = None
    # By which grant it runs without a human; empty where by none.
    grant_id: str = ""
    # What it takes of limits.
    charges: Sequence[Charge] = ()

    def headers(self, invocation_id: UUID) -> Mapping[str, str]:
        """What goes along to HTTP and gRPC tools, so that their logs can be joined with ours."""
        # gRPC's metadata takes ASCII only.
        correlation_id = self.correlation_id if self.correlation_id.isascii() else quote(self.correlation_id)
        given = {"x-correlation-id": correlation_id} if correlation_id else {}
        return {**given, "x-qmcp-invocation-id": str(invocation_id)}


class ActiveInvocation:
    """An invocation that this process has open; what its tool reports to."""

    def __init__(
        self,
        invocation_id: UUID,
        database: Database,
        mask: Callable[[], Mask],
        *,
        queued: bool,
        approval: Approval | None = None,
        sequence: int = 1,
    ) -> None:
        """Opens it.

        Args:
            invocation_id: which.
            database: where its events are written.
            mask: takes secrets out of what its tool says.
            queued: whether it waits for a slot, so that its start is an event of its own.
            approval: by which it runs; None where nobody was asked.
            sequence: the number of its last event so far.
        """
        self._id = invocation_id
        self._database = database
        self.mask = mask
        self.queued = queued
        self.approval = approval
        # What to cancel, while the tool runs.
        self._task: asyncio.Task[Any] | None = None
        # Why it is being ended; "" as long as nobody wants that.
        self.stop_reason = ""
        self._sequence = sequence
        self._reported_at = 0.0

    def stop(self, reason: str) -> None:
        """Ends it; the reason is recorded."""
        if not self.stop_reason:
            self.stop_reason = reason
            if self._task is not None:
                self._task.cancel()

    def begin(self, task: "asyncio.Task[Any]") -> None:
        """The task runs it from now on.

        Raises:
            CancelledError: it was ended before it began.
        """
        self._task = task
        if self.stop_reason:
            raise asyncio.CancelledError

    def end(self) -> None:
        """Nothing runs it any more."""
        self._task = None

    @property
    def being_cancelled(self) -> bool:
        return self._task is not None and self._task.cancelling() > 0

    async def report(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Implements `plugins.ToolContext`."""
        now = monotonic()
        if now - self._reported_at < 1 / REPORTS_A_SECOND or self._sequence > MAX_REPORTS:
            return
        self._reported_at = now
        try:
            await self.happened(
                Progress(float(progress), None if total is None else float(total), self.mask().text(message)[:1024])
            )
        except CONNECTION_ERRORS as error:
            # A report that nobody sees is no reason for the tool to fail.
            logger.warning("progress_not_recorded", invocation_id=str(self._id), error=str(error))

    async def happened(self, what: Progress | Invocation) -> None:
        """Writes an event and tells the watchers."""
        self._sequence += 1
        async with self._database.connection() as connection:
            await store.insert_event(connection, self._id, Event(self._sequence, datetime.now(UTC), what))


class ActiveInvocations(Mapping[UUID, ActiveInvocation]):
    """What this process has begun and not ended, by id."""

    def __init__(self, database: Database, waiters: Waiters, mask: Callable[[], Mask], leased: LeasedWork) -> None:
        """Takes where events are written, who waits, what takes secrets out, and what is told of work under leases."""
        self._database = database
        self._waiters = waiters
        self._mask = mask
        self.leased = leased
        self._open: dict[UUID, ActiveInvocation] = {}

    def __getitem__(self, invocation_id: UUID) -> ActiveInvocation:
        return self._open[invocation_id]

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def open(
        self, invocation_id: UUID, *, queued: bool = False, approval: Approval | None = None, sequence: int = 1
    ) -> ActiveInvocation:
        """Takes it in; the arguments are those of ActiveInvocation."""
        active = ActiveInvocation(
            invocation_id, self._database, self._mask, queued=queued, approval=approval, sequence=sequence
        )
        self._open[invocation_id] = active
        return active

    def close(self, invocation_id: UUID) -> None:
        """It has ended; whoever waits for it in this process looks."""
        del self._open[invocation_id]
        if self._waiters:
            self._waiters.wake(str(invocation_id))

    def oldest(self) -> UUID | None:
        """The first that was begun here. What runs after an approval is found by its decision."""
        return min((id_ for id_, active in self._open.items() if active.approval is None), default=None)
