"""Webhooks: registered, changed, removed; the log of deliveries to them."""

from datetime import UTC, datetime
from secrets import token_hex
from typing import Any
from uuid import UUID

import structlog
import uuid_utils.compat as uuid

from servicekit import pagination
from servicekit.postgres import Connection, Database
from services.hitl import errors
from services.hitl.delivery.sealing import SealBrokenError, Sealing, new_secret
from services.hitl.delivery.store import deliveries
from services.hitl.delivery.store import webhooks as store
from services.hitl.delivery.webhook_client import Receivers
from services.hitl.models import Delivery, DeliveryFilter, IssuedWebhook, Webhook, WebhookDefinition

logger = structlog.get_logger(__name__)

MOST_WEBHOOKS = 100
URL_FIELD = "webhook.url"


class Webhooks:
    """Reads and changes webhooks."""

    def __init__(self, database: Database, receivers: Receivers, sealing: Sealing) -> None:
        self._database = database
        self._receivers = receivers
        self._sealing = sealing

    async def require_allowed(self, wanted: WebhookDefinition) -> None:
        """Checks the address, before `create`: that asks the name service, which no transaction should wait for.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED.
        """
        await self._receivers.require_allowed(URL_FIELD, wanted.url)

    async def create(self, connection: Connection, wanted: WebhookDefinition) -> IssuedWebhook:
        """Registers a webhook whose address was checked, in the caller's transaction.

        Raises:
            ServiceError: TOO_MANY_WEBHOOKS.
        """
        secret = new_secret()
        webhook_id: UUID = uuid.uuid7()
        made = await store.insert(connection, webhook_id, wanted, self._sealing.seal(secret), _etag(), MOST_WEBHOOKS)
        if made is None:
            raise errors.too_many_webhooks(MOST_WEBHOOKS)
        return IssuedWebhook(made, secret)

    async def get(self, webhook_id: str) -> Webhook:
        known = _uuid(webhook_id)
        async with self._database.connection() as connection:
            found = await store.get(connection, known) if known else None
        if found is None:
            raise errors.webhook_not_found(webhook_id)
        return found

    async def page(self, page_size: int, page_token: str) -> tuple[list[Webhook], str]:
        """A page, newest first, and the token of the next."""
        size = pagination.page_size(page_size)
        before = _before(page_token, ())
        async with self._database.connection() as connection:
            found = await store.list_before(connection, before, size + 1)
        return found[:size], _token(found, size, ())

    async def update(self, webhook_id: str, wanted: WebhookDefinition, etag: str, *, rotate: bool) -> IssuedWebhook:
        """Replaces the definition, and the secret where that is wanted.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, WEBHOOK_NOT_FOUND, ETAG_MISMATCH.
        """
        await self.require_allowed(wanted)
        known = _uuid(webhook_id)
        if known is None:
            raise errors.webhook_not_found(webhook_id)
        secret = new_secret() if rotate else ""
        sealed = self._sealing.seal(secret) if rotate else None
        async with self._database.connection() as connection:
            changed = await store.replace(connection, known, wanted, sealed, etag, _etag())
            if changed is None:
                if await store.get(connection, known) is None:
                    raise errors.webhook_not_found(webhook_id)
                raise errors.etag_mismatch("The webhook")
        return IssuedWebhook(changed, secret)

    async def delete(self, webhook_id: str) -> None:
        known = _uuid(webhook_id)
        async with self._database.connection() as connection:
            if known is None or not await store.delete(connection, known):
                raise errors.webhook_not_found(webhook_id)

    async def deliveries(self, wanted: DeliveryFilter, page_size: int, page_token: str) -> tuple[list[Delivery], str]:
        """A page of the log, newest first, and the token of the next."""
        size = pagination.page_size(page_size)
        filtered = (wanted.webhook_id, wanted.human_request_id, wanted.status)
        before = _before(page_token, filtered)
        if wanted.webhook_id and _uuid(wanted.webhook_id) is None:
            return [], ""
        async with self._database.connection() as connection:
            found = await deliveries.list_before(connection, wanted, before, size + 1)
        return found[:size], _token(found, size, filtered)

    async def retry(self, delivery_id: str) -> Delivery:
        """Sends a delivery again, whatever has become of it.

        Raises:
            ServiceError: DELIVERY_NOT_FOUND.
        """
        known = _uuid(delivery_id)
        async with self._database.connection() as connection:
            found = await deliveries.again(connection, known) if known else None
        if found is None:
            raise errors.delivery_not_found(delivery_id)
        return found

    async def reseal(self) -> None:
        """Seals with the newest key what older ones have sealed, so that those may be thrown away after a start."""
        async with self._database.connection() as connection:
            for webhook_id, sealed in await store.sealed_secrets(connection):
                try:
                    renewed = self._sealing.renewed(sealed)
                except SealBrokenError:
                    logger.warning("webhook_secret_unreadable", webhook_id=str(webhook_id))
                    continue
                if renewed is not None:
                    await store.reseal(connection, webhook_id, sealed, renewed)


def _etag() -> str:
    return token_hex(8)


def _uuid(text: str) -> UUID | None:
    """The id, None where it cannot be one of ours."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _before(page_token: str, filtered: tuple[str, ...]) -> tuple[datetime, UUID] | None:
    after = pagination.after(page_token, filtered, width=2)
    try:
        return (datetime.fromisoformat(after[0]).astimezone(UTC), UUID(after[1])) if after else None
    except (ValueError, OverflowError):
        raise pagination.not_ours() from None


def _token(found: list[Any], size: int, filtered: tuple[str, ...]) -> str:
    if len(found) <= size:
        return ""
    last = found[size - 1]
    return pagination.token(filtered, [last.created_at.isoformat(), str(last.id)])
