"""Keeps tools from reaching what only the server may reach: loopback, private and link-local addresses (SSRF)."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from services.tools.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressNotAllowedError(Exception):
    """A tool points where it may not; the message is for the caller."""


class Addresses:
    """Which addresses tools may reach: public ones, and those of the allowed networks."""

    def __init__(self, allowed_networks: Sequence[Network]) -> None:
        self._allowed = allowed_networks

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of them allowed.

        Raises:
            AddressNotAllowedError: when one of them is not.
            OSError: when the name has none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self.require_allowed(host, address)
        return addresses

    def require_allowed(self, host: str, address: str) -> None:
        """Refuses an address that tools may not reach.

        Raises:
            AddressNotAllowedError: naming the host that resolved to it.
        """
        ip = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if not self._allows(ip):
            raise AddressNotAllowedError(f"{host} is {ip}, an address that tools may not reach.")

    def require_literal_allowed(self, host: str) -> None:
        """The same for a host that is written as an address, or is plainly this machine; other names pass."""
        if host == "localhost" or host.endswith(".localhost"):
            self.require_allowed(host, "127.0.0.1")
        try:
            address = str(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            return
        self.require_allowed(host, address)

    def _allows(self, ip: Address) -> bool:
        if any(ip.version == network.version and ip in network for network in self._allowed):
            return True
        return ip.is_global and not ip.is_multicast


class GuardedResolver(AbstractResolver):
    """Resolves for aiohttp; the connection goes to the very addresses that were checked."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._addresses.resolve(host, port)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def host_of(url: str) -> Any:
    """The host of a URL, None where it has none."""
    return urlsplit(url).hostname
