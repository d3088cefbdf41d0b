"""A forward proxy on loopback: tunnels by CONNECT, and plain requests by their whole address; it keeps what it was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """What it was asked, head by head."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    # By host: the port on loopback that stands for it.
    hosts: dict[str, int] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode())
            method, target = head.decode().split()[:2]
            tunnel = method == "CONNECT"
            address = urlsplit(f"//{target}" if tunnel else target)
            port = self.hosts.get(address.hostname or "", address.port)
            there, onward = await asyncio.open_connection("127.0.0.1", port)
            if tunnel:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                # As most servers want it; one request for each connection.
                path = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
                onward.write(head.replace(target.encode(), path.encode(), 1)[:-2] + b"Connection: close\r\n\r\n")
            await asyncio.gather(_passed_on(reader, onward), _passed_on(there, writer))
        writer.close()


async def _passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
    writer.close()


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    running = Proxy()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
