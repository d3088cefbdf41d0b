"""Tools ready to run: what the catalogue has of a tool, compiled and connected, kept until the tool changes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from cachetools import LRUCache

from servicekit.errors import Violation
from servicekit.json_values import long_integers_as_strings
from servicekit.postgres import Database
from servicekit.schemas import Schema
from services.tools import errors
from services.tools.catalogue import definitions, placement, store
from services.tools.catalogue.grpc_tools.calls import GrpcCalls
from services.tools.catalogue.grpc_tools.descriptors import find_method
from services.tools.catalogue.http_tools import HttpTools, UpstreamError
from services.tools.catalogue.message_arguments import ArgumentsError, Reader, completion, reader
from services.tools.catalogue.plugins import FunctionTool, ToolContext
from services.tools.catalogue.readings import JUDGED, AmbiguousError, Completion, Readings
from services.tools.models import GrpcSource, HttpSource, Json, McpSource, Output, Tool

DEFAULT_TIMEOUT_SECONDS = 30
# Of what is kept, schemas above all; the least recently used tool goes first.
MAX_LOADED_BYTES = 128 * 1024 * 1024
# What a tool takes without its schemas.
TOOL_BYTES = 8_192
# What a byte of descriptors takes once they are read: 28 to 71, measured of files of fields, enums and empty messages.
READ_TIMES = 40
LOOK_AGAIN_SECONDS = 5.0

# Runs a tool: arguments, what it may report to, the ids to send along. What a function gives is its result as it is.
Run = Callable[[dict[str, Json], ToolContext, Mapping[str, str]], Awaitable[Output | Json]]


class McpTools(Protocol):
    """Runs tools of MCP servers."""

    async def call(
        self,
        source: McpSource,
        arguments: dict[str, Json],
        context: ToolContext,
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> Output:
        """One call, never sent again; `headers` are the ids of the invocation."""


@dataclass(frozen=True, slots=True)
class LoadedTool:
    """A tool ready to run."""

    tool: Tool
    input_schema: Schema
    output_schema: Schema
    run: Run
    timeout_seconds: int
    # Arguments that fit it need an approval; None where none do.
    approval: Schema | None
    # What keeps arguments that fit the schema from being sent.
    unsendable: Callable[[Mapping[str, Json]], list[Violation]]
    # Gives arguments the names and types of the tool's contract; None where JSON itself is the contract.
    reader: Reader | None = None
    # What else arguments may be taken for, where a condition decides.
    readings: Readings | None = None
    # Fills in what is done where an argument is left out.
    complete: Completion = dict

    def read(self, arguments: dict[str, Json], length: int = 0) -> dict[str, Json]:
        """Arguments in the one form that schema, policy, people, record and call all see; `length` as `Schema.faults`.

        Raises:
            ServiceError: ARGUMENTS_INVALID.
        """
        try:
            exact = self.exact(arguments)
        except ArgumentsError as error:
            raise errors.arguments_invalid(self.tool.name, [Violation("/", str(error)[:500])], "") from None
        faults = self.faults(exact, length if self.reader is None else 0)
        if faults and isinstance(self.tool.source, HttpSource):
            # Agents send null for what they leave out, to schemas that know no null.
            given = {name: value for name, value in exact.items() if value is not None}
            if len(given) < len(exact) and not self.faults(given):
                exact, faults = given, ()
        if faults:
            raise errors.arguments_invalid(self.tool.name, faults, "")
        return exact if self.reader is None else long_integers_as_strings(exact)

    def require_not_paused(self) -> None:
        """Refuses to begin anything of a tool that is paused.

        Raises:
            ServiceError: TOOL_PAUSED.
        """
        if self.tool.pause is not None:
            raise errors.tool_paused(self.tool.name, self.tool.pause)

    def faults(self, exact: dict[str, Json], length: int = 0) -> Sequence[Violation]:
        """Why arguments, with whole numbers exact, are not taken: by the schema, or because they cannot be sent."""
        return self.input_schema.faults(exact, length) or self.unsendable(exact)

    def exact(self, arguments: dict[str, Json]) -> dict[str, Json]:
        """Arguments with the names and types of the contract, and with whole numbers that JSON could not carry.

        Raises:
            ArgumentsError: the contract has no such arguments.
        """
        return arguments if self.reader is None else self.reader(arguments)

    def needs_approval(self, arguments: Json) -> bool:
        """Whether humans must approve a run with these arguments."""
        if self.approval is None:
            return False
        # Whoever sends more than can be checked must not pass by it.
        if not self.approval.can_check(arguments, JUDGED):
            return True
        # A policy may speak of what is carried as a string or of the number that it is: either protects.
        if self.approval.fits(arguments) or self.approval.fits(self.exact(arguments)):
            return True
        try:
            others = list(self.readings.of(arguments)) if self.readings else []
        except AmbiguousError:
            return True
        return any(not self.approval.can_check(other, JUDGED) or self.approval.fits(other) for other in others)

    def obeys(self, schema: Schema, document: Json, arguments: dict[str, Json], *, share: int = 1) -> bool:
        """Whether arguments obey a schema, however they may be read: what might mean something else does not.

        Args:
            schema: the schema, compiled.
            document: the same as it was written; None takes everything.
            arguments: in the form that `read` gives.
            share: how many such questions are asked about them together, each of which may cost its part.
        """
        if document is None:
            return True
        times = JUDGED * share
        if not schema.can_check(arguments, times) or not schema.fits(arguments):
            return False
        readings = Readings(document, self.tool.input_schema, self.complete)
        try:
            others = [self.exact(arguments), *readings.of(arguments)]
        except AmbiguousError:
            return False
        return all(schema.can_check(other, times) and schema.fits(other) for other in others)

    def only(self, arguments: dict[str, Json]) -> dict[str, Json] | None:
        """A schema that these arguments obey, and what they may be read as, and no others; None: there is none."""
        try:
            others = [self.exact(arguments), *Readings({}, self.tool.input_schema, self.complete).of(arguments)]
        except (AmbiguousError, ArgumentsError):
            return None
        each = [arguments]
        each.extend(other for at, other in enumerate(others) if other not in [arguments, *others[:at]])
        return {"const": arguments} if len(each) == 1 else {"enum": each}

    @property
    def memory_bytes(self) -> int:
        """About what it takes to keep it."""
        schemas = (self.input_schema, self.output_schema, self.approval)
        described = READ_TIMES * len(self.tool.descriptors or b"")
        return TOOL_BYTES + described + sum(one.memory_bytes for one in schemas if one)


class LoadedTools:
    """Loads tools when they are asked for first."""

    def __init__(
        self,
        database: Database,
        plugins: Mapping[str, FunctionTool],
        http_tools: HttpTools,
        grpc_calls: GrpcCalls,
        mcp_tools: McpTools,
    ) -> None:
        self._database = database
        self._plugins = plugins
        self._http_tools = http_tools
        self._grpc_calls = grpc_calls
        self._mcp_tools = mcp_tools
        self._loaded: LRUCache[str, LoadedTool] = LRUCache(MAX_LOADED_BYTES, lambda loaded: loaded.memory_bytes)
        self._changes = 0
        self._last_change: Any = None

    async def find(self, name: str) -> LoadedTool | None:
        """The tool of this name, ready to run; None where there is none.

        Raises:
            ServiceError: TOOL_NOT_LOADED.
        """
        loaded = self._loaded.get(name)
        if loaded is not None:
            return loaded
        changes = self._changes
        async with self._database.connection() as connection:
            tool = await store.get(connection, name)
        if tool is None:
            return None
        loaded = self._load(tool)
        # What was read before a change and arrives after it would stay, with its old policy, until the next change.
        if changes == self._changes and loaded.memory_bytes <= MAX_LOADED_BYTES:
            self._loaded[name] = loaded
        return loaded

    def forget(self, name: str | None) -> None:
        """A tool changed, or, without a name, any may have: they are loaded anew when they are asked for."""
        self._changes += 1
        if name is None:
            self._loaded.clear()
        else:
            self._loaded.pop(name, None)

    async def follow(self) -> None:
        """Looks, for ever, whether a change was missed: an announcement may get lost."""
        while True:
            await self._look()
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _look(self) -> None:
        async with self._database.connection() as connection:
            last_change = await store.last_change(connection)
        if last_change != self._last_change:
            self._last_change = last_change
            self.forget(None)

    def _load(self, tool: Tool) -> LoadedTool:
        complete = self._completion(tool)
        conditional = tool.approval is not None and tool.approval.mode == "when"
        return LoadedTool(
            tool,
            definitions.input_schema(tool.input_schema),
            Schema(tool.output_schema, "output_schema"),
            self._runner(tool),
            tool.timeout_seconds or DEFAULT_TIMEOUT_SECONDS,
            definitions.approval_schema(tool.approval),
            partial(placement.faults, tool.source) if isinstance(tool.source, HttpSource) else _nothing,
            reader(find_method(tool.descriptors or b"", tool.source).input_type)
            if isinstance(tool.source, GrpcSource)
            else None,
            Readings(tool.approval.when, tool.input_schema, complete) if tool.approval and conditional else None,
            complete,
        )

    def _completion(self, tool: Tool) -> Completion:
        if isinstance(tool.source, GrpcSource):
            return completion(find_method(tool.descriptors or b"", tool.source).input_type)
        plugin = self._plugins.get(tool.name)
        return dict if plugin is None else plugin.complete

    def _runner(self, tool: Tool) -> Run:
        source, seconds = tool.source, tool.timeout_seconds or DEFAULT_TIMEOUT_SECONDS
        if isinstance(source, HttpSource):

            async def run_http(arguments: dict[str, Json], _: ToolContext, headers: Mapping[str, str]) -> Output:
                return await self._http_tools.call(source, arguments, headers)

            return run_http
        if isinstance(source, GrpcSource):
            call = self._grpc_calls.caller(source, find_method(tool.descriptors or b"", source))

            async def run_grpc(arguments: dict[str, Json], context: ToolContext, headers: Mapping[str, str]) -> Output:
                return await call(arguments, context, headers, seconds)

            return run_grpc
        if isinstance(source, McpSource):
            is_gone = tool.outage is not None and tool.outage.is_gone

            async def run_mcp(arguments: dict[str, Json], context: ToolContext, headers: Mapping[str, str]) -> Output:
                if is_gone:
                    raise UpstreamError(f"{store.GONE} Nothing was sent.")
                return await self._mcp_tools.call(source, arguments, context, headers, seconds)

            return run_mcp
        plugin = self._plugins.get(tool.name)
        if plugin is None:
            raise errors.tool_not_loaded(tool.name)

        def run_function(
            arguments: dict[str, Json], context: ToolContext, _headers: Mapping[str, str]
        ) -> Awaitable[Json]:
            return plugin(arguments, context)

        return run_function


def _nothing(_arguments: Mapping[str, Json]) -> list[Violation]:
    """Nothing keeps them from being sent but what schema and reader say."""
    return []
