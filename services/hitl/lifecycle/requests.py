"""Requests: made, and read as they stand now."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from servicekit import idempotency, pagination
from servicekit.identity.principal import Principal
from servicekit.identity.visibility import ITSELF, Viewer
from servicekit.large import beside
from servicekit.leased_work import LeasedWork
from servicekit.postgres import Connection, Database
from servicekit.webhooks.client import WebhookClient
from services.hitl.lifecycle import request_spec, rules
from services.hitl.lifecycle.request_writer import CreateRequest, RequestWriter
from services.hitl.lifecycle.similar import Similar
from services.hitl.lifecycle.store import events as events_store
from services.hitl.lifecycle.store import lists
from services.hitl.lifecycle.store import requests as store
from services.hitl.models import Event, HumanRequest, RequestFilter, RequestSpec

OVERDUE_AT_A_TIME = 500


class Requests:
    """Makes and reads them. What is overdue is ended first: nobody is shown what is no longer so."""

    def __init__(
        self,
        database: Database,
        writer: RequestWriter,
        client: WebhookClient,
        similar: Similar,
        leased: LeasedWork,
        max_timeout_seconds: int,
    ) -> None:
        self._database = database
        self._writer = writer
        self._client = client
        self._similar = similar
        self._leased = leased
        self._max_timeout_seconds = max_timeout_seconds

    async def create(
        self, wanted: RequestSpec, by: Principal, once: idempotency.Once[HumanRequest, idempotency.Answer]
    ) -> idempotency.Answer:
        """Asks, in the caller's own name or, where it may, in that of the one whom `wanted.requester` names.

        Raises:
            ServiceError: PERMISSION_DENIED, INVALID_REQUEST, SCHEMA_INVALID, RESPONSE_INVALID, ADDRESS_NOT_ALLOWED,
                HUMAN_REQUEST_EXISTS, HUMAN_REQUEST_REPEATED, TASK_NOT_FOUND, LEASE_LOST; UNAVAILABLE where
                nobody can say whether the lease holds.
        """
        spec = rules.asked_by(wanted, by)
        await beside(spec.size, request_spec.require_sound, spec, self._max_timeout_seconds)
        if spec.callback_url:
            # That may ask the name service, for which no transaction should wait.
            await self._client.require_allowed("callback_url", spec.callback_url)
        if spec.lease:
            if (earlier := await once.earlier(self._database)) is not None:
                return earlier
            await self._leased.begin(spec.id, spec.lease, spec.requester, spec.request_type, spec.longest_seconds)
        body = await beside(spec.size, request_spec.body, spec)
        create = CreateRequest(spec, hashlib.sha256(body).digest(), len(body))
        if not once.key:
            # Its id makes a retry harmless, so many share a commit.
            return await once.answered(await self._writer.create(create))
        return await once.run(self._database, lambda connection: self._writer.create_in(connection, create))

    async def get(self, human_request_id: str, viewer: Viewer) -> HumanRequest:
        """One request.

        Raises:
            ServiceError: HUMAN_REQUEST_NOT_FOUND, also where it is not shown to the viewer.
        """
        found = await self.get_many([human_request_id])
        return rules.require_seen(found.get(human_request_id), human_request_id, viewer)

    async def load(self, human_request_id: str) -> HumanRequest:
        """The same for what the service itself does with it."""
        return await self.get(human_request_id, ITSELF)

    async def find_in(self, connection: Connection, human_request_id: str, viewer: Viewer) -> HumanRequest:
        """The same in the caller's transaction, as it stands there; one whose time is up may still be pending."""
        return rules.require_seen(await store.get(connection, human_request_id), human_request_id, viewer)

    async def get_many(self, human_request_ids: Sequence[str]) -> dict[str, HumanRequest]:
        """Those of them that there are, by id."""
        async with self._database.connection() as connection:
            found = await store.get_many(connection, human_request_ids)
        overdue = [request.id for request in found.values() if request.overdue]
        if not overdue:
            return found
        await self._writer.expire(overdue)
        async with self._database.connection() as connection:
            return await store.get_many(connection, human_request_ids)

    async def page(
        self, wanted: RequestFilter, viewer: Viewer, page_size: int, page_token: str, offset: int
    ) -> tuple[list[HumanRequest], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size,
            page_token,
            list(asdict(wanted).values()),
            lambda at, request_id: (pagination.time(at), request_id),
            width=2,
        )
        await self.expire_overdue()
        async with self._database.reading() as connection:
            found, whole = await lists.list_before(connection, wanted, viewer, asked.after, asked.limit, offset)
        return asked.page(found, lambda request: (request.created_at.isoformat(), request.id), whole=whole)

    async def history(
        self, human_request_id: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Event], str]:
        """A page of what happened to a request, oldest first, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, [human_request_id], int)
        await self.get(human_request_id, viewer)
        async with self._database.connection() as connection:
            found, whole = await events_store.history(connection, human_request_id, asked.after or 0, asked.limit)
        return asked.page(found, lambda event: (str(event.sequence),), whole=whole)

    async def similar(self, human_request_id: str, viewer: Viewer, limit: int) -> list[HumanRequest]:
        """At most `limit` (0: five) other requests that ended and ask for something alike, best match first.

        Raises:
            ServiceError: SIMILAR_OFF, HUMAN_REQUEST_NOT_FOUND.
        """
        ids = await self._similar.find(await self.get(human_request_id, viewer), viewer, limit)
        found = await self.get_many(ids)
        # One may have been let go of in between.
        return [found[each] for each in ids if each in found]

    async def expire_overdue(self) -> int:
        """Ends, answers or escalates every request whose time is up; returns how many those were."""
        count = 0
        while True:
            async with self._database.connection() as connection:
                overdue = await store.overdue(connection, OVERDUE_AT_A_TIME)
            await self._writer.expire(overdue)
            count += len(overdue)
            if len(overdue) < OVERDUE_AT_A_TIME:
                return count
