"""What runs beside the calls: signs of life, the sweep for what was interrupted, checkpoints, missed notifications."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from time import monotonic, time_ns
from uuid import UUID

import structlog

from servicekit import idempotency
from servicekit.postgres import CONNECTION_ERRORS, Database
from servicekit.server import Loop
from services.tools.approval.approvals import Approvals
from services.tools.audit.checkpoints import SigningKey, sign_checkpoint
from services.tools.audit.recording import Recorder, ended
from services.tools.audit.store import invocations
from services.tools.catalogue.catalogue import Registry
from services.tools.execution import store as replicas
from services.tools.execution.execution import Execution
from services.tools.execution.outcomes import WHY
from services.tools.metrics import Measures
from services.tools.models import Invocation
from services.tools.settings import Settings

logger = structlog.get_logger(__name__)

SWEEP_BATCH = 1_000
# Ids are made from the clock, and clocks are set back now and then.
CLOCK_MARGIN_MS = 60_000


class Worker:
    """The background of one process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        replica: UUID,
        execution: Execution,
        recorder: Recorder,
        registry: Registry,
        approvals: Approvals,
        key: SigningKey,
        measures: Measures,
    ) -> None:
        self._settings = settings
        self._database = database
        self._replica = replica
        self._execution = execution
        self._recorder = recorder
        self._registry = registry
        self._approvals = approvals
        self._key = key
        self._measures = measures
        self._host = socket.gethostname()
        self._checkpoint_at = monotonic()
        measures.checkpoint_age = lambda: monotonic() - self._checkpoint_at

    def loops(self) -> Mapping[str, Loop]:
        """What to run beside the server."""
        return {
            "signs of life": self._show_life,
            "sweep": self._sweep,
            "checkpoints": self._sign,
            "cancellations": self._cancel,
            "approvals": self._approvals.attend,
            "catalogue": self._notice_changes,
            "idempotency": self._forget_requests,
        }

    async def show_life(self) -> None:
        """Tells the database that this process lives, and which of its invocations may still be open."""
        shown_at = monotonic()
        oldest = self._execution.oldest_open()
        async with self._database.connection() as connection:
            await replicas.show(connection, self._replica, self._host, oldest or _id_now())
        self._execution.alive_until = shown_at + self._settings.tools_lease_seconds

    async def leave(self) -> None:
        """Everything has ended: there is nothing to sweep after this process."""
        try:
            async with self._database.connection() as connection:
                await replicas.forget(connection, self._replica)
        except CONNECTION_ERRORS as error:
            # Another replica takes it for dead then, and finds nothing to end.
            logger.warning("replica_not_signed_off", error=str(error))

    async def sweep(self) -> int:
        """Ends what dead processes left open as INTERRUPTED; returns how many those were.

        A process counts as dead when it has shown no life for twice its lease: it stops beginning anything after one.
        """
        count = 0
        async with self._database.transaction() as connection:
            lease = 2 * self._settings.tools_lease_seconds
            for replica, oldest_open in await replicas.lock_dead(connection, self._replica, lease):
                while left := await replicas.open_of(connection, replica, oldest_open, SWEEP_BATCH):
                    count += await self._interrupt(left)
                while left := await replicas.approved_of(connection, replica, SWEEP_BATCH):
                    count += await self._interrupt(left)
                await replicas.forget(connection, replica)
                logger.warning("replica_swept", replica=str(replica), interrupted=count)
        self._measures.interrupted(count)
        return count

    async def _interrupt(self, left: Sequence[Invocation]) -> int:
        why = WHY["INTERRUPTED"]
        for invocation in left:
            self._recorder.announce(invocation.intent.id)
        endings = (ended(i.intent, "failed", error=why, error_reason="INTERRUPTED", approval=i.approval) for i in left)
        await asyncio.gather(*(self._recorder.end(ending) for ending in endings))
        return len(left)

    async def _show_life(self) -> None:
        while True:
            await asyncio.sleep(self._settings.tools_lease_seconds / 4)
            await self.show_life()

    async def _sweep(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(self._settings.tools_lease_seconds / 2)

    async def _sign(self) -> None:
        while True:
            await self._due()
            await sign_checkpoint(self._database, self._key)
            self._checkpoint_at = monotonic()

    async def _due(self) -> None:
        """Until the next checkpoint is due: by time, or by the number of receipts written."""
        written = self._recorder.written
        give_up = monotonic() + self._settings.tools_checkpoint_seconds
        while (  # noqa: ASYNC110 - see below
            monotonic() < give_up and self._recorder.written - written < self._settings.tools_checkpoint_rows
        ):
            # Polled: an event set by every ending would cost each of them something.
            await asyncio.sleep(min(0.2, self._settings.tools_checkpoint_seconds))

    async def _cancel(self) -> None:
        while True:
            await asyncio.sleep(1)
            if self._execution.open:
                async with self._database.connection() as connection:
                    wanted = await invocations.cancellations_of(connection, list(self._execution.open))
                for invocation_id in wanted:
                    self.cancel(invocation_id)

    def cancel(self, invocation_id: UUID) -> None:
        """Ends an invocation if it is open here."""
        running = self._execution.open.get(invocation_id)
        if running is not None:
            self._recorder.announce(invocation_id)
            running.stop("CANCELLED_BY_REQUEST")

    async def _notice_changes(self) -> None:
        while True:
            await self._registry.notice_changes()
            await asyncio.sleep(5)

    async def _forget_requests(self) -> None:
        while True:
            async with self._database.connection() as connection:
                await idempotency.forget(connection)
            await asyncio.sleep(3600)


def _id_now() -> UUID:
    """The lowest UUIDv7 of a moment a little ago."""
    milliseconds = time_ns() // 1_000_000 - CLOCK_MARGIN_MS
    return UUID(int=milliseconds << 80)
