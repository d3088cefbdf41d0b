"""The catalogue's nouns: tools, what they give, and which of them are meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from servicekit.identity.scopes import Reach, ScopeColumns
from services.tools.models.sources import GrpcSource, HttpSource, McpSource

READ, INVOKE = "tools.read", "tools.invoke"
Json = Any


@dataclass(frozen=True, slots=True)
class Output:
    """What a tool gave once it had run."""

    result: Json
    # Where the result is not what was to be expected: an ErrorReason, and a sentence. The tool has run all the same.
    reason: str = ""
    why: str = ""
    # What the output schema speaks of where that is not the whole result; else empty.
    judged: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotations:
    """The owner's hints about what running a tool does."""

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """When humans must approve an invocation before it runs, and which; the fields are those of tool.proto."""

    mode: Literal["never", "always", "when"] = "always"
    # JSON Schema; arguments that obey it need an approval where mode is `when`.
    when: Json = None
    assignees: Sequence[str] = ()
    groups: Sequence[str] = ()
    timeout_seconds: int = 0
    required: int = 0
    four_eyes: bool = False


@dataclass(frozen=True, slots=True)
class ToolPause:
    """That nothing of a tool begins: since when, by whom, and why."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ToolOutage:
    """That a tool cannot run now: since when, and why."""

    since: datetime
    reason: str
    # Whether its server lists it no more.
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the catalogue. Schemas are JSON documents, None where there is none."""

    name: str
    kind: str
    title: str = ""
    description: str = ""
    input_schema: Json = None
    output_schema: Json = None
    annotations: Annotations = field(default_factory=Annotations)
    version: str = ""
    tags: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: int = 0
    max_concurrency: int = 0
    source: HttpSource | GrpcSource | McpSource | None = None
    # A serialised FileDescriptorSet, for gRPC tools.
    descriptors: bytes | None = None
    etag: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    # None: nobody is asked.
    approval: ApprovalPolicy | None = None
    # None: it may run.
    pause: ToolPause | None = None
    # Of a tool of an MCP server: whether its approval and limits are its own, and not what its server's tools have.
    own_settings: bool = False
    # None: it can run, as far as is known.
    outage: ToolOutage | None = None
    # The import of an OpenAPI document that it is of; empty where it is of none.
    import_name: str = ""
    # The tool that finds out what became of a run whose end nobody knows; empty: none.
    reconcile_tool: str = ""


@dataclass(frozen=True, slots=True)
class SomeTools:
    """Those that one of several narrowed permissions is for."""

    reaches: Sequence[Reach] = ()

    def include(self, tool: Tool) -> bool:
        return any(each.covers(tool.name, tool.tags, tool.labels) for each in self.reaches)

    def condition(self, columns: ScopeColumns, values: list[Any]) -> str:
        """A condition of SQL that holds for them; the values of its placeholders are added to `values`."""
        return f"({' OR '.join(each.condition(columns, values) for each in self.reaches) or 'false'})"


@dataclass(frozen=True, slots=True)
class ToolFilter:
    """Which tools are listed."""

    # Words that all stand in their texts; empty: any.
    query: str = ""
    kind: str = ""
    # Only what the caller may run.
    invocable: bool = False

    @property
    def fields(self) -> tuple[object, ...]:
        """What a page token is bound to; of what the release before knows, as it has it."""
        return (self.query, self.kind, *([True] if self.invocable else []))
