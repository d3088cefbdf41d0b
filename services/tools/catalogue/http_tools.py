"""Tools that are HTTP endpoints."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from yarl import URL

from servicekit.ssrf import AddressNotAllowedError, AddressPolicy, GuardedResolver, host_of
from services.tools import errors
from services.tools.catalogue import answers
from services.tools.catalogue.named_secrets import Secrets
from services.tools.models import HttpSource, Json, Output

PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
DOTS = {".", ".."}
WITHOUT_BODY = {"GET", "HEAD", "DELETE"}
# Statuses whose answers have no content, whatever their headers say.
WITHOUT_CONTENT = {204, 205}
CHUNK_BYTES = 65_536
# Of the answer, in the sentence of an error; characters.
MAX_EXCERPT = 500


class UpstreamError(Exception):
    """The server behind a tool could not be reached or answered with an error; the message is for the caller."""


class UnansweredError(aiohttp.ClientError):
    """The server took the request, or may have, and closed the connection without an answer."""


class HttpTools:
    """Calls endpoints over one pool of connections."""

    def __init__(self, addresses: AddressPolicy, secrets: Secrets, max_response_bytes: int) -> None:
        self._addresses = addresses
        self._secrets = secrets
        self._max_response_bytes = max_response_bytes
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def require_usable(self, source: HttpSource) -> None:
        """Checks what can be checked before the first call.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, INVALID_REQUEST, SECRET_NOT_FOUND.
        """
        try:
            self._addresses.require_literal_allowed(host_of(source.url))
        except AddressNotAllowedError as error:
            raise errors.address_not_allowed("tool.http.url", str(error)) from None
        except ValueError as error:
            raise errors.url_invalid("tool.http.url", str(error)) from None
        self._secrets.require(source.headers)

    async def call(self, source: HttpSource, arguments: Mapping[str, Json], headers: Mapping[str, str]) -> Output:
        """Sends the arguments and returns the answer, whatever it is as long as its status is 2xx.

        Args:
            source: where to.
            arguments: fill the URL; those left over become the query or the body.
            headers: the ids of the call, sent along.

        Raises:
            UpstreamError: no answer, another status than 2xx.
            AddressNotAllowedError: the host is or resolves to an address that is not allowed.
            ServiceError: SECRET_NOT_FOUND.
        """
        method = source.method or "POST"
        url, rest = _fill(source.url, arguments)
        self._addresses.require_literal_allowed(host_of(url))
        sent: dict[str, Any] = {"headers": {**headers, **self._secrets.fill(source.headers)}}
        if method in WITHOUT_BODY:
            sent["params"] = [(key, _as_text(value)) for key, value in rest.items()]
        else:
            sent["data"] = orjson.dumps(rest)
            sent["headers"].setdefault("Content-Type", "application/json")
        try:
            async with self._client().request(
                method, URL(url, encoded=True), allow_redirects=False, **sent
            ) as response:
                if response.status // 100 != 2:  # noqa: PLR2004 - 2xx
                    raise UpstreamError(
                        f"{method} {_origin(url)} answered {response.status}{await self._told(response)}"
                    )
                return await self._answered(response)
        except aiohttp.ClientError as error:
            refused = _address_error(error)
            if refused is not None:
                raise refused from None
            raise UpstreamError(f"{method} {_origin(url)} failed: {type(error).__name__}: {error}") from None

    async def _answered(self, response: aiohttp.ClientResponse) -> Output:
        """The result of a 2xx answer. The server has done it by now: nothing raises any more."""
        most = self._max_response_bytes
        received = bytearray()
        try:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                received += chunk
                if len(received) > most:
                    return answers.too_large(most)
        except asyncio.CancelledError as error:
            raise answers.CutOffError(*error.args) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            return answers.broken(f"{type(error).__name__}: {error}")
        if response.status in WITHOUT_CONTENT or response.method == "HEAD":
            return Output(None)
        return answers.whole(bytes(received), response.headers, most)

    async def _told(self, response: aiohttp.ClientResponse) -> str:
        """What an answer that is no success says of itself, as much as an error has room for."""
        try:
            received = await response.content.read(CHUNK_BYTES)
        except (aiohttp.ClientError, ConnectionError):
            return ""
        # Cut after the mask: half a secret is not known as one.
        told = self._secrets.mask().text(answers.excerpt(received, response.headers, CHUNK_BYTES))[:MAX_EXCERPT]
        return f": {told}" if told else ""

    def _client(self) -> aiohttp.ClientSession:
        # Made on first use: it must be made within the loop.
        if self._session is None:
            connector = aiohttp.TCPConnector(resolver=GuardedResolver(self._addresses), use_dns_cache=False)
            self._session = aiohttp.ClientSession(
                connector=connector,
                # The invocation's own timeout ends it; aiohttp's five minutes would come in its way.
                timeout=aiohttp.ClientTimeout(total=None, connect=10),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Not by aiohttp, to which what it cannot undo is no answer.
                auto_decompress=False,
                headers={"Accept-Encoding": "gzip, deflate"},
                middlewares=(_send_once,),
            )
        return self._session


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending GET, HEAD, PUT and DELETE again: what was done once would be told as done twice."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        # Nothing was sent, and aiohttp does not repeat it.
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise UnansweredError(f"closed without an answer ({error}); it may have been done") from error


def _fill(template: str, arguments: Mapping[str, Json]) -> tuple[str, dict[str, Json]]:
    rest = dict(arguments)

    def value(match: re.Match[str]) -> str:
        if match[1] not in arguments:
            raise UpstreamError(f"The URL needs the argument {match[1]!r}; make it required in the input schema.")
        rest.pop(match[1], None)
        return quote(_as_text(arguments[match[1]]), safe="")

    filled = PLACEHOLDER.sub(value, template)
    if (DOTS & _segments(filled)) - _segments(template):
        raise UpstreamError("The arguments may not make '.' or '..' of a part of the path: it would climb out of it.")
    return filled, rest


def _segments(url: str) -> set[str]:
    return set(url.partition("?")[0].split("/"))


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _origin(url: str) -> str:
    """The URL without its query, where callers put what nobody should read in an error."""
    return url.partition("?")[0]


def _address_error(error: BaseException) -> AddressNotAllowedError | None:
    """The refusal of our resolver, which aiohttp wraps."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressNotAllowedError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
