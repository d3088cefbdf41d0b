"""What the tests of deliveries and links share: rows as the service writes them, and delivery workers that send them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from google.protobuf.empty_pb2 import Empty
from prometheus_client import CollectorRegistry
from qmcp.hitl.v1 import hitl_service_pb2

from servicekit.idempotency import Once
from servicekit.methods import methods_of
from servicekit.notifications import listening
from servicekit.postgres import Connection, Database
from servicekit.postgres import database as pool
from servicekit.request_context import RequestContext, current_context
from servicekit.server import background
from servicekit.ssrf import AddressPolicy
from servicekit.webhooks.client import WebhookClient
from servicekit.webhooks.sealing import Sealing, new_secret
from services.hitl.delivery.contacts import Unsubscribing
from services.hitl.delivery.delivery_worker import DeliveryWorker
from services.hitl.delivery.dispatch import Dispatcher, Signer
from services.hitl.delivery.metrics import DeliveryMetrics
from services.hitl.delivery.models import IssuedWebhook, WebhookDefinition
from services.hitl.delivery.notifier import Notifier
from services.hitl.delivery.store import deliveries
from services.hitl.delivery.webhooks import Webhooks
from services.hitl.lifecycle.store import requests
from services.hitl.links.links import make as make_link
from services.hitl.models import HumanRequest, NewEvent
from services.hitl.settings import Settings

Result = TypeVar("Result")

METHODS = {m.name: m for m in methods_of(hitl_service_pb2.DESCRIPTOR.services_by_name["HitlService"])}
LOOPBACK = (ip_network("127.0.0.0/8"),)
CALLBACK_SECRET = new_secret()
REQUEST = """
    INSERT INTO human_requests (
        id, request_type, prompt, options, context, timeout_seconds, expires_at, correlation_id, priority, assignees,
        groups, tags, callback_url, on_expiry, four_eyes, requester, body_digest
    )
    VALUES ($1, $2, $3, '{}', '{}', 3600, clock_timestamp() + interval '1 hour', 'c', 'normal', $4, '{}', '{}', $5,
            '{"action": "expire"}', false, 'agent', '')
