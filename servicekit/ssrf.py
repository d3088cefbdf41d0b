"""Keeps what users point us at from being what only we may reach: loopback, private, link-local addresses (SSRF)."""

import asyncio
import ipaddress
import re
import socket
import unicodedata
from collections.abc import Sequence
from contextlib import suppress

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.helpers import is_ip_address
from yarl import URL

from servicekit.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Prefixes whose last 32 bits are an IPv4 address.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
# All that is assigned for public use. Beside it lie what Python calls global because no registry names it: fec0::/10,
# which old networks use within, ::ffff:0:0:0/96, which is translated to any IPv4 address, and what is not assigned yet.
PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
# Documentation, 6to4 and its relays, which the lists of some versions of Python do not have.
NOT_PUBLIC: Sequence[Network] = (
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv6Network("2002::/16"),
    ipaddress.IPv4Network("192.88.99.0/24"),
)


class AddressNotAllowedError(Exception):
    """An address is not for those whom we call for others; the message is for the caller."""


class AddressPolicy:
    """Which addresses may be reached for others: public ones, and those of the allowed networks."""

    def __init__(self, allowed_networks: Sequence[Network]) -> None:
        self._allowed = allowed_networks

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of them allowed.

        Raises:
            AddressNotAllowedError: when one of them is not.
            OSError: when the name has none, or is none.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (UnicodeError, OverflowError) as error:
            # A label that is empty or too long; a port beyond 65535.
            raise OSError(f"{host}:{port} is no address: {error}") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self.require_allowed(host, address)
        return addresses

    async def require_resolved_allowed(self, host: str, port: int) -> None:
        """The same for whom somebody else will resolve it; a name that is not known here passes.

        Raises:
            AddressNotAllowedError: when one of its addresses, as they are known here, is not allowed.
        """
        with suppress(OSError):
            await self.resolve(host, port)

    def require_allowed(self, host: str, address: str) -> None:
        """Refuses an address that may not be reached.

        Raises:
            AddressNotAllowedError: naming the host that resolved to it.
        """
        ip = ipaddress.ip_address(address.partition("%")[0])
        if not self._allows(ip):
            what = host if host == str(ip) else f"{host}, which is {ip},"
            raise AddressNotAllowedError(f"{what} is an address that may not be reached.")

    def require_literal_allowed(self, host: str) -> None:
        """The same for a host that is written as an address, or is plainly this machine; other names pass.

        aiohttp asks no resolver for what looks like an address to it: digits and dots, or a colon. The C library then
        reads `2130706433`, `127.1` and `0177.0.0.1` as 127.0.0.1, so they are read here as it would.
        """
        # Full-width digits and dots become plain ones on the way to the C library.
        name = unicodedata.normalize("NFKC", host).replace("\N{IDEOGRAPHIC FULL STOP}", ".").lower().rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            self.require_allowed(host, "127.0.0.1")
        address = _literal(name)
        if address is not None:
            self.require_allowed(host, address)
        elif is_ip_address(host) or is_ip_address(name):
            raise AddressNotAllowedError(f"{host} looks like an address and is none.")

    def _allows(self, ip: Address) -> bool:
        meant = _within(ip)
        if any(one.version == network.version and one in network for network in self._allowed for one in (ip, meant)):
            return True
        # What is translated by the network is as public as what it is translated to.
        translated = isinstance(ip, ipaddress.IPv6Address) and (ip in NAT64 or ip.ipv4_mapped is not None)
        return _is_public(meant) and (translated or _is_public(ip))


def _literal(name: str) -> str | None:
    """The address that a host name spells, in any form that the C library takes; None where it is a name."""
    try:
        return str(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, UnicodeError):
        return None


def _is_public(ip: Address) -> bool:
    if not ip.is_global or ip.is_multicast or any(ip in network for network in NOT_PUBLIC):
        return False
    return isinstance(ip, ipaddress.IPv4Address) or ip in PUBLIC_IPV6


def _within(ip: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64 or ip in IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


class GuardedResolver(AbstractResolver):
    """Resolves for aiohttp; the connection goes to the very addresses that were checked."""

    def __init__(self, addresses: AddressPolicy) -> None:
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


def host_of(url: str) -> str:
    """The host of a URL as the HTTP client reads it: a second parser could be made to read another one.

    Raises:
        ValueError: when it has none, or is no URL.
    """
    host = URL(url, encoded=True).raw_host
    if not host:
        raise ValueError("it names no host")
    return host


def has_user(url: str) -> bool:
    """Whether a user, a password or the place for one stands before the host, where a credential is easily shown."""
    authority = re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]
    return "@" in authority
