"""The HTTP side of delivery: which addresses may be called, one POST, and what its answer means."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import aiohttp
from yarl import URL

from servicekit.errors import Violation, invalid_argument, invalid_field
from servicekit.masking import mask_of
from servicekit.retry_after import seconds_of
from servicekit.ssrf import AddressNotAllowedError, AddressPolicy, GuardedResolver, host_of
from servicekit.webhooks.delivery_result import DeliveryResult

# What is read of an answer: it is thrown away, but a connection whose answer was read can be used again.
MAX_READ_BYTES = 64 * 1024
# How long a name may take to resolve when it is registered, seconds.
RESOLVES_WITHIN = 5.0
MAX_ERROR_LENGTH = 500


class WebhookClient:
    """Posts to addresses that strangers gave us, over one pool of connections."""

    def __init__(self, addresses: AddressPolicy, at_a_time: int, timeout_seconds: float, sender: str) -> None:
        """Takes what may be reached, how many posts at a time, how long one may take, and the name of who posts."""
        self._sender = sender
        self._addresses = addresses
        self._at_a_time = at_a_time
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def require_allowed(self, field: str, url: str) -> None:
        """Refuses an address that may not be called. A name that nobody knows yet passes: each try looks again.

        Args:
            field: of the request, for the error.
            url: http or https.

        Raises:
            ServiceError: ADDRESS_NOT_ALLOWED; INVALID_REQUEST for what is no URL.
        """
        try:
            host = host_of(url)
            port = URL(url, encoded=True).port
            self._addresses.require_literal_allowed(host)
            with suppress(OSError):  # a timeout is one
                async with asyncio.timeout(RESOLVES_WITHIN):
                    await self._addresses.resolve(host, port or 443)
        except AddressNotAllowedError as error:
            raise invalid_argument("ADDRESS_NOT_ALLOWED", f"{field}: {error}", [Violation(field, str(error))]) from None
        except ValueError as error:
            raise invalid_field(field, f"is no URL: {error}") from None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> DeliveryResult:
        """Sends once; whatever goes wrong is in the result."""
        try:
            self._addresses.require_literal_allowed(host_of(url))
            async with self._client().post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                # The result stands with the status; what comes after it changes nothing.
                with suppress(aiohttp.ClientError, TimeoutError):
                    await _discard(response)
                return _result_of(response)
        except TimeoutError:
            return DeliveryResult(0, f"There was no answer within {self._timeout_seconds:g} seconds.")
        except AddressNotAllowedError as error:
            return DeliveryResult(0, str(error))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # More people read it than the URL.
            why = mask_of(url).text(f"{type(error).__name__}: {error}")
            return DeliveryResult(0, why[:MAX_ERROR_LENGTH])

    def _client(self) -> aiohttp.ClientSession:
        # Made on first use: it must be made within the loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=GuardedResolver(self._addresses), use_dns_cache=False, limit=self._at_a_time
                ),
                timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Nobody looks at the answer, so nobody unpacks it.
                auto_decompress=False,
                headers={"User-Agent": self._sender},
            )
        return self._session


async def _discard(response: aiohttp.ClientResponse) -> None:
    """Reads the answer to its end; of a long one the connection is closed."""
    read = 0
    async for chunk in response.content.iter_any():
        read += len(chunk)
        if read > MAX_READ_BYTES:
            response.close()
            return


def _result_of(response: aiohttp.ClientResponse) -> DeliveryResult:
    if response.status // 100 == 2:  # noqa: PLR2004 - 2xx
        return DeliveryResult(response.status)
    what = f"The receiver answered {response.status}"
    if response.status // 100 == 3:  # noqa: PLR2004 - 3xx
        what += ", and redirects are not followed"
    return DeliveryResult(response.status, f"{what}.", seconds_of(response.headers.get("Retry-After", "")))
