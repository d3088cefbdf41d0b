"""HTTP connections to servers of others: straight to addresses that are checked, or by the proxy of a profile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from servicekit.ssrf import AddressPolicy, GuardedResolver, host_of
from services.tools.upstreams.profiles import TransportProfile, TransportProfiles

# Puts secrets into templates of headers.
Fill = Callable[[Mapping[str, str]], dict[str, str]]
AUTHORIZATION = "Proxy-Authorization"


@dataclass(frozen=True, slots=True)
class Ways:
    """By what servers are reached, as all who connect to some share it."""

    addresses: AddressPolicy
    profiles: TransportProfiles
    fill: Fill

    def require_usable(self, url: str, profile: str) -> None:
        """Checks what can be checked before the first connection.

        Raises:
            AddressNotAllowedError: the host is written as an address that is not allowed.
            ServiceError: TRANSPORT_PROFILE_NOT_FOUND, SECRET_NOT_FOUND.
            ValueError: it is no URL with a host.
        """
        self.addresses.require_literal_allowed(host_of(url))
        found = self.profiles.get(profile)
        if found is not None:
            self.fill({AUTHORIZATION: found.proxy_authorization})


@dataclass(slots=True)
class Connections:
    """Requests of one kind, each over a connection that it shares with others of the same way."""

    ways: Ways
    headers: Mapping[str, str]
    timeout: aiohttp.ClientTimeout
    middlewares: Sequence[aiohttp.ClientMiddlewareType] = ()
    # How many at a time; 0: any number.
    limit: int = 100
    # Whether each request has one of its own.
    force_close: bool = False
    _sessions: dict[bool, aiohttp.ClientSession] = field(default_factory=dict, repr=False)

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def request(
        self, method: str, url: str, *, profile: str = "", headers: Mapping[str, str], **how: Any
    ) -> aiohttp.ClientResponse:
        """One request, and the beginning of its answer, which is to be closed; redirects are not followed.

        Args:
            method: of HTTP.
            url: where to, encoded.
            profile: the name of a transport profile; empty: none.
            headers: to send.
            how: what else aiohttp takes.

        Raises:
            AddressNotAllowedError: as `aiohttp.ClientError`s cause too; `address_error` finds it.
            ServiceError: TRANSPORT_PROFILE_NOT_FOUND, SECRET_NOT_FOUND.
            aiohttp.ClientError, OSError: no answer.
        """
        self.ways.addresses.require_literal_allowed(host_of(url))
        found = self.ways.profiles.get(profile)
        if found is not None:
            # One of its own for each: aiohttp uses no connection of another context again.
            how["ssl"] = self.ways.profiles.context(found)
            if found.proxy:
                headers = await self._by_proxy(found, URL(url, encoded=True), headers, how)
        session = self._session(by_proxy=found is not None and bool(found.proxy))
        return await session.request(method, URL(url, encoded=True), allow_redirects=False, headers=headers, **how)

    async def _by_proxy(
        self, profile: TransportProfile, url: URL, headers: Mapping[str, str], how: dict[str, Any]
    ) -> Mapping[str, str]:
        """Sets the proxy in `how`, and gives the headers of the request.

        The proxy resolves the name again, so what it reaches is its own to guard. What can be known here is refused
        here: a name that this machine resolves to an address that is not allowed.
        """
        assert url.raw_host is not None
        assert url.port is not None
        await self.ways.addresses.require_resolved_allowed(url.raw_host, url.port)
        how["proxy"] = URL(profile.proxy, encoded=True)
        if not profile.proxy_authorization:
            return headers
        filled = self.ways.fill({AUTHORIZATION: profile.proxy_authorization})
        if url.scheme == "https":
            # To the proxy alone, which is asked for a tunnel.
            how["proxy_headers"] = filled
            return headers
        return {**{name: value for name, value in headers.items() if name.lower() != AUTHORIZATION.lower()}, **filled}

    def _session(self, *, by_proxy: bool) -> aiohttp.ClientSession:
        # Made on first use: it must be made within the loop.
        if by_proxy not in self._sessions:
            # An operator's proxy may stand at any address; nothing but proxies is connected to by that session.
            resolver = aiohttp.ThreadedResolver() if by_proxy else GuardedResolver(self.ways.addresses)
            self._sessions[by_proxy] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=resolver, use_dns_cache=False, limit=self.limit, force_close=self.force_close
                ),
                timeout=self.timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Not by aiohttp, to which what it cannot undo is no answer.
                auto_decompress=False,
                headers=self.headers,
                middlewares=self.middlewares,
            )
        return self._sessions[by_proxy]
