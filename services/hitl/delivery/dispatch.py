"""One try of a delivery: the request as it stands now, put into words, signed and sent."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from typing import Any

import orjson
import structlog

from servicekit.database_errors import unreachable
from servicekit.large import beside
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.delivery_result import DeliveryResult
from servicekit.webhooks.sealing import SealBrokenError, Sealing
from servicekit.webhooks.signing import signed_headers
from services.hitl.delivery.models import Claimed
from services.hitl.models import HumanRequest

logger = structlog.get_logger(__name__)

# The request of this id as it stands.
Load = Callable[[str], Awaitable[HumanRequest]]
# The request as the API shows it.
Render = Callable[[HumanRequest], Mapping[str, Any]]

# How long a try may take to read the request, seconds.
LOADS_WITHIN = 5.0


class Signer:
    """Signs what is sent, so that receivers know that it is ours."""

    def __init__(self, sealing: Sealing, callback_secret: str) -> None:
        self._sealing = sealing
        self._callback_secret = callback_secret

    def headers(self, claimed: Claimed, body: bytes) -> Mapping[str, str]:
        """As Standard Webhooks wants them.

        Raises:
            SealBrokenError: when no key opens the webhook's secret.
        """
        if claimed.secret is None:
            secrets = [self._callback_secret]
        else:
            secrets = self._sealing.open_both(claimed.secret, claimed.replaced_secret)
        return signed_headers(str(claimed.id), body, secrets)


class Dispatcher:
    """Puts events into words and sends them."""

    def __init__(self, client: WebhookClient, signer: Signer, load: Load, render: Render) -> None:
        self._client = client
        self._signer = signer
        self._load = load
        self._render = render

    async def body(self, claimed: Claimed) -> bytes | None:
        """What is sent; None where it cannot be put together, which is a fault of ours.

        Raises:
            OSError: the database did not answer.
        """
        try:
            async with asyncio.timeout(LOADS_WITHIN):
                request = await self._load(claimed.human_request_id)
            return await beside(request.size, self._written, claimed, request)
        except Exception as error:
            if unreachable(error):
                raise
            logger.exception("delivery_has_no_body", delivery_id=str(claimed.id))
            return None

    def _written(self, claimed: Claimed, request: HumanRequest) -> bytes:
        return orjson.dumps(
            {
                "type": f"human_request.{claimed.event_kind}",
                "timestamp": claimed.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "data": {
                    "sequence": claimed.event_sequence,
                    "human_request_id": claimed.human_request_id,
                    "principal": claimed.principal,
                    "detail": claimed.detail,
                    "request": self._render(request),
                },
            }
        )

    async def send(self, claimed: Claimed, body: bytes | None) -> DeliveryResult:
        """Sends it once; whatever goes wrong is in the result."""
        if body is None:
            return DeliveryResult(0, "The event could not be put into words. The log of the service has more.")
        try:
            headers = self._signer.headers(claimed, body)
        except SealBrokenError:
            return DeliveryResult(0, "No key of this installation opens the webhook's secret. Rotate it.")
        return await self._client.post(claimed.url, headers, body)