"""


async def had(request: Any, effect: Callable[[Once[Result, Empty]], Awaitable[Empty]]) -> Result:
    """What comes of an effect that a request without a key has, in the words of the domain."""
    found: list[Result] = []

    def keep(result: Result) -> Empty:
        found.append(result)
        return Empty()

    current_context.set(RequestContext({}, METHODS[type(request).__name__.removesuffix("Request")]))
    await effect(Once(request, keep))
    return found[0]


def shown(request: HumanRequest) -> Mapping[str, Any]:
    """A request in a delivery."""
    return {"id": request.id, "prompt": request.spec.prompt, "options": ["yes", "nö"]}


def settings_for(url: str, folder: Path, **changes: Any) -> Settings:
    wanted: dict[str, Any] = {
        "database_url": url,
        "shutdown_grace_seconds": 0.5,
        "hitl_secrets_key_file": folder / "key",
        "hitl_callback_secret_file": folder / "callback",
        "hitl_allowed_networks": LOOPBACK,
        "hitl_delivery_first_pause_seconds": 0.05,
        "hitl_delivery_timeout_seconds": 5,
    }
    return Settings(**{**wanted, **changes})


class Environment:
    """A database with webhooks, and delivery workers on it."""

    def __init__(self, settings: Settings, database: Database, exits: AsyncExitStack) -> None:
        self.settings = settings
        self.database = database
        self.sealing = Sealing.load(settings.hitl_secrets_key_file, "KEYS")
        self.client = self.make_client()
        self.webhooks = Webhooks(database, self.client, self.sealing)
        self.metrics: list[DeliveryMetrics] = []
        self.loaded: list[str] = []
        self.fail_to_load = False
        self._exits = exits

    def make_client(self) -> WebhookClient:
        settings = self.settings
        return WebhookClient(
            AddressPolicy(settings.hitl_allowed_networks),
            settings.hitl_deliveries_at_a_time,
            settings.hitl_delivery_timeout_seconds,
            "tests",
        )

    def worker(self, **changes: Any) -> DeliveryWorker:
        """A worker that does not run."""
        settings = self.settings.model_copy(update=changes)
        metrics = DeliveryMetrics(CollectorRegistry())
        self.metrics.append(metrics)
        client = self.make_client()
        self._exits.push_async_callback(client.aclose)
        dispatcher = Dispatcher(client, Signer(self.sealing, CALLBACK_SECRET), self.load, shown)
        unsubscribing = Unsubscribing(CALLBACK_SECRET)
        notifier = Notifier(self.database, client, None, "", unsubscribing, self.load, make_link)
        return DeliveryWorker(settings, self.database, dispatcher, notifier, self.record_event, metrics)

    async def start(self, **changes: Any) -> DeliveryWorker:
        """A worker that runs as it does in a replica."""
        worker = self.worker(**changes)
        await self._exits.enter_async_context(
            listening(self.settings.database_url, {"deliveries": worker.wake}),
        )
        await self._exits.enter_async_context(background({"deliveries": worker.run}))
        return worker

    async def load(self, human_request_id: str) -> HumanRequest:
        self.loaded.append(human_request_id)
        if self.fail_to_load:
            raise RuntimeError("no such thing")
        async with self.database.connection() as connection:
            found = await requests.get(connection, human_request_id)
        assert found is not None
        return found

    async def record_event(self, connection: Connection, event: NewEvent) -> None:
        """As the service records events: under the lock of the events."""
        await connection.execute("SELECT pg_advisory_xact_lock(1)")
        await self.record(connection, event.human_request_id, event.kind, event.principal, event.detail)

    async def webhook(self, url: str, **fields: Any) -> IssuedWebhook:
        wanted = WebhookDefinition(url, **fields)
        request = hitl_service_pb2.CreateWebhookRequest()
        return await had(request, lambda once: self.webhooks.create(wanted, once))

    async def request(
        self,
        human_request_id: str = "r1",
        *,
        request_type: str = "approval",
        prompt: str = "May I?",
        assignees: Iterable[str] = (),
        callback_url: str = "",
    ) -> str:
        await self.execute(REQUEST, human_request_id, request_type, prompt, list(assignees), callback_url)
        return human_request_id

    async def event(self, human_request_id: str = "r1", kind: str = "created") -> int:
        """An event as the service writes it: with its deliveries, in one transaction."""
        async with self.database.transaction() as connection:
            sequence = await self.record(connection, human_request_id, kind)
            await deliveries.queue(connection, [sequence])
        return sequence

    async def record(
        self, connection: Connection, human_request_id: str, kind: str, principal: str = "agent", detail: Any = None
    ) -> int:
        sequence: int = await connection.fetchval(
            "INSERT INTO human_request_events (human_request_id, kind, principal, detail) VALUES ($1, $2, $3, $4) RETURNING sequence",
            human_request_id,
            kind,
            principal,
            json.dumps({"word": "ä"} if detail is None else detail),
        )
        return sequence

    async def execute(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        async with self.database.connection() as connection:
            return await connection.fetch(statement, *values)

    async def statuses(self) -> list[str]:
        rows = await self.execute("SELECT status FROM deliveries ORDER BY event_sequence, id")
        return [row["status"] for row in rows]

    async def kinds(self, human_request_id: str = "r1") -> list[str]:
        """The history of a request."""
        rows = await self.execute(
            "SELECT kind FROM human_request_events WHERE human_request_id = $1 ORDER BY sequence", human_request_id
        )
        return [row["kind"] for row in rows]

    async def one_of_each(self, *wanted: str) -> bool:
        return sorted(await self.statuses()) == sorted(wanted)

    async def all(self, status: str) -> bool:
        return set(await self.statuses()) == {status}


@asynccontextmanager
async def environment(url: str, folder: Path, **changes: Any) -> AsyncIterator[Environment]:
    settings = settings_for(url, folder, **changes)
    current_context.set(RequestContext({}, METHODS["ListWebhooks"]))
    async with pool(url, 5, "test") as database, AsyncExitStack() as exits:
        built = Environment(settings, database, exits)
        exits.push_async_callback(built.client.aclose)
        yield built
