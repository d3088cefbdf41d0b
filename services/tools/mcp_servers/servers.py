"""MCP servers as callers see them: registered, changed, removed, listed again on demand."""

import asyncio
import hashlib
from dataclasses import replace

import orjson

from servicekit import pagination
from servicekit.errors import permission_denied
from servicekit.idempotency import Answer, Once
from servicekit.identity.principal import Principal
from servicekit.postgres import Connection, Database
from servicekit.request_context import current_context
from services.tools import errors, reach
from services.tools.catalogue import definitions
from services.tools.catalogue import store as tools_store
from services.tools.catalogue.loading import LoadedTools
from services.tools.mcp_servers import listing, store
from services.tools.mcp_servers.connections import McpConnections
from services.tools.mcp_servers.federation import Federation
from services.tools.mcp_servers.models import McpServer
from services.tools.models import READ, McpSource, Tool

# A connection of each replica each.
MAX_SERVERS = 100
LOOK_AGAIN_SECONDS = 0.05


class McpServers:
    """Reads and changes them."""

    def __init__(
        self, database: Database, loaded: LoadedTools, connections: McpConnections, federation: Federation
    ) -> None:
        self._database = database
        self._loaded = loaded
        self._connections = connections
        self._federation = federation

    async def get(self, name: str, caller: Principal) -> McpServer:
        if not _is_shown_to(caller):
            current_context.get().denial = permission_denied(READ)
            raise errors.mcp_server_not_found(name)
        return await self._get(name)

    async def _get(self, name: str) -> McpServer:
        async with self._database.connection() as connection:
            server = await store.get(connection, name)
        if server is None:
            raise errors.mcp_server_not_found(name)
        return server

    async def page(self, caller: Principal, page_size: int, page_token: str) -> tuple[list[McpServer], str]:
        """A page of servers in order of their names, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, (), str)
        if not _is_shown_to(caller):
            return [], ""
        async with self._database.connection() as connection:
            found = await store.list_after(connection, asked.after or "", asked.limit)
        return asked.page(found, lambda server: [server.name])

    async def create(self, server: McpServer, once: Once[McpServer, Answer]) -> Answer:
        """Registers a server; it is connected afterwards."""
        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier
        prepared = self._prepared(server)

        async def create(connection: Connection) -> McpServer:
            return await _insert(connection, prepared)

        answer = await once.run(self._database, create)
        self._connections.news.set()
        return answer

    async def update(self, server: McpServer, etag: str, once: Once[tuple[McpServer, bool], Answer]) -> Answer:
        """Replaces a server's definition and what its tools have of it, or registers it; tells whether it is new."""
        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier
        prepared = self._prepared(server)

        async def update(connection: Connection) -> tuple[McpServer, bool]:
            standing = await store.get_for_update(connection, prepared.name)
            if standing is None:
                if etag:
                    raise errors.mcp_server_not_found(prepared.name)
                return await _insert(connection, prepared), True
            if etag and etag != standing.etag:
                raise errors.etag_mismatch(prepared.name)
            await store.replace(connection, prepared)
            for tool in await tools_store.of_server(connection, prepared.name):
                await _follow(connection, tool, prepared)
            await store.announce(connection, prepared.name)
            return await _found(connection, prepared.name), False

        answer = await once.run(self._database, update)
        self._loaded.forget(None)
        self._connections.news.set()
        return answer

    async def delete(self, name: str, etag: str) -> None:
        """Removes a server and its tools."""
        async with self._database.transaction() as connection:
            standing = await store.get_for_update(connection, name)
            if standing is None:
                raise errors.mcp_server_not_found(name)
            if etag and etag != standing.etag:
                raise errors.etag_mismatch(name)
            for tool in await tools_store.of_server(connection, name):
                await tools_store.announce(connection, tool.name)
            await store.delete(connection, name)
            await store.announce(connection, name)
        self._loaded.forget(None)
        self._connections.news.set()

    async def refresh(self, name: str) -> McpServer:
        """Lists its tools again, or connects it, and returns it as it stands then."""
        await self._get(name)
        self._connections.news.set()
        while (connection := self._connections.get(name)) is None:
            # It was registered this moment, perhaps by another replica.
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            await self._get(name)
        await connection.refreshed()
        await self._federation.take(connection)
        return await self._get(name)

    def _prepared(self, server: McpServer) -> McpServer:
        """Checks a definition, and gives it its etag and the digest of what stands behind its tools."""
        self._connections.links.require_usable(server.transport)
        definitions.check_approval(server.approval)
        digest = _digest(server.transport.fields)
        known = replace(server, digest=digest)
        return replace(
            known, etag=_digest([known.transport.fields, known.approval, known.timeout_seconds, known.max_concurrency])
        )


def _is_shown_to(caller: Principal) -> bool:
    """Whether a caller is shown servers, which tell of all their tools: not where it sees some tools alone."""
    return reach.seen_by(caller) is None


async def _insert(connection: Connection, prepared: McpServer) -> McpServer:
    if await store.count(connection) >= MAX_SERVERS:
        raise errors.too_many_mcp_servers(MAX_SERVERS)
    if not await store.insert(connection, prepared):
        raise errors.mcp_server_exists(prepared.name)
    await store.announce(connection, prepared.name)
    return await _found(connection, prepared.name)


async def _found(connection: Connection, name: str) -> McpServer:
    found = await store.get(connection, name)
    assert found is not None, "it was written in this transaction"
    return found


async def _follow(connection: Connection, tool: Tool, server: McpServer) -> None:
    """Gives a tool what its server's tools have now."""
    assert isinstance(tool.source, McpSource)
    was_gone = tool.outage is not None and tool.outage.is_gone
    followed = definitions.checked(
        listing.with_settings(replace(tool, source=replace(tool.source, digest=server.digest)), server)
    )
    if followed == tool:
        return
    await tools_store.replace(connection, followed)
    if was_gone:
        await tools_store.mark_gone(connection, tool.name)
    await tools_store.announce(connection, tool.name)


def _digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
