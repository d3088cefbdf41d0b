"""HTTP to an MCP server: over the guarded connections of HTTP tools, each request once, each answer bounded."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import orjson
from mcp.client.streamable_http import streamable_http_client

from servicekit.errors import ServiceError
from servicekit.large import beside
from servicekit.masking import mask_of
from servicekit.ssrf import AddressNotAllowedError, host_of
from services.tools.catalogue.answers import excerpt
from services.tools.catalogue.credentials import Credentials
from services.tools.catalogue.http_tools import (
    CHUNK_BYTES,
    UNAUTHORIZED,
    UNSENT,
    UnansweredError,
    address_error,
    send_once,
)
from services.tools.catalogue.token_endpoint import TokenError
from services.tools.mcp_servers import wire
from services.tools.mcp_servers.exchange import Exchange, exchange
from services.tools.mcp_servers.models import HttpTransport
from services.tools.upstreams.connections import Connections, Ways

CONNECT_SECONDS = 10.0
# For what is no call of a tool: the handshake, lists.
ANSWER_SECONDS = 30.0
# For the end of a session, which nobody waits for.
CLOSE_SECONDS = 2.0
# A call's connection is let go of a little after the invocation has ended, so that it can be told why.
GRACE_SECONDS = 5.0
# How often the SDK may go on with an answer that breaks off; a server could let it do so for ever.
MAX_RESUMED = 20
# Between two watches of one connection: a server may end each at once.
WATCH_AGAIN_SECONDS = 1.0
# Of an answer that says no, in the sentence of an error.
MAX_EXCERPT = 500
# Of a connection, not of its message.
NOT_PASSED_ON = {"host", "content-length", "connection", "user-agent", "accept-encoding"}
NOT_TOLD = {"content-length", "transfer-encoding", "content-encoding", "connection"}
NOT_FOUND, SUCCESSES_END = 404, 300
BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
MAX_BLANK_LINE = 4
SESSION = "mcp-session-id"
EVENTS, JSON = "text/event-stream", "application/json"
SUBSCRIBE = "subscriptions/listen"


class HttpLink:
    """Streamable HTTP by the SDK, over our connections."""

    told = ""

    def __init__(self, url: str, guarded: "GuardedTransport") -> None:
        self._url = url
        self._guarded = guarded

    @asynccontextmanager
    async def transport(self, on_end: Callable[[], None]) -> AsyncIterator[Any]:
        del on_end
        # A redirect would be a second request.
        async with (
            httpx2.AsyncClient(transport=self._guarded, max_redirects=0, trust_env=False) as client,
            streamable_http_client(self._url, http_client=client, max_sse_event_size=None) as streams,
        ):
            yield streams


class GuardedTransport(httpx2.AsyncBaseTransport):
    """What the SDK's client sends over. It never raises: a failure would end the calls of all others beside it."""

    def __init__(self, ways: Ways, credentials: Credentials, transport: HttpTransport, max_response_bytes: int) -> None:
        """Opens nothing before the first request.

        Args:
            ways: where it may go, and by what.
            credentials: what fills the headers, anew for each request.
            transport: with the headers that are sent along, the credential of the server with them.
            max_response_bytes: the largest answer that is taken.
        """
        self._credentials = credentials
        self._headers = transport.headers
        self._profile = transport.transport_profile
        self._most = max_response_bytes + wire.ENVELOPE_BYTES
        self._connections = Connections(
            ways,
            # What is compressed may be a thousand times as large as what was sent.
            {"Accept-Encoding": "identity", "User-Agent": "qmcp"},
            aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            middlewares=(send_once,),
            # Watches and calls hold a connection each, as long as they last.
            limit=0,
        )
        self._watch_at = 0.0

    async def aclose(self) -> None:
        await self._connections.aclose()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        message = _message(await request.aread())
        asked_by, request_id = exchange.get(), message.get("id")
        try:
            if request.method == "GET":
                await self._require_another(asked_by)
            return await self._answered(request, message, asked_by)
        except AddressNotAllowedError as error:
            return _failed(request_id, wire.ADDRESS, str(error))
        except ServiceError as error:
            return _failed(request_id, wire.UNSENT, error.message)
        except TokenError as error:
            return _failed(request_id, wire.UNSENT, str(error))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            refused = address_error(error)
            if refused is not None:
                return _failed(request_id, wire.ADDRESS, str(refused))
            unsent = isinstance(error, UNSENT)
            why = mask_of(str(request.url)).text(f"{type(error).__name__}: {error}".rstrip(": "))
            return _failed(request_id, wire.UNSENT if unsent else wire.UNANSWERED, why)

    async def _require_another(self, asked_by: Exchange | None) -> None:
        """Keeps a watch, or an answer that is gone on with, from being asked for without end."""
        now = asyncio.get_running_loop().time()
        if asked_by is None:
            wait, self._watch_at = max(0.0, self._watch_at - now), max(now, self._watch_at) + WATCH_AGAIN_SECONDS
            await asyncio.sleep(wait)
            return
        asked_by.resumed += 1
        if asked_by.resumed > MAX_RESUMED or now > asked_by.ends_at + GRACE_SECONDS:
            raise UnansweredError("it broke off")

    async def _answered(
        self, request: httpx2.Request, message: Mapping[str, Any], asked_by: Exchange | None
    ) -> httpx2.Response:
        url = str(request.url)
        self._connections.ways.addresses.require_literal_allowed(host_of(url))
        sent = {name: value for name, value in request.headers.items() if name.lower() not in NOT_PASSED_ON}
        own = await self._credentials.fill(self._headers)
        sent |= {**(asked_by.headers if asked_by else {}), **own}
        response = await self._connections.request(
            request.method,
            url,
            profile=self._profile,
            headers=sent,
            data=request.content or None,
            timeout=_timeout(request, message, asked_by),
        )
        if response.status == UNAUTHORIZED:
            self._credentials.refused(self._headers, own)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if response.status < SUCCESSES_END and kind == EVENTS:
            return httpx2.Response(
                response.status, headers=_told(response), stream=_Events(response, self._most, message.get("id"))
            )
        async with response:
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > self._most:
                    return _failed(message.get("id"), wire.TOO_LARGE, f"It is larger than {self._most} bytes.")
        return await self._whole(response, bytes(received), kind, message)

    async def _whole(
        self, response: aiohttp.ClientResponse, received: bytes, kind: str, message: Mapping[str, Any]
    ) -> httpx2.Response:
        request_id = message.get("id")
        if request_id is not None and response.status >= SUCCESSES_END and not _is_error(received):
            # Cut after the mask: half a secret is not known as one.
            told = self._credentials.secrets.mask().text(excerpt(received, response.headers, CHUNK_BYTES))
            told = told[:MAX_EXCERPT]
            over = response.status == NOT_FOUND and SESSION in response.request_info.headers
            why = f"It answered {response.status}{f': {told}' if told else ''}"
            return _failed(request_id, wire.SESSION_ENDED if over else wire.REFUSED, why)
        if request_id is not None and kind == JSON:
            received = await beside(len(received), wire.exact, received, request_id)
        return httpx2.Response(response.status, headers=_told(response), content=received)


