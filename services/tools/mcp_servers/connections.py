"""The connections of a replica: one to each server that is registered, and none to others."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from services.tools.catalogue.http_tools import UpstreamError
from services.tools.catalogue.plugins import ToolContext
from services.tools.mcp_servers.exchange import Exchange, exchange
from services.tools.mcp_servers.links import Links
from services.tools.mcp_servers.models import McpServer
from services.tools.models import Json, McpSource, Output

if TYPE_CHECKING:
    from services.tools.mcp_servers.connection import Connection

# Ids of a call, as HTTP has them in headers and MCP in `_meta`.
META = {"x-correlation-id": "qmcp/correlation_id", "x-qmcp-invocation-id": "qmcp/invocation_id"}


class McpConnections:
    """Starts and ends them as servers come and go."""

    def __init__(self, links: Links, refresh_seconds: float) -> None:
        self.links = links
        # Set when the state or the list of one is another, or when servers may be others.
        self.news = asyncio.Event()
        self._refresh_seconds = refresh_seconds
        self._running: dict[str, tuple[Connection, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Ends all of them, and the processes behind them."""
        await self.keep(())
        await asyncio.gather(*self._ending, return_exceptions=True)

    def __iter__(self) -> "Iterator[Connection]":
        return (connection for connection, _ in list(self._running.values()))

    def get(self, name: str) -> "Connection | None":
        return self._running[name][0] if name in self._running else None

    async def keep(self, servers: Sequence[McpServer]) -> None:
        """Has connections to these and to no others, each in the form in which it is registered now."""
        wanted = {server.name: server for server in servers}
        for name, (connection, task) in list(self._running.items()):
            server = wanted.get(name)
            if server is not None and _is_the_same(server, connection.server):
                connection.server = server
                continue
            del self._running[name]
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        connection_class = await asyncio.to_thread(_connection_class) if wanted else None
        for name, server in wanted.items():
            if connection_class is not None and name not in self._running:
                connection = connection_class(
                    server,
                    partial(self.links.open, server.transport),
                    self.links.secrets.mask,
                    self.news.set,
                    self._refresh_seconds,
                )
                self._running[name] = connection, asyncio.create_task(connection.run())

    async def call(
        self,
        source: McpSource,
        arguments: dict[str, Json],
        context: ToolContext,
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> Output:
        """Runs a tool over the connection to its server; raises as `Connection.call`."""
        connection = self.get(source.server)
        if connection is None:
            raise UpstreamError(f"The MCP server {source.server} is not connected yet. Nothing was sent.")
        ends_at = asyncio.get_running_loop().time() + timeout_seconds
        asked = exchange.set(Exchange(headers, ends_at))
        try:
            meta = {META[name]: value for name, value in headers.items() if name in META}
            return await connection.call(source, arguments, context, meta)
        finally:
            exchange.reset(asked)


def _connection_class() -> "type[Connection]":
    """Imports the SDK with the first server: it takes as long as all else together, and most replicas have none."""
    from services.tools.mcp_servers import connection, http, stdio  # noqa: PLC0415

    del http, stdio
    return connection.Connection


def _is_the_same(server: McpServer, other: McpServer) -> bool:
    return (server.transport, server.created_at) == (other.transport, other.created_at)
