"""What stands behind a tool that is not a function: an HTTP endpoint, a gRPC method, a tool of an MCP server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Parts of sources that came after the first releases.
LATER = frozenset(
    ("parameters", "body", "follow_redirects", "transport_profile", "caller_headers", "metadata", "server_name")
)


@dataclass(frozen=True, slots=True)
class HttpParameter:
    """Where an argument of an HTTP tool goes; the fields are those of http_placement.proto, none left empty."""

    argument: str
    location: str
    name: str
    style: str
    explode: bool
    allow_reserved: bool = False
    # `application/json`, or empty.
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class HttpPart:
    """How an argument becomes a part of a form."""

    argument: str
    format: str = ""
    explode: bool = True
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class HttpRequestBody:
    """What the body of a request is made of."""

    format: str = "json"
    content_type: str = ""
    argument: str = ""
    parts: Sequence[HttpPart] = ()


@dataclass(frozen=True, slots=True)
class HttpSource:
    """An HTTP endpoint behind a tool."""

    method: str
    url: str
    headers: Mapping[str, str]
    parameters: Sequence[HttpParameter] = ()
    # None: what is left over becomes the query or a JSON document, by the method.
    body: HttpRequestBody | None = None
    # Of 307 and 308, within one origin.
    follow_redirects: bool = False
    # By which its server is reached; empty: none.
    transport_profile: str = ""
    # Names of headers of the caller that are sent along where they came.
    caller_headers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class GrpcSource:
    """A gRPC method behind a tool."""

    target: str
    method: str
    tls: bool
    # Sent along, with secrets named in it.
    metadata: Mapping[str, str] = field(default_factory=dict)
    # By which its server is reached; empty: none.
    transport_profile: str = ""
    # What it is called by where that is not the host of the target; else empty.
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class McpSource:
    """A tool of an MCP server."""

    server: str
    # Its name there.
    tool: str
    # Of how the server is reached: what humans approved is not run by another one.
    digest: str = ""
