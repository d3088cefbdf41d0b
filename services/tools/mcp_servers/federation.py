"""Brings the catalogue in line with what MCP servers list, and tells how they stand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from servicekit.large import LARGE_BYTES, beside
from servicekit.masking import Mask
from servicekit.notifications import wait_for
from servicekit.postgres import Connection as DatabaseConnection
from servicekit.postgres import Database
from services.tools.catalogue import definitions
from services.tools.catalogue import store as tools_store
from services.tools.catalogue.loading import LoadedTools
from services.tools.mcp_servers import listing, store
from services.tools.mcp_servers.connections import McpConnections
from services.tools.mcp_servers.models import McpServer, RefusedTool
from services.tools.metrics import ToolMetrics
from services.tools.models import McpSource, Tool

if TYPE_CHECKING:
    import mcp_types as types

    from services.tools.mcp_servers.connection import Connection

# Of announcements that may get lost.
LOOK_AGAIN_SECONDS = 5.0
MAX_SERVERS_READ = 500
MAX_REFUSED = 50


class Federation:
    """The side of a replica: each does it for itself, and two that do it at once do the same."""

    def __init__(
        self,
        database: Database,
        replica: UUID,
        connections: McpConnections,
        loaded: LoadedTools,
        metrics: ToolMetrics,
    ) -> None:
        self._database = database
        self._replica = replica
        self._connections = connections
        self._loaded = loaded
        self._metrics = metrics

    async def follow(self) -> None:
        """Connects what is registered and takes over what is listed, for ever."""
        while True:
            self._connections.news.clear()
            async with self._database.connection() as connection:
                servers = await store.list_after(connection, "", MAX_SERVERS_READ)
            await self._connections.keep(servers)
            await self._tell()
            for server in self._connections:
                await self.take(server)
            self._metrics.mcp_servers(
                {
                    one.server.name: (one.state == "available", one.server.standing.tool_count)
                    for one in self._connections
                }
            )
            await wait_for(self._connections.news, LOOK_AGAIN_SECONDS)

    async def take(self, connection: "Connection") -> None:
        """Takes over what it has listed since it was taken last, and tells how it stands."""
        listed = connection.listed
        if listed is not None:
            found = await beside(
                LARGE_BYTES, _definitions, connection.server, listed, self._connections.links.secrets.mask()
            )
            await self._write(connection.server, *found)
            if connection.listed is listed:
                connection.listed = None
        await self._tell()

    async def _tell(self) -> None:
        standings = [(one.server.name, one.state, one.since, one.why) for one in self._connections]
        async with self._database.connection() as connection:
            await store.record_standings(connection, self._replica, standings)

    async def _write(self, server: McpServer, tools: Sequence[Tool], refused: Sequence[RefusedTool]) -> None:
        changed: list[str] = []
        async with self._database.transaction() as connection:
            registered = await store.get_for_update(connection, server.name)
            if registered is None or registered.digest != server.digest:
                # It is another one by now; that one is listed by itself.
                return
            standing = {_its_name(tool): tool for tool in await tools_store.of_server(connection, server.name)}
            listed = {_its_name(tool): tool for tool in tools}
            turned_away = list(refused)
            for name, tool in listed.items():
                written = await _take_over(connection, registered, tool, standing.get(name))
                if written is None:
                    turned_away.append(RefusedTool(name[: listing.MAX_TITLE], "its name is taken in the catalogue"))
                elif written != standing.get(name):
                    changed.append(written.name)
            unlisted = [standing[name] for name in standing.keys() - listed.keys()]
            changed += [tool.name for tool in unlisted if await _let_go(connection, tool)]
            for name in changed:
                await tools_store.announce(connection, name)
            await store.record_refresh(connection, server.name, turned_away[:MAX_REFUSED])
        for name in changed:
            self._loaded.forget(name)


def _definitions(server: McpServer, listed: "Sequence[types.Tool]", mask: Mask) -> tuple[list[Tool], list[RefusedTool]]:
    made = [listing.definition(server, tool, mask) for tool in listed]
    return [one for one in made if isinstance(one, Tool)], [one for one in made if isinstance(one, RefusedTool)]


def _its_name(tool: Tool) -> str:
    assert isinstance(tool.source, McpSource)
    return tool.source.tool


async def _take_over(
    connection: DatabaseConnection, server: McpServer, listed: Tool, standing: Tool | None
) -> Tool | None:
    """The tool as it stands then; None where no name of its is free."""
    # By the definition that stands now: what an administrator has changed meanwhile holds.
    tool = definitions.checked(listing.with_settings(listed, server))
    if standing is None:
        inserted = await tools_store.insert(connection, tool)
        if inserted is None:
            other = replace(tool, name=listing.distinct_name(server.name, _its_name(tool)))
            inserted = await tools_store.insert(connection, definitions.checked(other))
        return inserted
    kept = replace(tool, name=standing.name, tags=standing.tags, labels=standing.labels)
    if standing.own_settings:
        kept = replace(
            kept,
            approval=standing.approval,
            timeout_seconds=standing.timeout_seconds,
            max_concurrency=standing.max_concurrency,
            own_settings=True,
        )
    kept = definitions.checked(kept)
    is_back = standing.outage is not None and standing.outage.is_gone
    return standing if kept.etag == standing.etag and not is_back else await tools_store.replace(connection, kept)


async def _let_go(connection: DatabaseConnection, tool: Tool) -> bool:
    """Removes what is listed no more; what people have settled about it stays, should it come back."""
    if tool.own_settings or tool.pause is not None:
        if tool.outage is not None and tool.outage.is_gone:
            return False
        await tools_store.mark_gone(connection, tool.name)
    else:
        await tools_store.delete(connection, tool.name)
    return True
