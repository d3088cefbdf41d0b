"""What the tests of telling others share: a receiver on loopback, rows as the service writes them, a sender on both."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import web
from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook as Checking

from servicekit.notifications import listening
from servicekit.postgres import Connection, Database
from servicekit.postgres import database as pool
from servicekit.server import background
from servicekit.ssrf import AddressPolicy
from services.hitl.delivery.delivery_worker import Sender
from services.hitl.delivery.metrics import DeliveryMeasures
from services.hitl.delivery.sealing import Sealing, new_secret
from services.hitl.delivery.store import deliveries
from services.hitl.delivery.webhook_client import Receivers
from services.hitl.delivery.webhooks import Webhooks
from services.hitl.models import Happening, IssuedWebhook, WebhookDefinition
from services.hitl.settings import Settings

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


async def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What the condition returns as soon as that is true; it may be a coroutine function."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)


@dataclass
class Received:
    id: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def checked(self, secret: str) -> dict[str, Any]:
        """The message, after the check that a receiver makes."""
        found: dict[str, Any] = Checking(secret).verify(self.body, self.headers)
        return found


@dataclass
class Receiver:
    """Takes deliveries; `answers` says what comes back, the last of them for ever: a status, `reset`, `hang`, `huge`."""

    port: int = 0
    answers: list[Any] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    overlaps: list[str] = field(default_factory=list)
    # While it is not set, nothing is answered.
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [each.message for each in self.received]

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        delivery = request.headers["webhook-id"]
        if delivery in self.open:
            self.overlaps.append(delivery)
        self.open.add(delivery)
        try:
            self.received.append(Received(delivery, request.path, dict(request.headers), body))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            await self.may_answer.wait()
            return await self.reply(request, answer)
        finally:
            self.open.discard(delivery)

    async def reply(self, request: web.Request, answer: Any) -> web.StreamResponse:
        assert request.transport is not None
        match answer:
            case "reset":
                request.transport.abort()
                return web.Response()
            case "hang":
                # Whoever hangs up is gone, which the server does not tell us.
                self.open.discard(request.headers["webhook-id"])
                await asyncio.sleep(60)
                return web.Response()
            case "huge":
                response = web.StreamResponse()
                await response.prepare(request)
                while not request.transport.is_closing():
                    await response.write(b"x" * 65536)
                return response
            case status:
                return web.Response(status=status, headers=self.headers, text="whatever")


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    running = Receiver()
    application = web.Application()
    application.router.add_route("*", r"/{path:[\s\S]*}", running.take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    running.port = runner.addresses[0][1]
    try:
        yield running
    finally:
        await runner.cleanup()


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


class House:
    """A database with webhooks, and senders on it."""

    def __init__(self, settings: Settings, database: Database, exits: AsyncExitStack) -> None:
        self.settings = settings
        self.database = database
        self.sealing = Sealing.load(settings.hitl_secrets_key_file)
        self.receivers = self.make_receivers()
        self.webhooks = Webhooks(database, self.receivers, self.sealing)
        self.measures: list[DeliveryMeasures] = []
        self.loaded: list[str] = []
        self.fail_to_load = False
        self._exits = exits

    def make_receivers(self) -> Receivers:
        settings = self.settings
        return Receivers(
            AddressPolicy(settings.hitl_allowed_networks),
            settings.hitl_deliveries_at_a_time,
            settings.hitl_delivery_timeout_seconds,
        )

    def sender(self, **changes: Any) -> Sender:
        """A sender that does not run."""
        settings = self.settings.model_copy(update=changes)
        measures = DeliveryMeasures(CollectorRegistry())
        self.measures.append(measures)
        receivers = self.make_receivers()
        self._exits.push_async_callback(receivers.aclose)
        return Sender(
            settings, self.database, receivers, self.sealing, CALLBACK_SECRET, self.load, self.happened, measures
        )

    async def start(self, **changes: Any) -> Sender:
        """A sender that runs as it does in a replica."""
        sender = self.sender(**changes)
        await self._exits.enter_async_context(
            listening(self.settings.database_url, {"deliveries": sender.wake}),
        )
        await self._exits.enter_async_context(background({"deliveries": sender.run}))
        return sender

    async def load(self, human_request_id: str) -> dict[str, Any]:
        self.loaded.append(human_request_id)
        if self.fail_to_load:
            raise RuntimeError("no such thing")
        return {"id": human_request_id, "prompt": "May I?", "options": ["yes", "nö"]}

    async def happened(self, connection: Connection, happening: Happening) -> None:
        """As the service records events: under the lock of the events."""
        await connection.execute("SELECT pg_advisory_xact_lock(1)")
        await self.record(connection, happening.human_request_id, happening.kind, happening.principal, happening.detail)

    async def webhook(self, url: str, **fields: Any) -> IssuedWebhook:
        wanted = WebhookDefinition(url, **fields)
        await self.webhooks.require_allowed(wanted)
        async with self.database.transaction() as connection:
            return await self.webhooks.create(connection, wanted)

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
async def house(url: str, folder: Path, **changes: Any) -> AsyncIterator[House]:
    settings = settings_for(url, folder, **changes)
    async with pool(url, 5, "test") as database, AsyncExitStack() as exits:
        built = House(settings, database, exits)
        exits.push_async_callback(built.receivers.aclose)
        yield built
