# Generated from protos/ by client/generate. `make generate` writes it again.

"""The values of access as callers see them: the messages of the contract without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """How many calls one caller may have in flight at a time in one replica of a service, by their kind.

    Past it a call is refused with `CONCURRENCY_LIMITED`. 0 means what the replica's own settings say of everybody.
    """

    # Calls that answer at once, 1 to 1,000,000; 0 means the replica's own limit.
    quick: int = 0
    # Calls that work for long, such as invocations, and what was started by calls and goes on, 1 to 1,000,000; 0
    # means the replica's own limit.
    long: int = 0
    # Calls that wait, 1 to 1,000,000; 0 means the replica's own limit.
    waits: int = 0
    # Streams, 1 to 1,000,000; 0 means the replica's own limit.
    streams: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolScope:
    """Some of the tools: those that have one of the names, one of the tags and all of the labels.

    What is empty, every tool has; one of the three is given.
    """

    # Names, in which `*` stands for any characters, slashes too: `billing/*`. At most 32, of 1 to 64 characters
    # each.
    names: tuple[str, ...] = ()
    # Tags. At most 32, of 1 to 64 characters each.
    tags: tuple[str, ...] = ()
    # Labels. At most 32; keys and values of at most 64 and 256 characters.
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key: who holds it and what it may do.

    The key itself, `qmcp_<id>_<secret>`, is shown once when it is made; the server keeps only the SHA-256 of the
    secret.
    """

    # Made by the server: 16 lower-case hexadecimal digits. It is part of the key and no secret.
    id: str = ""
    # The principal: what is recorded with everything that is done with the key. 1 to 64 letters, digits, `_ . : @
    # -`. Several keys may have the same owner.
    owner: str = ""
    # What the holder is, for people: `billing-agent`. At most 64 characters.
    service_name: str = ""
    # What it is for, for people. At most 256 characters.
    description: str = ""
    # The roles it has: `admin`, `agent`, `human`, `reader`, `ingest`, or custom ones. 1 to 16.
    roles: tuple[str, ...] = ()
    # Calls a minute that one replica of a service takes from it, 1 to 1,000,000; 0 means no limit.
    rate_per_minute: int = 0
    # When it stops being valid; absent means never.
    expires_at: datetime | None = None
    # When it was made. Set by the server.
    created_at: datetime | None = None
    # When it was last used, late by up to a minute; absent while it was not. Set by the server.
    last_used_at: datetime | None = None
    # `active`, `rotated` (a newer secret is valid, this one until the grace time ends), `disabled` (until it is
    # enabled again), `expired` or `revoked`. Set by the server.
    status: str = ""
    # When it was revoked; absent where it was not. Set by the server.
    revoked_at: datetime | None = None
    # When it was disabled; absent where it is not. Set by the server.
    disabled_at: datetime | None = None
    # What its owner may have in flight with it; absent means what its roles say.
    limits: CallLimits | None = None
    # Which tools it reads and runs, of those that its roles are for: those in one of these; empty means all of
    # them. With any, it has no permission of tools but `tools.read` and `tools.invoke`, whatever becomes of its
    # roles. At most 16.
    tool_scopes: tuple[ToolScope, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A key with its secret, as it is shown once."""

    # The key as it is kept.
    key: Key = field(default_factory=Key)
    # What the holder sends as `X-API-Key`: `qmcp_<id>_<secret>`. Empty on a retry.
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A set of permissions under a name."""

    # Chosen by whoever makes it: a lower-case letter, then letters, digits, `_ -`; at most 32.
    name: str = ""
    # `<service>.<verb>` such as `tools.invoke`, `<service>.*` for all of a service, `*` for everything. 1 to 64.
    permissions: tuple[str, ...] = ()
    # What it is for, for people. At most 256 characters.
    description: str = ""
    # True for the roles that QMCP brings; they cannot be changed. Set by the server.
    built_in: bool = False
    # Changes with every change. Send it with an update to be refused when somebody else changed the role meanwhile.
    etag: str = ""
    # What each holder may have in flight, where its key says nothing else; of several roles the largest counts.
    limits: CallLimits | None = None
    # For which tools its `tools.read` and `tools.invoke` are: those in one of these; empty means for all. Such a
    # role has one of the two, and no other permission of tools. At most 16.
    tool_scopes: tuple[ToolScope, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowedPermission:
    """A permission that somebody has for some of the tools."""

    # `tools.read` or `tools.invoke`.
    permission: str = ""
    # It is for tools in one of these; empty means for all that the others leave.
    scopes: tuple[ToolScope, ...] = ()
    # And in one of these, which the key says; empty means that it says nothing.
    key_scopes: tuple[ToolScope, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is and what they may do."""

    # The principal.
    principal: str = ""
    # Their roles; of a token those that it names, also where there is no such role and so nothing is granted by it.
    roles: tuple[str, ...] = ()
    # What the roles grant together for everything: `tools.invoke`, `tools.*`, `*`.
    permissions: tuple[str, ...] = ()
    # Calls a minute that one replica takes from them; 0 means no limit.
    rate_per_minute: int = 0
    # When the credential stops being valid; absent means: it does not by itself.
    valid_until: datetime | None = None
    # What they may have in flight: what their key says, else their roles; 0 means the replica's own limit.
    limits: CallLimits | None = None
    # What they may do with some of the tools alone.
    narrowed: tuple[NarrowedPermission, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A refusal: somebody without a valid credential, or without the permission."""

    # When.
    at: datetime | None = None
    # The service that refused: `tools`.
    service: str = ""
    # The RPC that was called, `/qmcp.tools.v1.ToolsService/InvokeTool`.
    method: str = ""
    # `UNAUTHENTICATED`, `PERMISSION_DENIED`, `RATE_LIMITED` or, of an address, `CONCURRENCY_LIMITED`.
    reason: str = ""
    # The permission that lacked; empty where the caller was not even known.
    permission: str = ""
    # The principal, or the id of the key that was tried where it looked like one; empty for all else.
    principal: str = ""
    # The caller's correlation id.
    correlation_id: str = ""
    # Under which the service's log has more.
    request_id: str = ""
    # How many refusals with the same service, method, reason and principal this one stands for; of callers that are
    # not known, with the same address too.
    count: int = 0
    # Where the call came from, as the edge sees it behind its trusted hops; of several that are alike, the last
    # one's. `_other` where too many addresses made up credentials in the same minute; empty where it is not known.
    address: str = ""
