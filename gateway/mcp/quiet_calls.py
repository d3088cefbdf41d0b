"""Calls of tools that tell nothing while they run, answered without the SDK's stream and its tasks for each.

The SDK has two ways to answer a request of the revision 2026-07-28. The one that may stream makes a stream, a group and
two tasks a call, a fifth of what a call costs here; the other just answers. By that one go calls whose client asks for
neither progress nor words. What it lacks is here, begun for those calls only that last: the end of a call whose client
goes away, and the comments that keep a silent answer's connection open.
"""

import asyncio
from collections.abc import Callable

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import Message, Receive, Scope, Send

VERSION, METHOD = b"mcp-protocol-version", b"mcp-method"
VERSIONS = frozenset(version.encode() for version in MODERN_PROTOCOL_VERSIONS)
CALL, STREAMED = b"tools/call", b"text/event-stream"
# Where one of these stands in a body, its client may want to be told how the call comes on.
WANTS_TO_HEAR = (b"progressToken", b"io.modelcontextprotocol/logLevel")
# Escapes may hide them.
ESCAPED = rb"\u00"
# Most calls have ended before this, and nobody need look after them.
ATTENDED_AFTER_SECONDS = 0.05
# As the SDK does it.
PING_SECONDS = 15.0
PING = b": ping\r\n\r\n"
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"connection", b"keep-alive"),
    (b"x-accel-buffering", b"no"),
]


def may_be_quiet(scope: Scope) -> bool:
    """Whether the headers are those of such a call; the SDK refuses them where the body says otherwise."""
    headers = dict(scope["headers"])
    is_call = headers.get(METHOD) == CALL and headers.get(VERSION) in VERSIONS
    return is_call and STREAMED in headers.get(b"accept", b"")


def is_quiet(body: bytes) -> bool:
    """Whether a call's client has nothing to hear before the answer."""
    return ESCAPED not in body and not any(each in body for each in WANTS_TO_HEAR)


async def answer(manager: StreamableHTTPSessionManager, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers such a call. `manager`: one that answers in JSON."""
    with anyio.CancelScope() as cancellable:
        attendant = _Attendant(receive, send, cancellable.cancel)
        try:
            await manager.handle_request(scope, receive, attendant.send)
        finally:
            attendant.leave()


class _Attendant:
    """Stays with a call that lasts."""

    def __init__(self, receive: Receive, send: Send, cancel: Callable[[], None]) -> None:
        """`cancel`: ends the call."""
        self._receive = receive
        self._send = send
        self._cancel = cancel
        self._is_answered = False
        # Once a comment was sent, the answer is an event of the stream that has begun so.
        self._streams = False
        # What is sent keeps its order.
        self._sending = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._begins = asyncio.get_running_loop().call_later(ATTENDED_AFTER_SECONDS, self._begin)

    def leave(self) -> None:
        """The call has ended."""
        self._begins.cancel()
        if self._task is not None:
            self._task.cancel()

    async def send(self, message: Message) -> None:
        """Sends a part of the answer."""
        self._is_answered = True
        async with self._sending:
            if not self._streams:
                await self._send(message)
            elif message["type"] == "http.response.body":
                event = b"event: message\r\ndata: " + message["body"] + b"\r\n\r\n"
                await self._send({"type": "http.response.body", "body": event, "more_body": False})

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._attend())

    async def _attend(self) -> None:
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    message = await self._receive()
            except TimeoutError:
                await self._ping()
                continue
            if message["type"] == "http.disconnect":
                self._cancel()
                return

    async def _ping(self) -> None:
        async with self._sending:
            if self._is_answered:
                return
            if not self._streams:
                self._streams = True
                await self._send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            await self._send({"type": "http.response.body", "body": PING, "more_body": True})
