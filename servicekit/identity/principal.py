"""Who makes a call, and what it may do."""

from dataclasses import dataclass, field

from servicekit.identity.limits import NO_LIMITS, CallLimits
from servicekit.identity.scopes import Narrowed, Reach

# Before the subjects of tokens and no owner of a key: whoever gives names of one kind gives none of the other.
OF_TOKENS = "oidc:"
# Of a token so many roles count, the first in order of their names.
MAX_ROLES = 64


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a call, and what it may do."""

    # A stable name, recorded with everything the call writes.
    name: str
    # `<service>.<verb>`; `<service>.*` grants all of a service, `*` everything. `self` everybody may.
    permissions: frozenset[str]
    # The roles that grant them: the groups that questions to people are addressed to.
    roles: frozenset[str] = frozenset()
    # By which key it calls; empty where it comes with a token, or nobody checks.
    key_id: str = ""
    # What it may have in flight.
    limits: CallLimits = NO_LIMITS
    # Unix time at which its token ends; None: it calls with a key, of which access knows, or nobody checks.
    until: float | None = None
    # Calls a minute by its key, for services that count them over all their replicas; 0: the key says nothing.
    rate_per_minute: int = 0
    # Permissions that it has for some things alone.
    narrowed: Narrowed = field(default_factory=dict, hash=False)

    @property
    def reference(self) -> str:
        """By what access says later whether its caller still has what it has now; no secret. Empty where nobody checks.

        Of a token these are its roles: of what becomes of the token access does not hear.
        """
        if self.key_id:
            return f"key:{self.key_id}"
        return f"roles:{','.join(sorted(self.roles)[:MAX_ROLES])}" if self.roles else ""

    def may(self, permission: str) -> bool:
        """Whether it has a permission, be it for some things alone."""
        return permission in self.narrowed or self.may_always(permission)

    def reach(self, permission: str) -> Reach | None:
        """For what it has a permission that it has; None: for everything."""
        return None if self.may_always(permission) else self.narrowed.get(permission)

    def may_always(self, permission: str) -> bool:
        """Whether it has a permission for everything."""
        if permission in self.permissions or "*" in self.permissions:
            return True
        service, _, verb = permission.partition(".")
        return verb == "self" or f"{service}.*" in self.permissions


NOBODY = Principal("", frozenset())
