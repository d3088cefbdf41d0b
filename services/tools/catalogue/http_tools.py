"""Tools that are HTTP endpoints."""

import asyncio
import zlib
from collections.abc import Collection, Mapping
from urllib.parse import urljoin

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from servicekit.errors import invalid_argument, invalid_field
from servicekit.masking import mask_of, masked_url
from servicekit.ssrf import AddressNotAllowedError, has_user, host_of
from services.tools import errors
from services.tools.catalogue import answers, placement, templates
from services.tools.catalogue.credentials import Credentials
from services.tools.catalogue.placement import HttpRequest
from services.tools.models import HttpSource, Json, Output
from services.tools.upstreams import callers
from services.tools.upstreams.connections import Connections, Ways

OK = 200
# Redirects that mean the same request, method and body, elsewhere.
SAME_REQUEST = {307, 308}
MAX_REDIRECTS = 5
# Statuses whose answers have no content, whatever their headers say.
WITHOUT_CONTENT = {204, 205}
UNAUTHORIZED = 401
CHUNK_BYTES = 65_536
# What is raised where there was no connection yet, so that nothing was sent; a proxy's refusal of one too.
UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
# Of the answer, in the sentence of an error; characters.
MAX_EXCERPT = 500


class UpstreamError(Exception):
    """The server behind a tool could not be reached or answered with an error; the message is for the caller."""


class NoAnswerError(UpstreamError):
    """It was sent, or may have been, and no answer came: nobody knows whether it was done."""


class UnansweredError(aiohttp.ClientError):
    """The server took the request, or may have, and closed the connection without an answer."""


