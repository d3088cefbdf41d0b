"""What a client of the revision 2025-11-25 and the endpoint keep between requests, and who has how much of it.

A session is what lets the server ask back and tell of changes, and the client cancel. It lives in one replica, to which
the edge leads its requests, and is lost with it: then the answer is 404, and the client begins another. Who has as many
as one may have is served without one, as the revision 2026-07-28 is.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio
from cachetools import TTLCache
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from gateway.mcp import quiet_calls
from gateway.mcp.callers import Caller

HEADER = "mcp-session-id"
VERSION = "mcp-protocol-version"
IDLE_SECONDS = 1800.0
# In one replica, together and of one principal: measured, one takes 35 KB.
MAX_SESSIONS = 1_000
MAX_OF_ONE = 100
# An `initialize` is no larger, and few calls are.
MAX_READ_BYTES = 65_536


class Streams(Protocol):
    """What is said on the streams that sessions hold open."""

    def rounds(self, request: Request, session_id: str) -> AsyncIterator[None]:
        """Says it, again and again; ends when the stream must."""

    def forget(self, session_id: str) -> None:
        """A session has ended."""


class Sessions:
    """The server over HTTP, with and without a session."""

    def __init__(self, served: Server[Any], streams: Streams, max_body_bytes: int) -> None:
        """`max_body_bytes`: larger bodies are 413."""
        self._streams = streams
        # Hosts and origins are checked by the endpoint and the edge.
        security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._without = StreamableHTTPSessionManager(
            served, stateless=True, security_settings=security, max_request_body_size=max_body_bytes
        )
        self._quiet = StreamableHTTPSessionManager(
            served,
            stateless=True,
            json_response=True,
            security_settings=security,
            max_request_body_size=max_body_bytes,
        )
        self._within = StreamableHTTPSessionManager(
            served,
            security_settings=security,
            max_request_body_size=max_body_bytes,
            session_idle_timeout=IDLE_SECONDS,
            max_sessions=MAX_SESSIONS,
        )
        # Whose each is. One that is forgotten here before its end counts no more, and goes on.
        self._owners: TTLCache[str, str] = TTLCache(MAX_SESSIONS, IDLE_SECONDS)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serves while the block lasts."""
        async with self._without.run(), self._quiet.run(), self._within.run():
            yield

    async def handle(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> None:
        """Answers a request of a caller."""
        if quiet_calls.may_be_quiet(scope):
            body, again = await _body(receive)
            if body is not None and quiet_calls.is_quiet(body):
                await quiet_calls.answer(self._quiet, scope, again, send)
                return
            receive = again
        await self._answer(scope, receive, send, caller)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> None:
        request = Request(scope, receive)
        # Nobody else's requests are let into it.
        scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=caller.principal, scopes=[]))
        session_id = request.headers.get(HEADER)
        if session_id is not None:
            is_own = self._owners.get(session_id) == caller.principal
            if request.method == "DELETE" and is_own:
                del self._owners[session_id]
                self._streams.forget(session_id)
            self._keep(session_id)
            if request.method == "GET":
                await self._streamed(request, session_id, send)
            else:
                await self._within.handle_request(scope, receive, send)
            return
        opens, again = await _opens(request, receive)
        if not (opens and self._has_room(caller.principal)):
            await self._without.handle_request(scope, again, send)
            return

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                for name, value in message["headers"]:
                    if name.decode().lower() == HEADER:
                        self._owners[value.decode()] = caller.principal
            await send(message)

        await self._within.handle_request(scope, again, noted)

    def _keep(self, session_id: str) -> None:
        """Its time counts from now on."""
        if session_id in self._owners:
            self._owners[session_id] = self._owners[session_id]

    async def _streamed(self, request: Request, session_id: str, send: Send) -> None:
        """Serves the stream of a session until its client goes away, or it must end."""
        is_open = False

        async def noted(message: Message) -> None:
            nonlocal is_open
            is_open = message["type"] == "http.response.start" or bool(message.get("more_body"))
            await send(message)

        async with anyio.create_task_group() as group:

            async def served() -> None:
                await self._within.handle_request(request.scope, request.receive, noted)
                group.cancel_scope.cancel()

            group.start_soon(served)
            async for _ in self._streams.rounds(request, session_id):
                self._keep(session_id)
            group.cancel_scope.cancel()
        if is_open and not await request.is_disconnected():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _has_room(self, principal: str) -> bool:
        self._owners.expire()
        of_all = Counter(self._owners.values())
        return of_all.total() < MAX_SESSIONS and of_all[principal] < MAX_OF_ONE


async def _opens(request: Request, receive: Receive) -> tuple[bool, Receive]:
    """Whether it is the first of a client that knows sessions, and its body to be read once more."""
    if request.headers.get(VERSION) in MODERN_PROTOCOL_VERSIONS:
        return False, receive
    body, again = await _body(receive)
    if body is None:
        return False, again
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False, again
    return isinstance(said, dict) and said.get("method") == "initialize", again


async def _body(receive: Receive) -> tuple[bytes | None, Receive]:
    """The body, None where it is longer than is looked at, and the same to be read once more."""
    read: list[Message] = []
    size = 0
    while size <= MAX_READ_BYTES:
        message = await receive()
        read.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            break

    async def again() -> Message:
        return read.pop(0) if read else await receive()

    if size > MAX_READ_BYTES:
        return None, again
    return b"".join(message.get("body", b"") for message in read), again
