"""Somebody who is told by HTTP: a receiver on loopback that answers as a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook as Checking


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
class WebhookReceiver:
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
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    running = WebhookReceiver()
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