class HttpTools:
    """Calls endpoints over one pool of connections."""

    def __init__(
        self, ways: Ways, credentials: Credentials, max_response_bytes: int, caller_headers: Collection[str] = ()
    ) -> None:
        """Takes the largest answer that is taken, and the names of headers of callers that may pass."""
        self._ways = ways
        self._caller_headers = frozenset(name.lower() for name in caller_headers)
        self._credentials = credentials
        self._secrets = credentials.secrets
        self._max_response_bytes = max_response_bytes
        self._connections = Connections(
            ways,
            {"Accept-Encoding": "gzip, deflate"},
            # The invocation's own timeout ends it; aiohttp's five minutes would come in its way.
            aiohttp.ClientTimeout(total=None, connect=10),
            middlewares=(send_once,),
        )

    async def aclose(self) -> None:
        await self._connections.aclose()

    def require_usable(self, source: HttpSource, input_schema: Json) -> None:
        """Checks what can be checked before the first call.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED, INVALID_REQUEST, SECRET_NOT_FOUND, TRANSPORT_PROFILE_NOT_FOUND,
                HEADER_NOT_ALLOWED.
        """
        try:
            self._ways.require_usable(source.url, source.transport_profile)
        except AddressNotAllowedError as error:
            raise errors.address_not_allowed("tool.http.url", str(error)) from None
        except ValueError as error:
            raise errors.url_invalid("tool.http.url", str(error)) from None
        for name in source.caller_headers:
            if name.lower() not in self._caller_headers:
                raise errors.header_not_allowed(name)
        if has_user(source.url):
            raise invalid_field("tool.http.url", "has a user in it: put the credential into a header, as ${basic.NAME}")
        if faults := templates.faults(source, input_schema):
            message = f"{faults[0].field} {faults[0].description}."
            raise invalid_argument("INVALID_REQUEST", message, faults)
        self._secrets.require(source.headers)

    async def call(self, source: HttpSource, arguments: Mapping[str, Json], headers: Mapping[str, str]) -> Output:
        """Sends the arguments and returns the answer, whatever it is as long as its status is 2xx.

        Args:
            source: where to.
            arguments: fill the URL and go where the source says; those left over become the query or the body.
            headers: the ids of the call, sent along.

        Raises:
            UpstreamError: no answer, another status than 2xx.
            AddressNotAllowedError: the host is or resolves to an address that is not allowed.
            ServiceError: SECRET_NOT_FOUND; ARGUMENTS_INVALID where they were let in before the URL was looked at.
            TokenError: an authorization server gave no token, so nothing was sent.
        """
        if faults := placement.faults(source, arguments):
            raise errors.arguments_invalid(source.url.partition("?")[0], faults, "")
        request = placement.placed(source, arguments)
        self._ways.addresses.require_literal_allowed(host_of(request.url))
        sent = await self._headers(source, request.headers, headers)
        address = request.address
        for _ in range(1 + MAX_REDIRECTS):
            answered = await self._sent(source, request, address, sent)
            if isinstance(answered, Output):
                return answered
            # A body that was streamed cannot be sent a second time.
            address, request = answered, placement.placed(source, arguments)
        raise UpstreamError(f"{request.method} {masked_url(request.url)} redirected more than {MAX_REDIRECTS} times")

    async def _sent(
        self, source: HttpSource, request: HttpRequest, address: str, headers: CIMultiDict[str]
    ) -> Output | str:
        """The answer to one request, or where it is to be sent instead."""
        method, url = request.method, request.url
        try:
            async with await self._connections.request(
                method, address, profile=source.transport_profile, headers=headers, data=request.body
            ) as response:
                if response.status == UNAUTHORIZED:
                    self._credentials.refused(source.headers, headers)
                if source.follow_redirects and (elsewhere := _same_origin(response, address)):
                    return elsewhere
                if response.status // 100 != 2:  # noqa: PLR2004 - 2xx
                    raise UpstreamError(
                        f"{method} {masked_url(url)} answered {response.status}{self._location(response)}"
                        f"{await self._told(response)}"
                    )
                return await self._answered(response)
        except aiohttp.ClientError as error:
            refused = address_error(error)
            if refused is not None:
                raise refused from None
            why = mask_of(url).text(f"{type(error).__name__}: {error}")
            kind = UpstreamError if isinstance(error, UNSENT) else NoAnswerError
            raise kind(f"{method} {masked_url(url)} failed: {why}") from None

    async def _headers(self, source: HttpSource, given: CIMultiDict[str], ids: Mapping[str, str]) -> CIMultiDict[str]:
        """All headers of a request: the ids of the call, what arguments say, and over both what the owner says."""
        # Again, because a setting may have changed since the tool was registered.
        sent = CIMultiDict(callers.passed([n for n in source.caller_headers if n.lower() in self._caller_headers]))
        sent.update(ids)
        sent.update(given)
        owned = CIMultiDict(await self._credentials.fill(source.headers))
        if "Cookie" in owned and "Cookie" in given:
            owned["Cookie"] = f"{owned['Cookie']}; {given['Cookie']}"
        sent.update(owned)
        return sent

    async def fetch(self, url: str, most: int) -> bytes:
        """What stands at an address, as somebody who defines tools names it; without credentials.

        Raises:
            UpstreamError: it is not there, or larger than `most` bytes.
            AddressNotAllowedError: the host is or resolves to an address that is not allowed.
        """
        try:
            async with await self._connections.request("GET", url, headers={}) as response:
                if response.status != OK:
                    raise UpstreamError(f"it answered {response.status}")
                received = b""
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    received += chunk
                    if len(received) > most:
                        raise UpstreamError(f"it is larger than {most:,} bytes")
                return answers.unpacked(received, response.headers, most)
        except (aiohttp.ClientError, ConnectionError, zlib.error) as error:
            refused = address_error(error)
            if refused is not None:
                raise refused from None
            raise UpstreamError(f"{type(error).__name__}") from None

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

    def _location(self, response: aiohttp.ClientResponse) -> str:
        """Where an answer leads that is not followed."""
        location = response.headers.get("Location", "")
        if response.status // 100 != 3 or not location:  # noqa: PLR2004 - 3xx
            return ""
        return f" with Location {self._secrets.mask().text(location)[:MAX_EXCERPT]!r}"

    async def _told(self, response: aiohttp.ClientResponse) -> str:
        """What an answer that is no success says of itself, as much as an error has room for."""
        try:
            received = await response.content.read(CHUNK_BYTES)
        except (aiohttp.ClientError, ConnectionError):
            return ""
        # Cut after the mask: half a secret is not known as one.
        told = self._secrets.mask().text(answers.excerpt(received, response.headers, CHUNK_BYTES))[:MAX_EXCERPT]
        return f": {told}" if told else ""


def _same_origin(response: aiohttp.ClientResponse, address: str) -> str:
    """Where the same request is to be sent again, encoded; empty where it is not, or is at another origin."""
    location = response.headers.get("Location", "")
    if response.status not in SAME_REQUEST or not location:
        return ""
    try:
        before, after = URL(address, encoded=True), URL(urljoin(address, location))
        # What follows a user's name in a URL may look like a host.
        return str(after.with_fragment(None)) if before.origin() == after.origin() and after.user is None else ""
    except ValueError:
        return ""


async def send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending GET, HEAD, PUT and DELETE again: what was done once would be told as done twice."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        # Nothing was sent, and aiohttp does not repeat it.
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise UnansweredError(f"closed without an answer ({error}); it may have been done") from error


def address_error(error: BaseException) -> AddressNotAllowedError | None:
    """The refusal of our resolver, which aiohttp wraps."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressNotAllowedError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
