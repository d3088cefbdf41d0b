# Generated from protos/ by client/generate. `make generate` writes it again.

"""The values of tools as callers see them: the messages of the contract without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qmcp.client.tools import properties


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnnotations:
    """Hints of the owner about what running the tool does, as MCP has them."""

    # It changes nothing.
    read_only: bool = False
    # It may destroy something that cannot be had back.
    destructive: bool = False
    # Running it twice with the same arguments has the effect of running it once.
    idempotent: bool = False
    # It touches a world outside QMCP (the web, a mail system).
    open_world: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpParameter:
    """Where an argument of an HTTP tool goes, and in which of OpenAPI's forms.

    An argument that is null, or a list or an object of which nothing is left without its nulls, is left out of
    query, headers, cookies and forms; in the path it is refused.
    """

    # The argument, a property of `input_schema`. Each has one place. 1 to 128 characters.
    argument: str = ""
    # `path` (a placeholder of the URL), `query`, `header` or `cookie`.
    location: str = ""
    # Its name there; empty means: as the argument. Headers that frame the message (Host, Content-Length and their
    # like), and those of `headers`, are refused. At most 128 characters.
    name: str = ""
    # How lists and objects are written, as OpenAPI names it: `simple`, `label` or `matrix` in a path; `form`,
    # `spaceDelimited`, `pipeDelimited` or `deepObject` in a query; `simple` in a header; `form` in a cookie. Empty
    # means `simple` in path and header, `form` in query and cookie. What stands in a list or an object and is one
    # itself is JSON text; in a `deepObject` it is written with one more pair of brackets.
    style: str = ""
    # True: each item of a list and each member of an object on its own (`a=1&a=2`); false: all in one (`a=1,2`).
    # Absent means true where the style is `form` or `deepObject`, else false.
    explode: bool | None = None
    # True to leave `:/?@!$'()*,;[]` in a query as they are. What divides a query (`&`, `=`, `+`, `#`) is always
    # encoded.
    allow_reserved: bool = False
    # `application/json` to write the argument as JSON text instead. Empty means by `style`.
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPart:
    """How an argument becomes a part of a body that is a form."""

    # The argument, or the member of the argument that is the whole body; it is the part's name, too. 1 to 128
    # characters.
    argument: str = ""
    # `json`: as JSON text; `file`: its bytes, of multipart forms only, where the argument is base64 or `{"base64":
    # "…", "content_type": "image/png", "filename": "a.png"}`, as a tool's result has them, or a list of such; else
    # `form` or `deepObject`, as HttpParameter.style has them. Empty means: text as it is, a list as a part for each
    # of its items, an object as JSON.
    format: str = ""
    # As HttpParameter.explode, for the formats `form` and `deepObject`.
    explode: bool | None = None
    # The Content-Type of the part in a multipart form. Empty means `text/plain`, `application/json` of JSON, and of
    # a file what the argument says, or `application/octet-stream`.
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequestBody:
    """How arguments become the body of a request."""

    # - `json` (the default of an empty one): a JSON document. - `form`: `application/x-www-form-urlencoded`. -
    # `multipart`: `multipart/form-data`; files come as base64, see HttpPart. - `text`: `argument` must name one
    # that is a string, sent as it is, in UTF-8. - `bytes`: `argument` must name one that is base64, or an object as
    # HttpPart has it. - `none`: there is no body.
    format: str = ""
    # The Content-Type. Empty means: the format's own. Not of `multipart`, which has a boundary of its own.
    content_type: str = ""
    # The argument that is the whole body; where it is absent or null, there is no body. Empty means: all arguments
    # that have no other place are the members of the body.
    argument: str = ""
    # How arguments become parts of a form; of a `form` or a `multipart` only. Those that are not named are as a
    # HttpPart is by default. At most 256.
    parts: tuple[HttpPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource:
    """A tool that is an HTTP endpoint.

    The arguments fill the URL's placeholders and go where `parameters` and `body` say; those left over become the
    query (GET, HEAD, DELETE) or the JSON body (POST, PUT, PATCH) where `body` is absent. In a query null is left
    out and a list is a pair for each of its items. An argument that is null, and that `input_schema` forbids to be
    null, is as if it were not there. Any answer but 2xx fails the invocation. A 2xx answer is a success, whatever
    it holds, and the result is what it holds: - nothing (204, 205, HEAD, an empty body that is not of a type
    `text/*`): null; - JSON by its content type: that document; JSON lines (NDJSON, JSON sequences): the list of
    them. Where it is not what it says, the text as it came, with `OUTPUT_NOT_JSON`; - text by its content type, or
    with a charset, or without a content type: a string, decoded by the charset (UTF-8 where none is named). Where
    it is not in that charset, its bytes, with `OUTPUT_NOT_TEXT`; - anything else: its bytes, as `{"base64":
    "iVBORw0…", "content_type": "image/png"}`, with `content_encoding` where they are compressed in a way other than
    gzip and deflate, or cannot be decompressed (`OUTPUT_BROKEN`); - null where the answer is too large
    (`OUTPUT_TOO_LARGE`) or broke off (`OUTPUT_BROKEN`).
    """

    # The HTTP method; empty means POST.
    method: str = ""
    # Where to send it, `https://api.example.com/cities/{city}/weather`. `{name}` is replaced by the argument of
    # that name, percent-encoded; the name may hold any character but braces. A placeholder that no property of
    # `input_schema` fills, a single brace and a fragment are refused at registration. No placeholder may stand in
    # the host. An argument that is missing, or that would make another place of the path (empty, null, with control
    # characters, or with an empty, `.` or `..` segment, also once decoded), is `ARGUMENTS_INVALID`. At most 2,048
    # characters. Addresses that are loopback, private or link-local are refused, at registration and again at each
    # run. What follows the server may be a credential, so it is shown to those alone who have `tools.write`. A user
    # before the host is refused: that is a header's.
    url: str = ""
    # Headers to send. A value may hold `${secret.NAME}`, which is replaced by the named secret of the server when
    # the tool runs; the secret never appears in the catalogue or the audit. `${basic.NAME}` is `Basic` and the
    # secret, a user and a password with a colon between them, in base64 (RFC 7617). `${oauth.NAME}` is `Bearer` and
    # an access token of the OAuth client that the secret declares, got by the client credentials grant (RFC 6749)
    # and kept until shortly before it ends. Values are shown to those alone who have `tools.write`. At most 16.
    headers: dict[str, str] = field(default_factory=dict)
    # Where arguments go that are not to go where they would. At most 256.
    parameters: tuple[HttpParameter, ...] = ()
    # What the body is. With it, an argument that has no place is refused.
    body: HttpRequestBody | None = None
    # True to follow answers 307 and 308 (the same request, elsewhere) within the origin of the URL, five times at
    # most. All other redirects fail the invocation, and its `error` says where they lead.
    follow_redirects: bool = False
    # By which way the server is reached, as an operator declares it by this name: with which authorities and
    # certificate, and by which proxy. Empty means: by the system's authorities, without a certificate, straight.
    transport_profile: str = ""
    # Names of headers of whoever invokes the tool that are sent along where they came, of those that an operator
    # allows by setting; none is allowed by default, and those that carry credentials or belong to a connection
    # never are. Over the values of `headers` and of arguments they do not go. What runs after an approval has none.
    # At most 16.
    caller_headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcSource:
    """A tool that is a method of a gRPC server, one that takes one message; with a method that takes a stream the
    registration is refused (`REFLECTION_FAILED`).

    When it is registered or updated, the server is asked by reflection (v1, or v1alpha where it has no other) for
    the method's descriptors. They are stored, and what the tool is follows from them until the next update,
    whatever becomes of the server's own. The input schema and, where the server tells its comments, the description
    derive from them unless they are given. - **Arguments** are the message in protobuf's JSON form: a field's name
    or its JSON name, 64-bit integers as numbers or strings, bytes as base64, enums by name, an `Any` with its
    `@type`. A field that the message has not is `ARGUMENTS_INVALID`. A message that is no object there (a wrapper
    such as `google.protobuf.StringValue`, a timestamp) is the argument `value`. - **The result** is the answer in
    that form, with every field that has no presence, and with 64-bit integers as strings. Of a method that answers
    with a stream it is the list of messages, each of which is progress, too (WatchInvocation); a stream of more
    than 1,000 messages, or that is larger than the service takes, is ended, and the result has those that came
    before, with `OUTPUT_TOO_LARGE`. - **A status** other than OK fails the invocation with `UPSTREAM_FAILED`;
    `error` has its code, message and details. Each invocation is one call, never sent again. The server is told
    when it has to have ended, and that it is cancelled.
    """

    # `host:port` of the server. The same address rules hold as for HTTP tools.
    target: str = ""
    # The full name of the method, `package.Service/Method`.
    method: str = ""
    # True to use TLS, with the system's certificate authorities or those of `transport_profile`; false is plain
    # text.
    tls: bool = False
    # What is sent along, with each call and when its reflection is asked. Values may hold `${secret.NAME}`,
    # `${basic.NAME}` and `${oauth.NAME}` as HttpSource.headers, and are shown to those alone who have
    # `tools.write`. Names are of lower case and neither begin with `grpc-` nor end with `-bin`; filled, a value is
    # of printable ASCII. At most 16.
    metadata: dict[str, str] = field(default_factory=dict)
    # With which authorities and certificate the server is reached, as an operator declares it by this name
    # (HttpSource.transport_profile); with TLS alone, and a profile with a proxy is refused. Empty means: by the
    # system's authorities, without a certificate.
    transport_profile: str = ""
    # The name that the server is called by (`:authority`) and that its certificate must have, where that is not the
    # host of `target`.
    server_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpSource:
    """A tool of an MCP server.

    A call of it is one `tools/call`, never sent again; where its answer never came, the invocation is `failed` with
    `UPSTREAM_FAILED`, and says that it may have been done. What the tool calls an error is `failed`, too. The
    result is: - structured content, where the other content says only the same: that document; - one text: a
    string; one image or sound: its bytes, as HttpSource has them; nothing: null; - anything else: `{"content":
    [blocks as the protocol has them]}`, with `structured_content` where there is some; `output_schema` speaks of
    that.
    """

    # The server, as McpServer.name.
    server: str = ""
    # The tool's name there.
    tool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """When a human must approve an invocation before the tool runs, and who may."""

    # `never` (the default), `always`, or `when`: the arguments match the schema in `when`.
    mode: str = ""
    # JSON Schema 2020-12 where `mode` is `when`: arguments that obey it need an approval, others run at once.
    # Nested at most 30 levels.
    when: dict[str, Any] | None = None
    # The principals that may approve, at most 100; with these or `groups`, nobody else may.
    assignees: tuple[str, ...] = ()
    # The roles whose holders may approve, at most 100.
    groups: tuple[str, ...] = ()
    # How long they have, in seconds, 60 to 86,400; 0 means 3,600. After it the invocation ends as `expired`.
    timeout_seconds: int = 0
    # How many must approve, 1 to 100; 0 means one. One that rejects is enough to reject.
    required: int = 0
    # True to keep whoever invokes the tool from approving that.
    four_eyes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPause:
    """That a tool is paused: nothing of it begins."""

    # Since when.
    at: datetime | None = None
    # The principal that paused it.
    by: str = ""
    # Why, for people.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutage:
    """That a tool cannot run now."""

    # Since when.
    at: datetime | None = None
    # Why, for people.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that agents can run: what it is called, what it takes and gives, and what stands behind it."""

    # The name its owner chose, and by which it is invoked. As MCP demands: letters, digits, `_ . / -`, 1 to 64 of
    # them. It may not hold `//`, begin or end with `/`, or have a segment `.` or `..`, because it stands in URLs.
    name: str = ""
    # What a person reads in a list. At most 128 characters; empty means: show the name.
    title: str = ""
    # What the tool does, written for the model that chooses among tools. At most 8,192 characters.
    description: str = ""
    # JSON Schema of the arguments, 2020-12 unless its `$schema` says 2019-09 or draft-07; `format` is checked. Its
    # type must be `object`. Every invocation is checked against it. Absent means: any object. For a gRPC tool it is
    # derived from the method's descriptor when it is left out. Nested at most 30 levels.
    input_schema: dict[str, Any] | None = None
    # JSON Schema of the result, of the same drafts. Absent means: any JSON value. A tool that gives a result which
    # breaks it has run all the same: the invocation succeeds, with `OUTPUT_INVALID` and the first fault in its
    # `error_reason` and `error`. Nested at most 30 levels.
    output_schema: dict[str, Any] | None = None
    # What the owner says of the tool's behaviour. Hints for the agent; nothing here is enforced.
    annotations: ToolAnnotations | None = None
    # The owner's version of the tool, such as `1.4.0`. At most 32 characters.
    version: str = ""
    # Words to find the tool by. At most 16 of at most 64 characters.
    tags: tuple[str, ...] = ()
    # The owner's own key-value notes. At most 32; keys and values of at most 64 and 256 characters.
    labels: dict[str, str] = field(default_factory=dict)
    # How long one run may take, in seconds, 1 to 3,600; 0 means the default of 30. A run that takes longer is
    # stopped and recorded as failed with `TOOL_TIMEOUT`.
    timeout_seconds: int = 0
    # How many runs one replica makes at a time, 1 to 1,000; 0 means as many as the service allows. Further
    # invocations wait in a queue of ten times that number, those past it are refused with `TOOL_BUSY`.
    max_concurrency: int = 0
    # An HTTP endpoint.
    http: HttpSource | None = None
    # A method of a gRPC server.
    grpc: GrpcSource | None = None
    # A tool of an MCP server; it comes with its server, and only its approval, limits, tags and labels can be
    # changed.
    mcp: McpSource | None = None
    # Set by the server: `builtin` (part of QMCP), `plugin` (a Python package), `http`, `grpc` or `mcp`. Ignored on
    # input.
    kind: str = ""
    # Set by the server, changes with every change of the tool; an invocation records it. Send it with an update to
    # be refused (`ETAG_MISMATCH`) when somebody else changed the tool meanwhile; empty means: whatever is there.
    etag: str = ""
    # When the tool was first registered. Set by the server.
    created_at: datetime | None = None
    # When the tool was last changed. Set by the server.
    updated_at: datetime | None = None
    # Whether a human must approve before it runs; absent means never.
    approval: ApprovalPolicy | None = None
    # Set by the server while the tool is paused (PauseTool). Ignored on input.
    pause: ToolPause | None = None
    # Set by the server while the tool cannot run, because its MCP server is down or lists it no more: invocations
    # fail with `UPSTREAM_FAILED`, and nothing is sent. Ignored on input.
    outage: ToolOutage | None = None
    # Set by the server: the import (ImportTools) that the tool is of. Ignored on input.
    import_name: str = ""
    # The tool that finds out what became of a run whose end nobody knows: the replica died, the time ran out, or,
    # of an HTTP tool, the connection ended before an answer. It is invoked within seconds, five times at most until
    # it can say, with `{"invocation_id", "idempotency_key", "tool_name", "arguments"}` of the run, in the name of
    # its principal, and answers `{"status": "success"}`, `"failed"` or `"unknown"`: see Invocation.reconciliation.
    # Whoever can look the run up at the server behind may do so by the header `x-qmcp-invocation-id` that was sent
    # with it. One that a human would have to approve is not run. Not for tools of MCP servers. Empty: nobody is
    # asked.
    reconcile_tool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTool:
    """What becomes of one operation."""

    # The tool's name, `<import>/<operationId>`; empty where it cannot have one.
    tool_name: str = ""
    # The operation, as `GET /pets/{id}`.
    operation: str = ""
    # `added`, `changed`, `breaking`, `gone`, `unchanged` or `refused`.
    change: str = ""
    # What is other than before, or why it is refused: a sentence each, at most 20.
    details: tuple[str, ...] = ()
    # What of the operation is left out or is taken more widely than the document says: a sentence each, at most 20.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolImport:
    """The operations of an OpenAPI document as HTTP tools, and how they differ from the tools that an import of
    the same name made before.
    """

    # The name of the import.
    name: str = ""
    # Whether the catalogue was changed; false of a dry run.
    applied: bool = False
    # The title of the document, and its version.
    title: str = ""
    # One entry for each operation that was selected and for each tool that is gone, in order of the tools' names;
    # operations that cannot be tools last.
    tools: tuple[ImportedTool, ...] = ()
    # How many are new.
    added_count: int = 0
    # How many are other than before, and take what they took.
    changed_count: int = 0
    # How many may refuse arguments that they took, or need others.
    breaking_count: int = 0
    # How many are no longer selected, or no longer in the document; they are removed.
    gone_count: int = 0
    # How many are what they were.
    unchanged_count: int = 0
    # How many cannot be tools.
    refused_count: int = 0
    # Stands for all of it: sent with the import that follows a dry run, that applies what was shown or is refused.
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpHttpTransport:
    """An MCP server over streamable HTTP, of either revision of the protocol."""

    # Where it is, `https://mcp.example.com/mcp`. At most 2,048 characters. The address rules are those of HTTP
    # tools, and redirects are not followed. What follows the server may be a credential, so it is shown to those
    # alone who have `tools.write`.
    url: str = ""
    # Headers to send with every request, as `HttpSource.headers`: a value may hold `${secret.NAME}`,
    # `${basic.NAME}` and `${oauth.NAME}`. At most 16.
    headers: dict[str, str] = field(default_factory=dict)
    # By which way it is reached, as `HttpSource.transport_profile`.
    transport_profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpStdioTransport:
    """An MCP server that is a process, spoken to over its pipes.

    Off unless an operator allows commands by setting.
    """

    # Which of the commands that the operator allows. Nothing of a command can be chosen here.
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedMcpTool:
    """A tool that an MCP server lists and that is not in the catalogue."""

    # Its name there.
    name: str = ""
    # Why it is not taken.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """An MCP server (Model Context Protocol) whose tools are tools of the catalogue: listed by its name and
    theirs, and run, recorded, approved and limited as any.

    Each replica keeps a connection to it, lists its tools when it announces a change and every few minutes, and
    marks them while it is down. One call of a tool is one request to it, never sent again.
    """

    # The name its owner chose; its tools are `<name>/<tool>`. Letters, digits, `_` and `-`, 1 to 24 of them.
    name: str = ""
    # Over streamable HTTP.
    http: McpHttpTransport | None = None
    # As a process of the machine that the service runs on, one for each replica.
    stdio: McpStdioTransport | None = None
    # When a human must approve its tools; absent means never. A tool that UpdateTool gave settings of its own keeps
    # those.
    approval: ApprovalPolicy | None = None
    # How long one run of its tools may take, in seconds, 1 to 3,600; 0 means the default of 30.
    timeout_seconds: int = 0
    # How many runs of each of its tools one replica makes at a time, 1 to 1,000; 0 means as many as the service
    # allows.
    max_concurrency: int = 0
    # Set by the server, changes with every change of the definition. Send it with an update to be refused
    # (`ETAG_MISMATCH`) when somebody else changed it meanwhile; empty means: whatever is there.
    etag: str = ""
    # When it was first registered. Set by the server.
    created_at: datetime | None = None
    # When its definition was last changed. Set by the server.
    updated_at: datetime | None = None
    # Set by the server: `connecting`, `available`, or `unavailable`, when no replica reaches it.
    state: str = ""
    # Since when it stands so. Set by the server.
    state_at: datetime | None = None
    # Why it is unavailable. Set by the server.
    reason: str = ""
    # When its tools were last listed; absent as long as they never were. Set by the server.
    refreshed_at: datetime | None = None
    # How many tools it has in the catalogue. Set by the server.
    tool_count: int = 0
    # Tools that it lists and the catalogue does not take, at most 50. Set by the server.
    refused_tools: tuple[RefusedMcpTool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRate:
    """Invocations a minute."""

    # How many come back a minute, evenly, 1 to 1,000,000.
    per_minute: int = 0
    # How many there may be at once after a pause, 1 to 1,000,000; 0 means as many as a minute brings.
    burst: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationQuota:
    """Invocations in a window, at whose end all of them are there again."""

    # How many, 1 to 1,000,000,000.
    invocations: int = 0
    # `hour`, `day`, `week` (from Monday) or `month`, of the calendar in UTC.
    window: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLimit:
    """How often some tools may be invoked by some callers, over all replicas together.

    An invocation counts once, when it is taken in: one that waits for a human too. What is refused counts nothing,
    and neither does a retry with its `idempotency_key`. Where several limits are for one invocation, all of them
    must have room.
    """

    # The name its owner chose. Letters, digits, `_`, `.` and `-`, 1 to 64 of them.
    name: str = ""
    # Names of the tools it is for, in which `*` stands for any characters, slashes too: `billing/*`. At most 32;
    # empty means any.
    tools: tuple[str, ...] = ()
    # It is for tools that have one of these tags, as they are now. At most 32; empty means any.
    tags: tuple[str, ...] = ()
    # It is for tools that have all of these labels, as they are now. At most 32; keys and values of at most 64 and
    # 256 characters.
    labels: dict[str, str] = field(default_factory=dict)
    # It is for these callers, and for those that have one of `roles`; where both are empty, for all. At most 100.
    principals: tuple[str, ...] = ()
    # It is for callers that have one of these roles, and for `principals`. At most 32.
    roles: tuple[str, ...] = ()
    # Whether each of the tools has the whole of it. False: all of them share it.
    per_tool: bool = False
    # Whether each of the callers has the whole of it. False: all of them share it.
    per_principal: bool = False
    # So many a minute, which come back by and by.
    rate: InvocationRate | None = None
    # So many in a window of the calendar.
    quota: InvocationQuota | None = None
    # Why, for whoever reads it later. At most 1,024 characters.
    reason: str = ""
    # Set by the server, changes with every change. Send it with an update to be refused (`ETAG_MISMATCH`) when
    # somebody else changed it meanwhile; empty means: whatever is there.
    etag: str = ""
    # Who made it. Set by the server.
    created_by: str = ""
    # When it was made. Set by the server.
    created_at: datetime | None = None
    # Who changed it last. Set by the server.
    updated_by: str = ""
    # When it was last changed. What was used stays used. Set by the server.
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAllowance:
    """What a limit leaves the caller of the invocations of a tool."""

    # The limit's name.
    limit: str = ""
    # How many there are when none was used.
    invocations: int = 0
    # How many are left now.
    remaining: int = 0
    # Seconds until there is one again; 0 where there is one.
    next_seconds: float = 0.0
    # When all are there again.
    reset_at: datetime | None = None
    # The quota's window; empty of a rate.
    window: str = ""
    # Whether others share it: other callers, or other tools of the caller.
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAllowances:
    """What GetToolAllowances tells."""

    # One for each limit that is for the tool and the caller, in order of their names; empty where none is.
    allowances: tuple[ToolAllowance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """That a principal may run some tools with some arguments without a human being asked, so often or so long
    ("always allow this").

    It takes the place of the human alone: who may not run a tool, may not by a grant either, and a paused tool
    stays paused.
    """

    # UUIDv7, made by the server.
    id: str = ""
    # Whose invocations need no human; never whoever makes the grant.
    principal: str = ""
    # Names of tools, in which `*` stands for any characters, slashes too: `billing/*`. 1 to 32.
    tools: tuple[str, ...] = ()
    # JSON Schema that the arguments obey, of the drafts of `Tool.input_schema`, however they may be read: as they
    # are written, and as the condition of an approval reads them. At most 32 KiB, nested at most 30 levels; absent
    # means any arguments.
    arguments: dict[str, Any] | None = None
    # For how many invocations it is good, 1 to 10,000; absent means any number until it expires.
    uses: int | None = None
    # For how many it was used. Set by the server. One counts that was about to run and then did not: its caller had
    # gone, it was cancelled, or its lease was over.
    used: int = 0
    # Until when it is good, at most 366 days from now; must be given.
    expires_at: datetime | None = None
    # False: it is good for the tools that there were when it was made, as they were then; one that was changed
    # since, or whose policy was, is asked about again. True: for whatever has one of the names, also later.
    any_version: bool = False
    # Why, for whoever reads it later. At most 1,024 characters.
    reason: str = ""
    # The tools it is good for, with their etags, at most 100; empty with `any_version`. Set by the server; left out
    # for callers whose roles or keys are for some tools alone.
    tool_etags: dict[str, str] = field(default_factory=dict)
    # Who made it. Set by the server.
    created_by: str = ""
    # When it was made. Set by the server.
    created_at: datetime | None = None
    # Who revoked it; empty as long as nobody has. Set by the server.
    revoked_by: str = ""
    # When it was revoked; absent as long as it is not. Set by the server.
    revoked_at: datetime | None = None
    # The invocation with whose approval a human made it; empty where an administrator made it by itself. Set by the
    # server.
    invocation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The approval of one invocation: what was asked, who decided, and with which arguments the tool ran."""

    # The human request that asks for it, `GET /v1/human/requests/{id}`.
    human_request_id: str = ""
    # `pending`, `approved`, `rejected`, `expired` or `cancelled`.
    status: str = ""
    # Who decided; with several, all whose answers made the decision.
    decided_by: tuple[str, ...] = ()
    # When it was decided; absent as long as it is not.
    decided_at: datetime | None = None
    # What the one who decided wrote beside it. Empty after redaction of `input_params`.
    comment: str = ""
    # The arguments as the human changed them: with these the tool ran. Absent where `input_params` were approved as
    # they are, and after redaction.
    edited_arguments: dict[str, Any] | None = None
    # Lower-case hexadecimal SHA-256 of the canonical JSON of the arguments that were shown to the human. Empty
    # after redaction, and where `input_params` are left out.
    arguments_digest: str = ""
    # The grant that was made with the decision, `GET /v1/grants/{id}`; empty where none was.
    grant_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What another tool found out of an invocation that was begun or sent, and to which no answer came
    (`INTERRUPTED`, `TOOL_TIMEOUT`, a connection that ended).

    The invocation itself stays as it was recorded.
    """

    # `open` (it is being found out), `success` (it was done), `failed` (it was not), or `unknown`: nobody could
    # say, and it is not asked again.
    status: str = ""
    # The tool that finds out.
    tool_name: str = ""
    # The invocations of that tool, at most five. Its answer is the result of the last, whose receipt proves it.
    attempts: tuple[str, ...] = ()
    # When the verdict came; absent as long as there is none.
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation(properties.Invocation):
    """One attempt to run a tool: a row of the audit.

    It is written before the tool runs and completed when it has ended; what was written is never changed, save by
    redaction.
    """

    # UUIDv7, made by the server: ids sort by time.
    id: str = ""
    # The tool's name as the caller gave it; an unknown one is recorded too.
    tool_name: str = ""
    # The tool's etag at the time. Empty where the tool is unknown.
    tool_etag: str = ""
    # The arguments in full. Numbers are IEEE doubles, as everywhere in JSON; whole ones up to 2^53 arrive as
    # integers. Absent after redaction. Of a request that was refused because its arguments could not be read,
    # `{"refused": {"bytes", "sha256", "begins"}}`: how large it was, its digest, and at most 1,000 characters of a
    # JSON body.
    input_params: dict[str, Any] | None = None
    # What the tool returned; JSON null as long as there is nothing, when it failed, and after redaction. Integers
    # beyond 2^53, and other numbers that no double carries, are strings with all their digits.
    result: Any = None
    # Where it stands: `awaiting_approval` (see `approval`), `pending` (recorded, waits for a free place),
    # `running`, and the final ones `success` (the tool ran), `failed` (see `error`), `cancelled`, `rejected` (a
    # human said no) and `expired` (no human answered in time).
    status: str = ""
    # A sentence on why it did not succeed; or, with the status `success`, on what is wrong with the result of a
    # tool that ran. Empty where there is nothing to say.
    error: str = ""
    # The `ErrorReason` without its prefix: `TOOL_TIMEOUT` of what failed; with the status `success` one of
    # `OUTPUT_INVALID`, `OUTPUT_NOT_JSON`, `OUTPUT_NOT_TEXT`, `OUTPUT_TOO_LARGE`, `OUTPUT_BROKEN`. Empty where there
    # is nothing to say.
    error_reason: str = ""
    # From the record of the intent to the end, in milliseconds; absent as long as it has not ended.
    duration_ms: int | None = None
    # When the attempt was recorded, by the clock of the service.
    created_at: datetime | None = None
    # When it ended; absent as long as it has not.
    completed_at: datetime | None = None
    # The caller's correlation id: from the body, else from the header `X-Correlation-ID`, else made by the server;
    # where the original's route `POST /v1/tools/{name}` was given none, empty.
    correlation_id: str = ""
    # The caller's `idempotency_key`, by which a retry finds this invocation; empty where none was given.
    idempotency_key: str = ""
    # Who invoked the tool: the verified principal.
    principal: str = ""
    # The fields that were redacted: `input_params`, `result`.
    redacted_fields: tuple[str, ...] = ()
    # What humans said before it ran; absent where nobody was asked.
    approval: Approval | None = None
    # The fields that a list has left out because they are longer than 4 KB and its `view` did not ask for them:
    # `input_params`, `result`, `approval.edited_arguments`. Empty everywhere else.
    omitted_fields: tuple[str, ...] = ()
    # The task for which it was done; empty where it was for none.
    task_id: str = ""
    # The `fencing_token` of the lease under which it was done; 0 where there was none.
    fencing_token: int = 0
    # The grant by which it ran without a human being asked, as Grant.id; empty where there was none.
    grant_id: str = ""
    # What was found out of it where it failed and may have been done all the same, and its tool names a
    # `reconcile_tool`; given by GetInvocation alone.
    reconciliation: Reconciliation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a long tool has come."""

    # Done so far, in the tool's own unit.
    progress: float = 0.0
    # The whole; absent where the tool does not know it.
    total: float | None = None
    # What it is doing, for a person. At most 1,024 characters.
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationEvent:
    """What happened to an invocation.

    A stream of these ends with one whose `last` is true; one that ends without it was cut off: call again with
    `after_sequence` to go on without a gap.
    """

    # Numbers the events of one invocation from 1, without gaps. A heartbeat repeats the number of the event before
    # it.
    sequence: int = 0
    # When it happened.
    at: datetime | None = None
    # True on the last event: nothing will follow.
    last: bool = False
    # The tool reported progress.
    progress: Progress | None = None
    # The state changed; this is the invocation now. With a final status it is the last event.
    invocation: Invocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSummary:
    """How often a tool ran within a time, and how it went."""

    # The tool.
    tool_name: str = ""
    # Invocations that have ended.
    count: int = 0
    # Those of them that succeeded.
    success_count: int = 0
    # Those of them that failed.
    failed_count: int = 0
    # Those of them that were cancelled.
    cancelled_count: int = 0
    # Median duration in milliseconds, to within 2 %; how long humans took is left out.
    duration_ms_p50: float = 0.0
    # 95th percentile of the duration in milliseconds, to within 2 %.
    duration_ms_p95: float = 0.0
    # 99th percentile of the duration in milliseconds, to within 2 %.
    duration_ms_p99: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A signed statement of where the chains stood that had moved since the one before.

    What it covers cannot be cut off or replaced unnoticed.
    """

    # Numbers the checkpoints from 1, without gaps.
    sequence: int = 0
    # When it was signed.
    signed_at: datetime | None = None
    # The canonical JSON that is signed:
    # `{"chains":[{"digest","id","sequence"}],"previous","sequence","signed_at"}`, `previous` being the SHA-256 of
    # the checkpoint before it.
    content: str = ""
    # Ed25519 signature over `content`, hexadecimal.
    signature: str = ""
    # Which key signed: the first 16 hexadecimal digits of the SHA-256 of the raw public key.
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The proof of one ended invocation.

    `digest` is the SHA-256 over the 32 bytes of `previous_digest` and then over `content`; each process of the
    service writes a chain of its own, from sequence 1 on, whose first `previous_digest` is the SHA-256 of the
    chain's id. Checkpoints sign the heads of the chains. docs/receipts.md has the recipe by which anybody can check
    it.
    """

    # The invocation this is the receipt of.
    invocation_id: str = ""
    # The chain it stands in (UUID).
    chain_id: str = ""
    # Its place in the chain, from 1, without gaps.
    sequence: int = 0
    # Digest of the receipt before it, 64 hexadecimal digits.
    previous_digest: str = ""
    # Digest of this one, 64 hexadecimal digits.
    digest: str = ""
    # The canonical JSON (RFC 8785) that the digest covers. Arguments and result stand in it as the SHA-256 over
    # their salt and their canonical JSON, so that a redaction leaves the chain whole.
    content: str = ""
    # The salt of the arguments' digest, hexadecimal; empty after redaction.
    input_salt: str = ""
    # The salt of the result's digest, hexadecimal; empty after redaction.
    result_salt: str = ""
    # The first checkpoint that covers this receipt; absent until it is signed (seconds).
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFault:
    """One thing that does not hold."""

    # What is wrong: `CONTENT_CHANGED` (a row is not what its receipt says), `DIGEST_WRONG` (a receipt's digest does
    # not fit its content), `CHAIN_BROKEN` (a receipt does not follow the one before it), `RECEIPT_MISSING` (a gap,
    # or a tail that a checkpoint covers is gone), `SIGNATURE_WRONG`, `CHECKPOINT_BROKEN` (the checkpoints do not
    # follow each other or do not fit the chain), `ARCHIVE_BROKEN` (the same of the statements of what left for
    # archives).
    kind: str = ""
    # The invocation concerned; empty where it cannot be known.
    invocation_id: str = ""
    # The chain concerned; empty for a checkpoint's fault.
    chain_id: str = ""
    # The place in the chain, or the checkpoint's number.
    sequence: int = 0
    # A sentence on what was found and what was expected.
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptKey:
    """The key that checkpoints are signed with."""

    # The public key as PEM (SubjectPublicKeyInfo, Ed25519).
    public_key_pem: str = ""
    # The first 16 hexadecimal digits of the SHA-256 of the raw public key, as checkpoints name it.
    key_id: str = ""
