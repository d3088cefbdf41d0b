"""One run of a tool: the order for it, and what it reports to while it is open."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import quote
from uuid import UUID

import structlog

from servicekit.postgres import CONNECTION_ERRORS, Database
from services.tools.audit.store import invocations as store
from services.tools.models import Approval, Event, Invocation, Json, Progress

logger = structlog.get_logger(__name__)

# Progress reports: kept at most this often a second, and this many an invocation.
REPORTS_A_SECOND = 10
MOST_REPORTS = 1_000


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller wants run, under which ids, and who it is."""

    tool_name: str
    arguments: dict[str, Json]
    principal: str
    correlation_id: str
    idempotency_key: str

    def headers(self, invocation_id: UUID) -> Mapping[str, str]:
        """What goes along to HTTP and gRPC tools, so that their logs can be joined with ours."""
        # gRPC's metadata takes ASCII only.
        correlation_id = self.correlation_id if self.correlation_id.isascii() else quote(self.correlation_id)
        return {"x-correlation-id": correlation_id, "x-qmcp-invocation-id": str(invocation_id)}


class Running:
    """An invocation that this process has open; what a running tool reports to."""

    def __init__(
        self,
        invocation_id: UUID,
        database: Database,
        *,
        queued: bool,
        approval: Approval | None = None,
        sequence: int = 1,
    ) -> None:
        """Opens it.

        Args:
            invocation_id: which.
            database: where its events are written.
            queued: whether it waits for a place, so that its start is an event of its own.
            approval: by which it runs; None where nobody was asked.
            sequence: the number of its last event so far.
        """
        self._id = invocation_id
        self._database = database
        self.queued = queued
        self.approval = approval
        # Set while the tool runs: what to cancel.
        self.task: asyncio.Task[Any] | None = None
        # Why it is being ended; "" as long as nobody wants that.
        self.ending_because = ""
        self._sequence = sequence
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
