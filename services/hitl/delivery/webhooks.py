"""Webhooks: registered, changed, removed; the log of deliveries to them."""

from uuid import UUID

import uuid_utils.compat as uuid

from servicekit import idempotency, pagination
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.postgres import Connection, Database
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.sealing import GRACE_SECONDS, Sealing, new_secret, reseal
from services.hitl import errors
from services.hitl.delivery.keys import before, key, new_etag, uuid_of
from services.hitl.delivery.models import Delivery, DeliveryFilter, IssuedWebhook, Webhook, WebhookDefinition
from services.hitl.delivery.store import deliveries
from services.hitl.delivery.store import webhooks as store

MAX_WEBHOOKS = 100
URL_FIELD = "webhook.url"


class Webhooks:
    """Reads and changes webhooks."""

    def __init__(self, database: Database, client: WebhookClient, sealing: Sealing) -> None:
        self._database = database
        self._client = client
        self._sealing = sealing

    async def create(
        self, wanted: WebhookDefinition, once: idempotency.Once[IssuedWebhook, idempotency.Answer]
    ) -> idempotency.Answer:
        """Registers a webhook.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, TOO_MANY_WEBHOOKS.
        """

        async def create(connection: Connection) -> IssuedWebhook:
            secret = new_secret()
            webhook_id: UUID = uuid.uuid7()
            made = await store.insert(
                connection, webhook_id, wanted, self._sealing.seal(secret), new_etag(), MAX_WEBHOOKS
            )
            if made is None:
                raise errors.too_many_webhooks(MAX_WEBHOOKS)
            return IssuedWebhook(made, secret)

        # That asks the name service, for which no transaction should wait.
        await self._client.require_allowed(URL_FIELD, wanted.url)
        return await once.run(self._database, create)

    async def get(self, webhook_id: str, viewer: Viewer) -> Webhook:
        known = uuid_of(webhook_id)
        async with self._database.connection() as connection:
            found = await store.get(connection, known, viewer) if known else None
        if found is None:
            raise errors.webhook_not_found(webhook_id)
        return found

    async def page(self, viewer: Viewer, page_size: int, page_token: str) -> tuple[list[Webhook], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (), before, width=2)
        async with self._database.connection() as connection:
            found = await store.list_before(connection, viewer, asked.after, asked.limit)
        return asked.page(found, key)

    async def update(
        self, webhook_id: str, wanted: WebhookDefinition, etag: str, *, rotate: bool, grace_seconds: int | None = None
    ) -> IssuedWebhook:
        """Replaces the definition, and the secret where that is wanted: then the old one signs too for the grace time.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, WEBHOOK_NOT_FOUND, ETAG_MISMATCH.
        """
        await self._client.require_allowed(URL_FIELD, wanted.url)
        known = uuid_of(webhook_id)
        if known is None:
            raise errors.webhook_not_found(webhook_id)
        secret = new_secret() if rotate else ""
        sealed = self._sealing.seal(secret) if rotate else None
        grace = GRACE_SECONDS if grace_seconds is None else grace_seconds
        async with self._database.connection() as connection:
            changed = await store.replace(connection, known, wanted, sealed, grace, etag, new_etag())
            if changed is None:
                if await store.get(connection, known, ITSELF) is None:
                    raise errors.webhook_not_found(webhook_id)
                raise errors.etag_mismatch("The webhook")
        return IssuedWebhook(changed, secret)

    async def delete(self, webhook_id: str) -> None:
        known = uuid_of(webhook_id)
        async with self._database.connection() as connection:
            if known is None or not await store.delete(connection, known):
                raise errors.webhook_not_found(webhook_id)

    async def deliveries(
        self, wanted: DeliveryFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Delivery], str]:
        """A page of the log, newest first, and the token of the next."""
        filtered = (wanted.webhook_id, wanted.contact_id, wanted.human_request_id, wanted.status)
        asked = pagination.page_request(page_size, page_token, filtered, before, width=2)
        if any(named and uuid_of(named) is None for named in (wanted.webhook_id, wanted.contact_id)):
            return [], ""
        async with self._database.connection() as connection:
            found = await deliveries.list_before(connection, wanted, viewer, asked.after, asked.limit)
        return asked.page(found, key)

    async def retry(self, delivery_id: str) -> Delivery:
        """Sends a delivery again, whatever has become of it.

        Raises:
            ServiceError: DELIVERY_NOT_FOUND.
        """
        known = uuid_of(delivery_id)
        async with self._database.connection() as connection:
            found = await deliveries.again(connection, known) if known else None
        if found is None:
            raise errors.delivery_not_found(delivery_id)
        return found

    async def reseal(self) -> None:
        """Seals their secrets with the newest key, so that older ones may be thrown away."""
        await reseal(self._database, self._sealing, store.sealed_secrets, store.reseal)
