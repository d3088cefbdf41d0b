"""What roles grant together, and for which tools where they or a key narrow that."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from servicekit.errors import invalid_field
from servicekit.identity.scopes import Narrowed, Reach, Scope
from services.access.models import Role

# What can be for some of the tools; all else of a service is for the whole of it.
NARROWABLE = ("tools.read", "tools.invoke")
EVERYTHING = {"*", "tools.*"}


@dataclass(frozen=True, slots=True)
class Granted:
    """What somebody may do."""

    # With everything.
    permissions: frozenset[str]
    # With some of the tools alone.
    narrowed: Narrowed = field(default_factory=dict)


def granted(roles: Iterable[Role], key_scopes: Sequence[Scope] = ()) -> Granted:
    """What roles grant together, of several that narrow a permission each for its tools, to a key with these scopes."""
    permissions: set[str] = set()
    scopes: defaultdict[str, set[Scope]] = defaultdict(set)
    for role in roles:
        for permission in role.permissions:
            if role.tool_scopes and permission in NARROWABLE:
                scopes[permission].update(role.tool_scopes)
            else:
                permissions.add(permission)
    narrowed = {
        each: Reach(frozenset(found)) for each, found in scopes.items() if not permissions & {each, *EVERYTHING}
    }
    if key_scopes:
        own = frozenset(key_scopes)
        whole = {each: Reach() for each in NARROWABLE if permissions & {each, *EVERYTHING}}
        narrowed = {each: Reach(reach.scopes, own) for each, reach in (narrowed | whole).items()}
        permissions = {each for each in permissions if each != "*" and not _is_of_tools(each)}
    return Granted(frozenset(permissions), narrowed)


def require_narrowable(field: str, scopes: Sequence[Scope], permissions: Iterable[str]) -> None:
    """Refuses scopes beside permissions that they do not narrow: whoever reads the scopes would think that they do.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    if not scopes:
        return
    beside = sorted({each for each in permissions if each == "*" or _is_of_tools(each)} - set(NARROWABLE))
    if beside:
        raise invalid_field(field, f"narrow tools.read and tools.invoke; {', '.join(beside)} would be for all tools")
    if not set(permissions) & set(NARROWABLE):
        raise invalid_field(field, "have no effect without tools.read or tools.invoke")


def _is_of_tools(permission: str) -> bool:
    return permission.startswith("tools.")
