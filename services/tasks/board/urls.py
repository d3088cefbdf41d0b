"""What stands behind the URLs that are shown as evidence: read once, under guard, and told by its digest."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from servicekit.masking import mask_of
from servicekit.ssrf import AddressNotAllowedError, AddressPolicy, GuardedResolver, host_of
from services.tasks.models import Read

OK = 200
CHUNK_BYTES = 64 * 1024
MAX_ERROR_LENGTH = 300
# At a time, of all who complete tasks here.
MAX_CONNECTIONS = 16


class UrlReader:
    """Reads what strangers name, from where they may send us."""

    def __init__(self, addresses: AddressPolicy, max_bytes: int, timeout_seconds: float) -> None:
        """Takes what may be reached, how much is read of one, and how long all of one completion may take."""
        self._addresses = addresses
        self._max_bytes = max_bytes
        self._timeout_seconds = timeout_seconds

    async def read(self, urls: Iterable[str]) -> Mapping[str, Read]:
        """What stands behind each, by the URL; whatever goes wrong is in it."""
        wanted = list(dict.fromkeys(urls))
        if not wanted:
            return {}
        async with self._session() as session:
            found = await asyncio.gather(*(self._one(session, url) for url in wanted))
        return dict(zip(wanted, found, strict=True))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        # One for each completion: what one caller's server does to a connection is nobody else's matter.
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._addresses), use_dns_cache=False, limit=MAX_CONNECTIONS, force_close=True
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            # The digest is of what is sent.
            auto_decompress=False,
            headers={"User-Agent": "qmcp-tasks", "Accept-Encoding": "identity"},
        ) as session:
            yield session

    async def _one(self, session: aiohttp.ClientSession, url: str) -> Read:
        try:
            self._addresses.require_literal_allowed(host_of(url))
            async with session.get(URL(url, encoded=True), allow_redirects=False) as response:
                if response.status != OK:
                    return Read(error=f"its server answered {response.status}, not 200; redirects are not followed")
                return await self._digest(response)
        except TimeoutError:
            return Read(error=f"it was not there within {self._timeout_seconds:g} seconds")
        except AddressNotAllowedError as error:
            return Read(error=str(error).rstrip("."))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # More people read it than the URL.
            why = mask_of(url).text(f"{type(error).__name__}: {error}")
            return Read(error=f"it could not be read: {why[:MAX_ERROR_LENGTH]}")

    async def _digest(self, response: aiohttp.ClientResponse) -> Read:
        digest, size = hashlib.sha256(), 0
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            if size > self._max_bytes:
                return Read(error=f"it is larger than {self._max_bytes} bytes")
            digest.update(chunk)
        return Read(digest.hexdigest())