class _Events(httpx2.AsyncByteStream):
    """Server-Sent Events, one after the other: each bounded, each as exact as a whole answer."""

    def __init__(self, response: aiohttp.ClientResponse, most: int, request_id: Any) -> None:
        self._response = response
        self._most = most
        self._request_id = request_id

    async def __aiter__(self) -> AsyncIterator[bytes]:
        waiting, looked_at = bytearray(), 0
        try:
            async for chunk in self._response.content.iter_any():
                waiting += chunk
                while end := BLANK_LINE.search(waiting, max(0, looked_at - MAX_BLANK_LINE)):
                    event, looked_at = bytes(waiting[: end.start()]), 0
                    del waiting[: end.end()]
                    yield await self._exact(event) + b"\n\n"
                looked_at = len(waiting)
                if looked_at > self._most:
                    why = f"It is larger than {self._most} bytes."
                    yield _event(wire.failure(self._request_id, wire.TOO_LARGE, why))
                    return
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise httpx2.ReadError(f"{type(error).__name__}: {error}") from None

    async def aclose(self) -> None:
        self._response.close()

    async def _exact(self, event: bytes) -> bytes:
        fields = [line.partition(b":") for line in event.splitlines()]
        data = b"\n".join(value.removeprefix(b" ") for name, _, value in fields if name == b"data")
        if not data:
            return event
        exact = await beside(len(data), wire.exact, data)
        if exact is data:
            return event
        kept = [b": ".join((name, value.removeprefix(b" "))) for name, _, value in fields if name != b"data"]
        return b"\n".join([*kept, b"data: " + exact])


def _timeout(request: httpx2.Request, message: Mapping[str, Any], asked_by: Exchange | None) -> aiohttp.ClientTimeout:
    """A call has as long as its tool; what waits for news has for ever; the rest has a time of its own."""
    if asked_by is not None:
        left = max(0.0, asked_by.ends_at - asyncio.get_running_loop().time()) + GRACE_SECONDS
        return aiohttp.ClientTimeout(total=left, sock_connect=CONNECT_SECONDS)
    if request.method == "GET" or message.get("method") == SUBSCRIBE:
        return aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    seconds = CLOSE_SECONDS if request.method == "DELETE" else ANSWER_SECONDS
    return aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)


def _message(content: bytes) -> Mapping[str, Any]:
    """The message that a request carries; empty where it carries none. The SDK wrote it."""
    parsed = orjson.loads(content) if content else None
    return parsed if isinstance(parsed, dict) else {}


def _is_error(received: bytes) -> bool:
    """Whether a refusal is one of the protocol, which says more than the status does."""
    try:
        parsed = orjson.loads(received)
    except ValueError:
        return False
    return isinstance(parsed, dict) and isinstance(parsed.get("error"), dict) and "jsonrpc" in parsed


def _told(response: aiohttp.ClientResponse) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.items() if name.lower() not in NOT_TOLD]


def _failed(request_id: Any, kind: str, why: str) -> httpx2.Response:
    if request_id is None:
        # Nobody waits for it.
        return httpx2.Response(502)
    return httpx2.Response(
        200, headers={"Content-Type": JSON}, content=orjson.dumps(wire.failure(request_id, kind, why))
    )


def _event(message: Mapping[str, Any]) -> bytes:
    return b"event: message\ndata: " + orjson.dumps(message) + b"\n\n"
