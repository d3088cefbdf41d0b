"""Sends what is due, in every replica: claims deliveries, tries them, and writes down what came of it.

At least once: the outcome is written after the receiver has answered, so a process that dies between the two leaves a
delivery that is sent again, under the same `webhook-id`. Receivers tell the repetition by that, and the order of events
by `sequence`: an event whose first try failed is overtaken by later ones.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from secrets import token_hex
from time import monotonic, perf_counter

import structlog

from servicekit.database_errors import unreachable
from servicekit.notifications import wait_for
from servicekit.postgres import Connection, Database
from servicekit.webhooks.delivery_result import DeliveryResult
from servicekit.webhooks.retries import GONE, pause_seconds
from services.hitl.delivery.dispatch import LOADS_WITHIN, Dispatcher
from services.hitl.delivery.metrics import DeliveryMetrics
from services.hitl.delivery.models import Claimed
from services.hitl.delivery.notifier import TO_CONTACTS, Notifier
from services.hitl.delivery.store import deliveries, webhooks
from services.hitl.models import NewEvent
from services.hitl.settings import Settings

logger = structlog.get_logger(__name__)

# Records an event in the transaction of that connection, and takes the locks of its request and of the events.
Record = Callable[[Connection, NewEvent], Awaitable[None]]

# Who delivers to webhooks and callbacks, in the history of a request.
TO_WEBHOOKS = "webhooks"
# Looked for at least this often: notifications can get lost.
SAFETY_SECONDS = 5.0
# How long it may take to write the outcome of a try, seconds. Not done by then, the delivery is due again.
RECORDS_WITHIN = 10.0
MAX_COUNTED = 10_000


class DeliveryWorker:
    """The sending loop of one process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        dispatcher: Dispatcher,
        notifier: Notifier,
        record: Record,
        metrics: DeliveryMetrics,
    ) -> None:
        self._settings = settings
        self._database = database
        self._dispatcher = dispatcher
        self._notifier = notifier
        self._record = record
        self._metrics = metrics
        self._lease_seconds = LOADS_WITHIN + settings.hitl_delivery_timeout_seconds + RECORDS_WITHIN
        # One receiver that answers slowly must not take all slots from the others.
        self._a_receiver = max(1, settings.hitl_deliveries_at_a_time // 4)
        self._woken = asyncio.Event()
        self._trying: set[asyncio.Task[None]] = set()
        self._busy: Counter[str] = Counter()
        self._counted_at = -SAFETY_SECONDS

    def wake(self, _payload: str | None = None) -> None:
        """Something may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Sends until it is cancelled; the tries under way then have the grace time to end."""
        try:
            while True:
                self._woken.clear()
                began = monotonic()
                look_in = await self._look()
                # A look past a long queue to a receiver that is busy takes a while: never spend more than half the
                # database's time on it.
                await asyncio.sleep(monotonic() - began)
                await wait_for(self._woken, look_in)
        except asyncio.CancelledError:
            await self._drain()
            raise

    async def _look(self) -> float:
        """Begins to try what is due while there are free slots; returns the seconds after which to look again."""
        async with self._database.connection() as connection:
            if monotonic() - self._counted_at >= SAFETY_SECONDS:
                self._counted_at = monotonic()
                self._metrics.set_pending(await deliveries.count_pending(connection, MAX_COUNTED))
            # Before the claim: what falls due between the two would be in neither.
            due_in = await deliveries.seconds_to_next(connection)
            look_at = monotonic() + (SAFETY_SECONDS if due_in is None else min(SAFETY_SECONDS, due_in))
            while (free := self._settings.hitl_deliveries_at_a_time - len(self._trying)) > 0:
                limit = min(free, self._a_receiver)
                busy = [url for url, tries in self._busy.items() if tries >= self._a_receiver]
                claimed = await deliveries.claim(connection, limit, self._lease_seconds, busy)
                for each in claimed:
                    self._begin(each)
                if len(claimed) < limit:
                    return max(0.0, look_at - monotonic())
        # Whichever try ends first wakes us.
        return SAFETY_SECONDS

    def _begin(self, claimed: Claimed) -> None:
        task = asyncio.create_task(self._try(claimed), name=f"delivery {claimed.id}")
        self._trying.add(task)
        self._busy[claimed.url] += 1

        def end(ended: asyncio.Task[None]) -> None:
            self._trying.discard(ended)
            self._busy[claimed.url] -= 1
            if not self._busy[claimed.url]:
                del self._busy[claimed.url]
            self._woken.set()

        task.add_done_callback(end)

    async def _drain(self) -> None:
        if self._trying:
            _, late = await asyncio.wait(self._trying, timeout=self._settings.shutdown_grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _try(self, claimed: Claimed) -> None:
        """One try; where even its outcome cannot be written, the delivery is due again when the lease is over."""
        try:
            together = [claimed]
            started = perf_counter()
            if claimed.contact_id is None:
                body = await self._dispatcher.body(claimed)
                started = perf_counter()
                result = await self._dispatcher.send(claimed, body)
            else:
                together, result = await self._notifier.send(claimed)
            for each in together:
                outcome = await self._record_result(each, result)
                self._metrics.tried(outcome, perf_counter() - started)
        except Exception as error:
            if unreachable(error):
                logger.warning("delivery_not_recorded", delivery_id=str(claimed.id), error=str(error))
            else:
                logger.exception("delivery_not_recorded", delivery_id=str(claimed.id))

    async def _record_result(self, claimed: Claimed, result: DeliveryResult) -> str:
        """Writes down what came of a try: `delivered`, `retried`, `failed`, or `overtaken` by another try."""
        if result.error:
            logger.warning(
                "delivery_failed",
                delivery_id=str(claimed.id),
                webhook_id=str(claimed.webhook_id or ""),
                contact_id=str(claimed.contact_id or ""),
                attempt=claimed.attempts,
                status=result.status,
                error=result.error,
            )
            final = result.is_final or result.status == GONE
            if not final and claimed.attempts < self._settings.hitl_delivery_attempts:
                pause = pause_seconds(
                    claimed.attempts, self._settings.hitl_delivery_first_pause_seconds, result.retry_after
                )
                async with self._database.connection() as connection:
                    kept = await deliveries.postpone(connection, claimed, result.status, result.error, pause)
                return "retried" if kept else "overtaken"
        try:
            async with self._database.transaction() as connection:
                # In the order of locks that store/deliveries.py names.
                await self._record(connection, _event(claimed, result))
                if result.status == GONE and claimed.webhook_id is not None:
                    await webhooks.pause(connection, claimed.webhook_id, token_hex(8))
                await self._end(connection, claimed, result)
        except _OvertakenError:
            return "overtaken"
        return "failed" if result.error else "delivered"

    async def _end(self, connection: Connection, claimed: Claimed, result: DeliveryResult) -> None:
        if result.error:
            ended = await deliveries.failed(connection, claimed, result.status, result.error)
        else:
            ended = await deliveries.delivered(connection, claimed, result.status)
        if not ended:
            raise _OvertakenError


class _OvertakenError(Exception):
    """The try took longer than its lease, or the webhook is gone: nothing of it is written."""


def _event(claimed: Claimed, result: DeliveryResult) -> NewEvent:
    detail = {
        "delivery_id": str(claimed.id),
        "webhook_id": str(claimed.webhook_id or ""),
        "contact_id": str(claimed.contact_id or ""),
        "event_sequence": claimed.event_sequence,
        "event_kind": claimed.event_kind,
        "attempts": claimed.attempts,
        "status": result.status,
    }
    by = TO_WEBHOOKS if claimed.contact_id is None else TO_CONTACTS
    if not result.error:
        return NewEvent(claimed.human_request_id, "delivered", by, detail)
    return NewEvent(claimed.human_request_id, "undeliverable", by, {**detail, "error": result.error})
