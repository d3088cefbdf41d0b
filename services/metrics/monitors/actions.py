"""Does what is to be done about transitions: tells, asks, pauses; again until it is done or has failed for good.

At least once: what came of a try is written after it, so a process that dies between the two leaves an action that is
tried again. It does the same then: a webhook under its `webhook-id`, a human request under its id, a tool is paused.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Protocol

import orjson
import structlog

from servicekit.database_errors import unreachable
from servicekit.notifications import wait_for
from servicekit.postgres import Database
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.retries import GONE, pause_seconds
from servicekit.webhooks.sealing import SealBrokenError, Sealing
from servicekit.webhooks.signing import signed_headers
from services.metrics.monitors.errors import AwayError, RefusedError
from services.metrics.monitors.models import ClaimedAction, HumanRequest, PauseTool, Transition, Webhook
from services.metrics.monitors.store import transitions as store

logger = structlog.get_logger(__name__)

# The transition as the API shows it.
Render = Callable[[Transition], Mapping[str, Any]]

# Looked for at least this often: notifications can get lost.
LOOK_SECONDS = 2.0
AT_A_TIME = 8
# Longer than any try takes; not written by then, an action is due again.
LEASE_SECONDS = 60.0
MAX_ATTEMPTS = 12
FIRST_PAUSE_SECONDS = 5.0
MAX_ERROR_LENGTH = 500


class Others(Protocol):
    """What other services do. Each raises AwayError and RefusedError, and does once what it is asked to do again."""

    async def ask(self, claimed: ClaimedAction, wanted: HumanRequest, context: Mapping[str, Any]) -> None:
        """Opens a human request about a transition."""

    async def pause(self, claimed: ClaimedAction, wanted: PauseTool) -> None:
        """Pauses a tool."""


class FailedError(Exception):
    """A try that another will not mend."""


class PostponedError(Exception):
    """A try that another may mend, after a pause that somebody asked for; 0: nobody did."""

    def __init__(self, why: str, seconds: float = 0) -> None:
        super().__init__(why)
        self.seconds = seconds


class Actions:
    """The loop of one process; every replica has it, and they share the actions out among themselves."""

    def __init__(
        self, database: Database, client: WebhookClient, sealing: Sealing, others: Others, render: Render
    ) -> None:
        self._database = database
        self._client = client
        self._sealing = sealing
        self._others = others
        self._render = render
        self._woken = asyncio.Event()

    def wake(self, _payload: str | None = None) -> None:
        """Something may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Does what is due, for ever."""
        while True:
            self._woken.clear()
            async with self._database.connection() as connection:
                claimed = await store.claim(connection, AT_A_TIME, LEASE_SECONDS)
            await asyncio.gather(*map(self._try, claimed))
            if len(claimed) < AT_A_TIME:
                await wait_for(self._woken, LOOK_SECONDS)

    async def _try(self, claimed: ClaimedAction) -> None:
        status, why, pause = "done", "", 0.0
        try:
            await self._do(claimed)
        except FailedError as error:
            status, why = "failed", str(error)
        except PostponedError as error:
            status = "pending" if claimed.attempts < MAX_ATTEMPTS else "failed"
            why, pause = str(error), pause_seconds(claimed.attempts, FIRST_PAUSE_SECONDS, error.seconds)
        except Exception:
            logger.exception("monitor_action_failed", action_id=str(claimed.id))
            status, why = "failed", "It failed within the service, whose log has more."
        if why:
            logger.warning("monitor_action_failed", action_id=str(claimed.id), attempt=claimed.attempts, error=why)
        try:
            async with self._database.connection() as connection:
                await store.tried(connection, claimed, status, why[:MAX_ERROR_LENGTH], pause)
        except Exception as error:
            if not unreachable(error):
                raise
            # It is due again when the lease is over.
            logger.warning("monitor_action_not_recorded", action_id=str(claimed.id), error=str(error))

    async def _do(self, claimed: ClaimedAction) -> None:
        try:
            match claimed.action:
                case Webhook() as webhook:
                    await self._tell(claimed, webhook)
                case HumanRequest() as request:
                    await self._others.ask(claimed, request, self._render(claimed.transition))
                case PauseTool() as pause:
                    await self._others.pause(claimed, pause)
        except RefusedError as error:
            raise FailedError(str(error)) from None
        except AwayError as error:
            raise PostponedError(str(error)) from None

    async def _tell(self, claimed: ClaimedAction, webhook: Webhook) -> None:
        if claimed.secret is None:
            raise FailedError("The monitor is gone, and with it the secret that signs.")
        try:
            secrets = self._sealing.open_both(claimed.secret, claimed.replaced_secret)
        except SealBrokenError:
            raise FailedError("No key of this installation opens the monitor's secret. Rotate it.") from None
        transition = claimed.transition
        body = orjson.dumps(
            {
                "type": f"monitor.{transition.state}",
                "timestamp": transition.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "data": self._render(transition),
            }
        )
        result = await self._client.post(webhook.url, signed_headers(str(claimed.id), body, secrets), body)
        if result.status == GONE:
            raise FailedError(result.error)
        if result.error:
            raise PostponedError(result.error, result.retry_after)
