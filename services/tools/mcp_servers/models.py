"""The nouns of MCP servers: how one is reached, how it stands, what of its tools is not taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.tools.models import ApprovalPolicy

State = Literal["connecting", "available", "unavailable"]


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """Streamable HTTP."""

    url: str
    headers: Mapping[str, str]
    # By which it is reached; empty: none.
    transport_profile: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """As it is stored and told apart from others; what came later only where there is some of it."""
        later = {"transport_profile": self.transport_profile} if self.transport_profile else {}
        return {"url": self.url, "headers": dict(self.headers), **later}


@dataclass(frozen=True, slots=True)
class StdioTransport:
    """A process of this machine, by the name that the administrator gave its command."""

    command: str

    @property
    def fields(self) -> dict[str, Any]:
        return {"command": self.command}


@dataclass(frozen=True, slots=True)
class RefusedTool:
    """A tool that the server lists and the catalogue does not take."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a server stands, over all replicas, and what it said of itself."""

    state: State = "connecting"
    since: datetime | None = None
    reason: str = ""
    refreshed_at: datetime | None = None
    tool_count: int = 0
    refused: Sequence[RefusedTool] = ()


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server whose tools are in the catalogue."""

    name: str
    transport: HttpTransport | StdioTransport
    # What its tools have as long as they have none of their own.
    approval: ApprovalPolicy | None = None
    timeout_seconds: int = 0
    max_concurrency: int = 0
    etag: str = ""
    # Of what stands behind its tools: a tool of another one is another tool.
    digest: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    standing: Standing = Standing()
