"""Sends what is due, in every replica: claims deliveries, tries them, and writes down what came of it.

At least once: the outcome is written after the receiver has answered, so a process that dies between the two leaves a
delivery that is sent again, under the same `webhook-id`. Receivers tell the repetition by that, and the order of events
by `sequence`: an event whose first try failed is overtaken by later ones.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from secrets import token_hex
from time import monotonic, perf_counter
from typing import Any

import orjson
import structlog
from standardwebhooks import Webhook as Signing

from servicekit.notifications import wait_for
from servicekit.postgres import Connection, Database, unreachable
from services.hitl.delivery.metrics import DeliveryMeasures
from services.hitl.delivery.sealing import SealBrokenError, Sealing
from services.hitl.delivery.store import deliveries, webhooks
from services.hitl.delivery.webhook_client import Receivers, Verdict
from services.hitl.models import Claimed, Happening
from services.hitl.settings import Settings

logger = structlog.get_logger(__name__)

# The request as the API shows it, by its id.
Load = Callable[[str], Awaitable[dict[str, Any]]]
# Records an event in the transaction of that connection, and takes the locks of its request and of the events.
Happened = Callable[[Connection, Happening], Awaitable[None]]

# Who tells others, in the history of a request.
PRINCIPAL = "webhooks"
# Looked for at least this often: notifications can get lost.
SAFETY_SECONDS = 5.0
# How long a try may take besides the receiver's part: reading the request, writing the outcome. Not done by then, the
# delivery is due again.
LOADS_WITHIN = 5.0
SETTLES_WITHIN = 10.0
LONGEST_PAUSE_SECONDS = 6 * 3600.0
JITTER = 0.2
# The receiver wants no more of this: Standard Webhooks has the sender stop.
GONE = 410
MOST_COUNTED = 10_000


class Sender:
    """The sending loop of one process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        receivers: Receivers,
        sealing: Sealing,
        callback_secret: str,
        load: Load,
        happened: Happened,
        measures: DeliveryMeasures,
    ) -> None:
        self._settings = settings
        self._database = database
        self._receivers = receivers
        self._sealing = sealing
        self._callback_secret = callback_secret
        self._load = load
        self._happened = happened
        self._measures = measures
        self._lease_seconds = LOADS_WITHIN + settings.hitl_delivery_timeout_seconds + SETTLES_WITHIN
        # One receiver that answers slowly must not take all places from the others.
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
        """Begins to try what is due and has a place; returns the seconds after which to look again."""
        async with self._database.connection() as connection:
            if monotonic() - self._counted_at >= SAFETY_SECONDS:
                self._counted_at = monotonic()
                self._measures.pending = await deliveries.count_pending(connection, MOST_COUNTED)
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
            body = await self._body(claimed)
            started = perf_counter()
            verdict = await self._send(claimed, body)
            outcome = await self._settle(claimed, verdict)
            self._measures.tried(outcome, perf_counter() - started)
        except Exception as error:
            if unreachable(error):
                logger.warning("delivery_not_settled", delivery_id=str(claimed.id), error=str(error))
            else:
                logger.exception("delivery_not_settled", delivery_id=str(claimed.id))

    async def _body(self, claimed: Claimed) -> bytes | None:
        """What is sent; None where it cannot be put together, which is a fault of ours.

        Raises:
            OSError: the database did not answer.
        """
        try:
            async with asyncio.timeout(LOADS_WITHIN):
                request = await self._load(claimed.human_request_id)
            return orjson.dumps(
                {
                    "type": f"human_request.{claimed.event_kind}",
                    "timestamp": claimed.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                    "data": {
                        "sequence": claimed.event_sequence,
                        "human_request_id": claimed.human_request_id,
                        "principal": claimed.principal,
                        "detail": claimed.detail,
                        "request": request,
                    },
                }
            )
        except Exception as error:
            if unreachable(error):
                raise
            logger.exception("delivery_has_no_body", delivery_id=str(claimed.id))
            return None

    async def _send(self, claimed: Claimed, body: bytes | None) -> Verdict:
        if body is None:
            return Verdict(0, "The event could not be put into words. The log of the service has more.")
        try:
            secret = self._callback_secret if claimed.secret is None else self._sealing.open(claimed.secret)
        except SealBrokenError:
            return Verdict(0, "No key of this installation opens the webhook's secret. Rotate it.")
        now = datetime.now(UTC)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": str(claimed.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signing(secret).sign(str(claimed.id), now, body.decode()),
        }
        return await self._receivers.post(claimed.url, headers, body)

    async def _settle(self, claimed: Claimed, verdict: Verdict) -> str:
        """Writes down what came of a try: `delivered`, `retried`, `failed`, or `overtaken` by another try."""
        if verdict.error:
            logger.warning(
                "delivery_failed",
                delivery_id=str(claimed.id),
                webhook_id=str(claimed.webhook_id or ""),
                attempt=claimed.attempts,
                status=verdict.status,
                error=verdict.error,
            )
            if verdict.status != GONE and claimed.attempts < self._settings.hitl_delivery_attempts:
                pause = pause_seconds(
                    claimed.attempts, self._settings.hitl_delivery_first_pause_seconds, verdict.retry_after
                )
                async with self._database.connection() as connection:
                    kept = await deliveries.postpone(connection, claimed, verdict.status, verdict.error, pause)
                return "retried" if kept else "overtaken"
        try:
            async with self._database.transaction() as connection:
                # In the order of locks that store/deliveries.py names.
                await self._happened(connection, _happening(claimed, verdict))
                if verdict.status == GONE and claimed.webhook_id is not None:
                    await webhooks.pause(connection, claimed.webhook_id, token_hex(8))
                await self._end(connection, claimed, verdict)
        except _OvertakenError:
            return "overtaken"
        return "failed" if verdict.error else "delivered"

    async def _end(self, connection: Connection, claimed: Claimed, verdict: Verdict) -> None:
        if verdict.error:
            ended = await deliveries.failed(connection, claimed, verdict.status, verdict.error)
        else:
            ended = await deliveries.delivered(connection, claimed, verdict.status)
        if not ended:
            raise _OvertakenError


class _OvertakenError(Exception):
    """The try took longer than its lease, or the webhook is gone: nothing of it is written."""


def _happening(claimed: Claimed, verdict: Verdict) -> Happening:
    detail = {
        "delivery_id": str(claimed.id),
        "webhook_id": str(claimed.webhook_id or ""),
        "event_sequence": claimed.event_sequence,
        "event_kind": claimed.event_kind,
        "attempts": claimed.attempts,
        "status": verdict.status,
    }
    if not verdict.error:
        return Happening(claimed.human_request_id, "delivered", PRINCIPAL, detail)
    return Happening(claimed.human_request_id, "undeliverable", PRINCIPAL, {**detail, "error": verdict.error})


def pause_seconds(attempts: int, first: float, retry_after: float) -> float:
    """How long to wait after so many tries: twice as long each time, or as the receiver asks, at most six hours."""
    doubled = min(first * 2.0 ** min(attempts - 1, 64), LONGEST_PAUSE_SECONDS)
    spread = doubled * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    return min(max(spread, retry_after), LONGEST_PAUSE_SECONDS)
