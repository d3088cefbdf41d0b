"""From which address a call came, as far as that tells strangers apart."""

import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import unquote

# The edge writes it, from what its setting of trusted proxies makes of the caller, and takes it from everybody else.
HEADER = "x-qmcp-client-address"
# A household or a machine has so many bits of IPv6 addresses to itself.
IPV6_PREFIX = 64


def address_of(metadata: Mapping[str, str | bytes], peer: Callable[[], str]) -> str:
    """Who made the call: as the edge says, else who connected.

    Args:
        metadata: headers as they came.
        peer: gRPC's word for the connection, `ipv4:127.0.0.1:50051`; asked where the edge says nothing.
    """
    told = metadata.get(HEADER)
    if isinstance(told, str) and told:
        return told
    return unquote(peer()).partition(":")[2].rpartition(":")[0].strip("[]")


def holder(address: str) -> str:
    """Whoever has the address: of IPv6 a network, for one caller has as many of its addresses as it likes."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - of IP
        return address
    return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
