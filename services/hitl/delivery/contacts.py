"""Contacts: made, changed, removed; and unsubscribed by those who read what is sent there."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

import uuid_utils.compat as uuid

from servicekit import idempotency, pagination
from servicekit.errors import invalid_field
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.postgres import Connection, Database
from servicekit.smtp import is_mail_address
from servicekit.webhooks.client import WebhookClient
from services.hitl import errors
from services.hitl.delivery.keys import before, key, new_etag, uuid_of
from services.hitl.delivery.models import Contact, ContactDefinition
from services.hitl.delivery.store import contacts as store

MAX_CONTACTS = 1_000
ADDRESS_FIELD = "contact.address"
TAG_BYTES = 16


class Unsubscribing:
    """The tokens by which mails are unsubscribed from: they say of which contact, and that we wrote them."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def token(self, contact_id: UUID) -> str:
        return urlsafe_b64encode(contact_id.bytes + self._tag(contact_id.bytes)).decode().rstrip("=")

    def contact(self, token: str) -> UUID | None:
        """The contact that a token is for; None where it is none of ours."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (NoBase64, ValueError):
            return None
        known, tag = raw[:TAG_BYTES], raw[TAG_BYTES:]
        return UUID(bytes=known) if hmac.compare_digest(tag, self._tag(known)) else None

    def _tag(self, known: bytes) -> bytes:
        return hmac.digest(self._secret, b"unsubscribe" + known, sha256)[:TAG_BYTES]


class Contacts:
    """Reads and changes contacts."""

    def __init__(
        self, database: Database, client: WebhookClient, unsubscribing: Unsubscribing, kinds: Sequence[str]
    ) -> None:
        """Takes what there is.

        Args:
            database: where they are.
            client: by which chats are told, and what it may reach.
            unsubscribing: reads the tokens of mails.
            kinds: those that this installation can reach.
        """
        self._database = database
        self._client = client
        self._unsubscribing = unsubscribing
        self._kinds = kinds

    async def create(
        self, wanted: ContactDefinition, once: idempotency.Once[Contact, idempotency.Answer]
    ) -> idempotency.Answer:
        """Makes a contact.

        Raises:
            ServiceError: CHANNEL_NOT_SET_UP, ADDRESS_NOT_ALLOWED, INVALID_REQUEST, TOO_MANY_CONTACTS.
        """

        async def create(connection: Connection) -> Contact:
            contact_id: UUID = uuid.uuid7()
            made = await store.insert(connection, contact_id, wanted, new_etag(), MAX_CONTACTS)
            if made is None:
                raise errors.too_many_contacts(MAX_CONTACTS)
            return made

        await self._require_sound(wanted)
        return await once.run(self._database, create)

    async def get(self, contact_id: str, viewer: Viewer) -> Contact:
        known = uuid_of(contact_id)
        async with self._database.connection() as connection:
            found = await store.get(connection, known, viewer) if known else None
        if found is None:
            raise errors.contact_not_found(contact_id)
        return found

    async def page(self, person: str, viewer: Viewer, page_size: int, page_token: str) -> tuple[list[Contact], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (person,), before, width=2)
        async with self._database.connection() as connection:
            found = await store.list_before(connection, person, viewer, asked.after, asked.limit)
        return asked.page(found, key)

    async def update(self, contact_id: str, wanted: ContactDefinition, etag: str) -> Contact:
        """Replaces the definition.

        Raises:
            ServiceError: as `create`, CONTACT_NOT_FOUND, ETAG_MISMATCH.
        """
        await self._require_sound(wanted)
        known = uuid_of(contact_id)
        if known is None:
            raise errors.contact_not_found(contact_id)
        async with self._database.connection() as connection:
            changed = await store.replace(connection, known, wanted, etag, new_etag())
            if changed is None:
                if await store.get(connection, known, ITSELF) is None:
                    raise errors.contact_not_found(contact_id)
                raise errors.etag_mismatch("The contact")
        return changed

    async def delete(self, contact_id: str) -> None:
        known = uuid_of(contact_id)
        async with self._database.connection() as connection:
            if known is None or not await store.delete(connection, known):
                raise errors.contact_not_found(contact_id)

    async def subscribed(self, token: str) -> Contact:
        """The contact that a mail with this token went to.

        Raises:
            ServiceError: LINK_NOT_VALID.
        """
        known = self._unsubscribing.contact(token)
        async with self._database.connection() as connection:
            found = await store.get(connection, known, ITSELF) if known else None
        if found is None:
            raise errors.link_not_valid()
        return found

    async def unsubscribe(self, token: str) -> None:
        """Pauses the contact that a mail with this token went to.

        Raises:
            ServiceError: LINK_NOT_VALID.
        """
        known = self._unsubscribing.contact(token)
        async with self._database.connection() as connection:
            if known is None or not await store.pause(connection, known, new_etag()):
                raise errors.link_not_valid()

    async def _require_sound(self, wanted: ContactDefinition) -> None:
        if wanted.kind not in self._kinds:
            raise errors.channel_not_set_up(wanted.kind)
        if wanted.kind == "email":
            if not is_mail_address(wanted.address):
                raise invalid_field(ADDRESS_FIELD, "is no mail address; a domain beyond ASCII goes in its xn-- form")
        else:
            # That asks the name service, for which no transaction should wait.
            await self._client.require_allowed(ADDRESS_FIELD, wanted.address)
        if (quiet := wanted.quiet_hours) is not None:
            async with self._database.connection() as connection:
                if not await store.knows_time_zone(connection, quiet.time_zone):
                    field = "contact.quiet_hours.time_zone"
                    raise invalid_field(field, f"{quiet.time_zone!r} is no zone of the tz database")
