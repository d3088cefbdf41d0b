"""Who makes a call, and what it may do."""

from dataclasses import dataclass

# Before the subjects of tokens and no owner of a key: whoever gives names of one kind gives none of the other.
OF_TOKENS = "oidc:"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a call, and what it may do."""

    # A stable name, recorded with everything the call writes.
    name: str
    # `<service>.<verb>`; `<service>.*` grants all of a service, `*` everything. `self` everybody may.
    permissions: frozenset[str]
    # The roles that grant them: the groups that questions to people are addressed to.
    roles: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:
        if permission in self.permissions or "*" in self.permissions:
            return True
        service, _, verb = permission.partition(".")
        return verb == "self" or f"{service}.*" in self.permissions


NOBODY = Principal("", frozenset())
