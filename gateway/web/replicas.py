"""Finding the replicas of a service: one name, as many addresses as stand behind it."""

import asyncio
import socket

from gateway.settings import host_and_port


async def replicas(address: str) -> list[str]:
    """Every `ip:port` behind a `host:port`, in stable order; none where the name is unknown."""
    host, port = host_and_port(address)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return sorted({f"[{place[0]}]:{port}" if ":" in str(place[0]) else f"{place[0]}:{port}" for *_, place in found})
