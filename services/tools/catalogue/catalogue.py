"""The catalogue: what tools there are, and what is loaded of each to run it."""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from servicekit import pagination
from servicekit.postgres import Connection, Database
from servicekit.schemas import Schema, schema_invalid
from servicekit.ssrf import AddressNotAllowedError, AddressPolicy, host_of
from services.tools import errors
from services.tools.catalogue import store
from services.tools.catalogue.grpc_tools import GrpcTools, find_method
from services.tools.catalogue.http_tools import HttpTools
from services.tools.catalogue.message_schemas import schema_of
from services.tools.catalogue.named_secrets import Secrets
from services.tools.catalogue.plugins import BUILTIN_MODULE, FunctionTool, Run
from services.tools.models import ApprovalPolicy, GrpcSource, HttpSource, Json, Tool

DEFAULT_TIMEOUT_SECONDS = 30
MOST_LOADED = 10_000
DEFINED_BY_CODE = {"builtin", "plugin"}

# Runs a tool: arguments, what it may report to, the ids to send along.
Runner = Callable[[dict[str, Json], Run, Mapping[str, str]], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class LoadedTool:
    """A tool ready to run."""

    tool: Tool
    input_schema: Schema
    output_schema: Schema
    run: Runner
    timeout_seconds: int
    # Arguments that fit it need an approval; None where none do.
    approval: Schema | None

    def needs_approval(self, arguments: Json) -> bool:
        """Whether humans must approve a run with these arguments."""
        return self.approval is not None and self.approval.fits(arguments)


class Registry:
    """Reads and changes the catalogue; keeps what was loaded until the tool changes."""

    def __init__(
        self,
        database: Database,
        plugins: Mapping[str, FunctionTool],
        http_tools: HttpTools,
        grpc_tools: GrpcTools,
        addresses: AddressPolicy,
        secrets: Secrets,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._http_tools = http_tools
        self._grpc_tools = grpc_tools
        self._addresses = addresses
        self._secrets = secrets
        # The least recently used tool goes first when there are too many.
        self._loaded: OrderedDict[str, LoadedTool] = OrderedDict()
        self._last_change: Any = None

    async def find(self, name: str) -> LoadedTool | None:
        """The tool of this name, ready to run; None where there is none.

        Raises:
            ServiceError: TOOL_NOT_LOADED.
        """
        loaded = self._loaded.get(name)
        if loaded is None:
            async with self._database.connection() as connection:
                tool = await store.get(connection, name)
            if tool is None:
                return None
            loaded = self._load(tool)
            self._loaded[name] = loaded
            if len(self._loaded) > MOST_LOADED:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(name)
        return loaded

    def forget(self, name: str | None) -> None:
        """A tool changed, or, without a name, any may have: they are loaded anew when they are asked for."""
        if name is None:
            self._loaded.clear()
        else:
            self._loaded.pop(name, None)

    async def notice_changes(self) -> None:
        """Looks whether a change was missed: an announcement may get lost."""
        async with self._database.connection() as connection:
            last_change = await store.last_change(connection)
        if last_change != self._last_change:
            self._last_change = last_change
            self.forget(None)

    async def get(self, name: str) -> Tool:
        async with self._database.connection() as connection:
            tool = await store.get(connection, name)
        if tool is None:
            raise errors.tool_not_found(name)
        return tool

    async def page(self, query: str, kind: str, page_size: int, page_token: str) -> tuple[list[Tool], str]:
        """A page of tools in order of their names, and the token of the next."""
        size = pagination.page_size(page_size)
        after = pagination.after(page_token, (query, kind), width=1)
        async with self._database.connection() as connection:
            found = await store.list_after(connection, after[0] if after else "", query, kind, size + 1)
        page = found[:size]
        return page, pagination.token((query, kind), [page[-1].name]) if len(found) > size else ""

    async def prepare(self, tool: Tool) -> Tool:
        """Checks a definition, asks a gRPC server for its method, and gives the definition its etag.

        Outside of any transaction, because it may wait for another server.
        """
        match tool.source:
            case HttpSource():
                prepared = replace(tool, kind="http")
                self._check_http(tool.source)
            case GrpcSource():
                described = await self._grpc_tools.reflect(tool.source)
                method = find_method(described, tool.source)
                prepared = replace(
                    tool,
                    kind="grpc",
                    descriptors=described,
                    input_schema=schema_of(method.input_type) if tool.input_schema is None else tool.input_schema,
                )
            case None:
                raise errors.tool_without_source(tool.name)
        _check_definition(prepared)
        return replace(prepared, etag=_etag(prepared))

    async def create(self, connection: Connection, prepared: Tool) -> Tool:
        """Registers a prepared tool, in the caller's transaction."""
        if prepared.name in self._plugins:
            raise errors.tool_defined_by_code(prepared.name)
        created = await store.insert(connection, prepared)
        if created is None:
            raise errors.tool_exists(prepared.name)
        await store.announce(connection, prepared.name)
        return created

    async def update(self, connection: Connection, prepared: Tool, etag: str) -> tuple[Tool, bool]:
        """Replaces a tool, or registers it where there is none; returns it and whether it is new."""
        standing = await store.get_for_update(connection, prepared.name)
        if standing is None:
            if etag:
                raise errors.tool_not_found(prepared.name)
            return await self.create(connection, prepared), True
        _require_changeable(standing, etag)
        replaced = await store.replace(connection, prepared)
        await store.announce(connection, prepared.name)
        return replaced, False

    async def delete(self, name: str, etag: str) -> None:
        async with self._database.transaction() as connection:
            standing = await store.get_for_update(connection, name)
            if standing is None:
                raise errors.tool_not_found(name)
            _require_changeable(standing, etag)
            await store.delete(connection, name)
            await store.announce(connection, name)
        self.forget(name)

    async def register_plugins(self) -> None:
        """Brings the catalogue in line with the functions that are installed here."""
        async with self._database.transaction() as connection:
            for name in await store.names_defined_by_code(connection):
                if name not in self._plugins:
                    await store.delete(connection, name)
                    await store.announce(connection, name)
            for name, plugin in sorted(self._plugins.items()):
                await self._register(connection, name, plugin)

    async def _register(self, connection: Connection, name: str, plugin: FunctionTool) -> None:
        kind = "builtin" if plugin.function.__module__ == BUILTIN_MODULE else "plugin"
        tool = replace(plugin.definition, kind=kind)
        _check_definition(tool)
        tool = replace(tool, etag=_etag(tool))
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

    def _check_http(self, source: HttpSource) -> None:
        try:
            self._addresses.require_literal_allowed(host_of(source.url))
        except AddressNotAllowedError as error:
            raise errors.address_not_allowed("tool.http.url", str(error)) from None
        except ValueError as error:
            raise errors.url_invalid("tool.http.url", str(error)) from None
        self._secrets.require(source.headers)

    def _load(self, tool: Tool) -> LoadedTool:
        return LoadedTool(
            tool,
            _input_schema(tool.input_schema),
            Schema(tool.output_schema, "output_schema"),
            self._runner(tool),
            tool.timeout_seconds or DEFAULT_TIMEOUT_SECONDS,
            _approval_schema(tool.approval),
        )

    def _runner(self, tool: Tool) -> Runner:
        source = tool.source
        if isinstance(source, HttpSource):

            async def run_http(arguments: dict[str, Json], _run: Run, headers: Mapping[str, str]) -> Json:
                return await self._http_tools.call(source, arguments, headers)

            return run_http
        if isinstance(source, GrpcSource):
            call = self._grpc_tools.caller(source, tool.descriptors or b"")

            async def run_grpc(arguments: dict[str, Json], _run: Run, headers: Mapping[str, str]) -> Json:
                return await call(arguments, headers)

            return run_grpc
        plugin = self._plugins.get(tool.name)
        if plugin is None:
            raise errors.tool_not_loaded(tool.name)

        def run_function(arguments: dict[str, Json], run: Run, _headers: Mapping[str, str]) -> Awaitable[Json]:
            return plugin(arguments, run)

        return run_function


def _require_changeable(standing: Tool, etag: str) -> None:
    if standing.kind in DEFINED_BY_CODE:
        raise errors.tool_defined_by_code(standing.name)
    if etag and etag != standing.etag:
        raise errors.etag_mismatch(standing.name)


def _etag(tool: Tool) -> str:
    """A digest of the definition: the same definition has the same etag, wherever and whenever it is registered."""
    covered = replace(tool, etag="", created_at=None, updated_at=None, descriptors=None)
    document = orjson.dumps(covered, option=orjson.OPT_SORT_KEYS)
    if tool.approval is None:
        # Tools without one keep the etag that they had before there were approvals.
        fields = orjson.loads(document)
        del fields["approval"]
        document = orjson.dumps(fields)
    return hashlib.sha256(document + (tool.descriptors or b"")).hexdigest()[:16]


def _check_definition(tool: Tool) -> None:
    """Refuses a tool that could not be loaded, or whose approval could never be given."""
    _input_schema(tool.input_schema)
    Schema(tool.output_schema, "output_schema")
    policy = tool.approval
    if policy is None:
        return
    if policy.mode == "when" and policy.when is None:
        raise errors.approval_invalid("when", "is the schema of the arguments that need an approval; it is missing")
    Schema(policy.when, "approval.when")
    if policy.assignees and not policy.groups and policy.required > len(policy.assignees):
        raise errors.approval_invalid("required", "is more than there are assignees: it could never be approved")


def _approval_schema(policy: ApprovalPolicy | None) -> Schema | None:
    if policy is None or policy.mode == "never":
        return None
    return Schema(policy.when if policy.mode == "when" else None, "approval.when")


def _input_schema(document: Json) -> Schema:
    """The schema of arguments, which are always an object."""
    if document is not None and document.get("type", "object") != "object":
        raise schema_invalid("input_schema", "its type must be object, because arguments have names")
    return Schema(document, "input_schema")
