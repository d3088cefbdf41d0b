"""The catalogue: what tools there are."""

from collections.abc import Mapping
from dataclasses import replace

from servicekit import pagination
from servicekit.errors import permission_denied
from servicekit.idempotency import Answer, Once
from servicekit.identity.principal import Principal
from servicekit.postgres import Connection, Database
from servicekit.request_context import current_context
from services.tools import errors, reach
from services.tools.catalogue import definitions, server_tools, store
from services.tools.catalogue.grpc_tools.registration import GrpcRegistration
from services.tools.catalogue.http_tools import HttpTools
from services.tools.catalogue.loading import LoadedTools
from services.tools.catalogue.plugins import BUILTIN_MODULE, FunctionTool
from services.tools.models import READ, GrpcSource, HttpSource, McpSource, Tool, ToolFilter

DEFINED_BY_CODE = {"builtin", "plugin"}


class Catalogue:
    """Reads and changes it."""

    def __init__(
        self,
        database: Database,
        plugins: Mapping[str, FunctionTool],
        http_tools: HttpTools,
        grpc_registration: GrpcRegistration,
        loaded: LoadedTools,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._http_tools = http_tools
        self._grpc_registration = grpc_registration
        self._loaded = loaded

    async def get(self, name: str, caller: Principal) -> Tool:
        async with self._database.connection() as connection:
            tool = await store.get(connection, name)
        if tool is not None and reach.may_see(caller, tool):
            return tool
        if reach.seen_by(caller) is not None:
            # Audited so whether there is such a tool or not.
            current_context.get().denial = permission_denied(READ)
        raise errors.tool_not_found(name)

    async def page(
        self, wanted: ToolFilter, caller: Principal, page_size: int, page_token: str
    ) -> tuple[list[Tool], str]:
        """A page of what the caller is shown in order of the names, and the token of the next."""
        asked = pagination.page_request(page_size, page_token, wanted.fields, str)
        among = reach.run_by(caller) if wanted.invocable else reach.seen_by(caller)
        async with self._database.connection() as connection:
            found = await store.list_after(connection, asked.after or "", wanted, among, asked.limit)
        return asked.page(found, lambda tool: [tool.name])

    async def create(self, tool: Tool, once: Once[Tool, Answer]) -> Answer:
        """Registers a tool."""

        async def create(connection: Connection) -> Tool:
            await self._require_reconciler(connection, prepared)
            return await self._insert(connection, prepared)

        # First of all: to prepare may mean to ask a gRPC server, which is gone by now where this is a retry.
        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier
        if isinstance(tool.source, McpSource):
            server_tools.with_own_settings(None, tool)
        prepared = await self._prepare(tool)
        answer = await once.run(self._database, create)
        self._loaded.forget(tool.name)
        return answer

    async def update(self, tool: Tool, etag: str, once: Once[tuple[Tool, bool], Answer]) -> Answer:
        """Replaces a tool, or registers it where there is none; tells of it and whether it is new."""

        async def update(connection: Connection) -> tuple[Tool, bool]:
            standing = await store.get_for_update(connection, prepared.name)
            await self._require_reconciler(connection, prepared)
            if standing is None and not isinstance(prepared.source, McpSource):
                if etag:
                    raise errors.tool_not_found(prepared.name)
                return await self._insert(connection, prepared), True
            if standing is not None:
                _require_changeable(standing, etag)
            is_a_servers = any(one is not None and isinstance(one.source, McpSource) for one in (standing, prepared))
            changed = server_tools.with_own_settings(standing, prepared) if is_a_servers else prepared
            replaced = await store.replace(connection, changed)
            if standing is not None and standing.outage is not None and standing.outage.is_gone:
                await store.mark_gone(connection, prepared.name)
            await store.announce(connection, prepared.name)
            return replaced, False

        earlier = await once.earlier(self._database)
        if earlier is not None:
            return earlier
        prepared = await self._prepare(tool)
        answer = await once.run(self._database, update)
        self._loaded.forget(tool.name)
        return answer

    async def delete(self, name: str, etag: str) -> None:
        async with self._database.transaction() as connection:
            standing = await store.get_for_update(connection, name)
            if standing is None:
                raise errors.tool_not_found(name)
            _require_changeable(standing, etag)
            if isinstance(standing.source, McpSource) and not (standing.outage and standing.outage.is_gone):
                raise errors.tool_defined_by_server(name, "pause it, or remove the server.")
            await store.delete(connection, name)
            await store.announce(connection, name)
        self._loaded.forget(name)

    async def pause(self, name: str, by: str, reason: str) -> Tool:
        """Lets nothing of a tool begin until it is resumed."""
        async with self._database.transaction() as connection:
            await store.pause(connection, name, by, reason)
            tool = await _changed(connection, name)
        self._loaded.forget(name)
        return tool

    async def resume(self, name: str) -> Tool:
        """Lets a tool run again."""
        async with self._database.transaction() as connection:
            await store.resume(connection, name)
            tool = await _changed(connection, name)
        self._loaded.forget(name)
        return tool

    async def register_plugins(self) -> None:
        """Brings the catalogue in line with the functions that are installed here."""
        async with self._database.transaction() as connection:
            for name in await store.names_defined_by_code(connection):
                if name not in self._plugins:
                    await store.delete(connection, name)
                    await store.announce(connection, name)
            for name, plugin in sorted(self._plugins.items()):
                await self._register(connection, name, plugin)

    async def _prepare(self, tool: Tool) -> Tool:
        """Checks a definition, asks a gRPC server for its method, and gives the definition its etag.

        Outside of any transaction, because it may wait for another server.
        """
        match tool.source:
            case HttpSource():
                prepared = replace(tool, kind="http")
                self._http_tools.require_usable(tool.source, tool.input_schema)
            case GrpcSource():
                prepared = await self._grpc_registration.complete(tool, tool.source)
            case McpSource():
                # Whether it stands so in the catalogue is seen where it is changed.
                prepared = replace(tool, kind="mcp")
            case None:
                raise errors.tool_without_source(tool.name)
        return definitions.checked(prepared)

    async def _require_reconciler(self, connection: Connection, prepared: Tool) -> None:
        """A name that is no tool's would find out nothing, and nobody would know."""
        if prepared.reconcile_tool and await store.get(connection, prepared.reconcile_tool) is None:
            raise errors.tool_not_found(prepared.reconcile_tool)

    async def _insert(self, connection: Connection, prepared: Tool) -> Tool:
        if prepared.name in self._plugins:
            raise errors.tool_defined_by_code(prepared.name)
        created = await store.insert(connection, prepared)
        if created is None:
            raise errors.tool_exists(prepared.name)
        await store.announce(connection, prepared.name)
        return created

    async def _register(self, connection: Connection, name: str, plugin: FunctionTool) -> None:
        kind = "builtin" if plugin.function.__module__ == BUILTIN_MODULE else "plugin"
        tool = definitions.checked(replace(plugin.definition, kind=kind))
        standing = await store.get_for_update(connection, name)
        if standing is not None and standing.etag == tool.etag:
            return
        if standing is not None and standing.kind not in DEFINED_BY_CODE:
            raise SystemExit(
                f"A plug-in offers a tool named {name!r}, which is registered as a {standing.kind} tool already. "
                "Delete that one, or uninstall the plug-in."
            )
        if standing is None:
            # Another replica may be registering the same; then both write the same.
            await store.insert(connection, tool)
        else:
            await store.replace(connection, tool)
        await store.announce(connection, name)


async def _changed(connection: Connection, name: str) -> Tool:
    tool = await store.get(connection, name)
    if tool is None:
        raise errors.tool_not_found(name)
    await store.announce(connection, name)
    return tool


def _require_changeable(standing: Tool, etag: str) -> None:
    if standing.kind in DEFINED_BY_CODE:
        raise errors.tool_defined_by_code(standing.name)
    if etag and etag != standing.etag:
        raise errors.etag_mismatch(standing.name)
