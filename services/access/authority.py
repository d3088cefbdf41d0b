"""Who may change whom: nobody gives or changes a permission, a group or a name beyond what they have themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from servicekit.identity.principal import Principal
from servicekit.identity.scopes import Reach, Scope
from services.access.granting import granted
from services.access.models import Role

# What a service needs in order to ask who calls it. `*` is a person's: it does not make a key one of the system's.
RESOLVES_CALLERS = "access.resolve"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a key, an owner or a role has: roles, which are the groups that people are asked by, and what they grant."""

    roles: frozenset[str]
    permissions: frozenset[str]
    # Permissions for some of the tools; of several keys one for each.
    narrowed: frozenset[tuple[str, Reach]] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str], standing: Iterable[Role], key_scopes: Sequence[Scope] = ()) -> "Holding":
        """Of these roles, as far as they stand; one that does not grants nothing and is a group all the same."""
        found = granted(standing, key_scopes)
        return cls(frozenset(names), found.permissions, frozenset(found.narrowed.items()))

    @classmethod
    def together(cls, several: Iterable["Holding"]) -> "Holding":
        """What several have, each for itself."""
        found = list(several)
        return cls(
            frozenset().union(*(each.roles for each in found)),
            frozenset().union(*(each.permissions for each in found)),
            frozenset().union(*(each.narrowed for each in found)),
        )


def exceeding(by: Principal, other: Holding) -> list[str]:
    """The permissions and groups of another that a caller lacks; none lack for whoever may do everything."""
    if by.may_always("*"):
        return []
    lacking = {permission for permission in other.permissions if not by.may_always(permission)}
    lacking |= {permission for permission, reach in other.narrowed if not _reaches(by, permission, reach)}
    return sorted(lacking) + sorted(other.roles - by.roles)


def _reaches(by: Principal, permission: str, reach: Reach) -> bool:
    """Whether a caller has a permission for all the tools for which another has it."""
    own = by.reach(permission)
    return by.may(permission) and (own is None or reach.within(own))


def belongs_to_the_system(preshared: bool, holding: Holding) -> bool:
    """Whether a key is one by which a service calls others: given by the environment, which alone can end it."""
    return preshared and RESOLVES_CALLERS in holding.permissions
