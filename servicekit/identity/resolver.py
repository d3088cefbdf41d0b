"""What a service must know of its callers, and whom it asks: the access service, seen from outside."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from servicekit.identity import credentials
from servicekit.identity.limits import NO_LIMITS, CallLimits
from servicekit.identity.principal import Principal
from servicekit.identity.scopes import Narrowed


@dataclass(frozen=True, slots=True)
class ResolvedKey:
    """What access says of a key."""

    principal: str
    permissions: frozenset[str]
    # Calls a minute; 0: no limit.
    rate_per_minute: int
    # Unix time; None: does not end by itself.
    valid_until: float | None
    roles: frozenset[str] = frozenset()
    limits: CallLimits = NO_LIMITS
    # What it may do with some things alone; not among `permissions`.
    narrowed: Narrowed = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResolvedRoles:
    """What access says of roles together."""

    permissions: frozenset[str] = frozenset()
    limits: CallLimits = NO_LIMITS
    narrowed: Narrowed = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Denial:
    """A refused call, or several that are alike."""

    at: datetime
    method: str
    reason: str
    permission: str
    principal: str
    correlation_id: str
    request_id: str
    count: int
    # Where it came from; of several the last.
    address: str = ""


class KeyResolver(Protocol):
    """The access service, as this module needs it."""

    async def resolve_key(self, key: credentials.ApiKey) -> ResolvedKey | None:
        """Who stands behind a key; None where it is not valid.

        Raises:
            ServiceError: UNAVAILABLE where that cannot be known now.
        """

    async def resolve_roles(self, roles: Sequence[str]) -> ResolvedRoles:
        """What roles grant together; unknown ones grant nothing."""

    async def resolve_callers(self, references: Sequence[str]) -> Mapping[str, Principal]:
        """Callers of before (`Principal.reference`), nameless, as they may do what they may do now.

        That is nothing where their credential has ended.

        Raises:
            ServiceError: UNAVAILABLE where that cannot be known now.
        """

    def changes(self) -> AsyncIterator[str]:
        """Ids of keys that changed; "" where anything may have, and first of all. Ends when the connection is lost."""

    async def report(self, denials: Sequence[Denial], used: Sequence[str]) -> None:
        """Tells what was refused and which keys were used."""
