"""The nouns of the access service."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from servicekit.identity.limits import NO_LIMITS, CallLimits
from servicekit.identity.scopes import Narrowed, Scope
from servicekit.identity.visibility import Audience


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is kept: the secret's digest, never the secret."""

    id: str
    owner: str
    service_name: str
    description: str
    roles: Sequence[str]
    rate_per_minute: int
    digest: bytes
    old_digest: bytes | None
    old_valid_until: datetime | None
    expires_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    disabled_at: datetime | None
    # By the database's clock when it was read: active, rotated, disabled, expired or revoked.
    status: str
    # Whether the environment gives it.
    preshared: bool
    # What it may have in flight.
    limits: CallLimits
    # Which tools it reads and runs; none: all that its roles are for.
    tool_scopes: Sequence[Scope]

    @property
    def valid(self) -> bool:
        return self.status in {"active", "rotated"}

    @property
    def audience(self) -> Audience:
        """Who sees it: whoever holds it."""
        return Audience((self.owner,))


@dataclass(frozen=True, slots=True)
class NewKey:
    """What somebody wants a key to be."""

    owner: str
    service_name: str
    description: str
    roles: Sequence[str]
    rate_per_minute: int
    expires_at: datetime | None
    limits: CallLimits = NO_LIMITS
    tool_scopes: Sequence[Scope] = ()


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key, and the text that its holder sends; empty where the secret is not known any more."""

    key: Key
    api_key: str


@dataclass(frozen=True, slots=True)
class Role:
    """A set of permissions."""

    name: str
    permissions: Sequence[str]
    description: str
    built_in: bool = False
    etag: str = ""
    # What its holders may have in flight.
    limits: CallLimits = NO_LIMITS
    # For which tools what it grants of them is; none: for all.
    tool_scopes: Sequence[Scope] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is and what they may do."""

    principal: str
    roles: Sequence[str]
    permissions: Sequence[str]
    rate_per_minute: int
    valid_until: datetime | None
    # What they may have in flight; 0: what a replica's settings say.
    limits: CallLimits
    # What they may do with some of the tools alone.
    narrowed: Narrowed = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Denial:
    """A refused call, or several that are alike."""

    at: datetime
    service: str
    method: str
    reason: str
    permission: str
    principal: str
    correlation_id: str
    request_id: str
    count: int
    address: str
    # Made by the database; empty before.
    id: str = ""
