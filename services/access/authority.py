"""Who may change whom: nobody gives or changes a permission, a group or a name beyond what they have themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from servicekit.identity.principal import Principal
from services.access.models import Role

# What a service needs in order to ask who calls it. `*` is a person's: it does not make a key one of the system's.
RESOLVES_CALLERS = "access.resolve"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a key, an owner or a role has: roles, which are the groups that people are asked by, and what they grant."""

    roles: frozenset[str]
    permissions: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str], standing: Iterable[Role]) -> "Holding":
        """Of these roles, as far as they stand; one that does not grants nothing and is a group all the same."""
        return cls(frozenset(names), frozenset(each for role in standing for each in role.permissions))


def exceeding(by: Principal, other: Holding) -> list[str]:
    """The permissions and groups of another that a caller lacks; none lack for whoever may do everything."""
    if by.may("*"):
        return []
    lacking = {permission for permission in other.permissions if not by.may(permission)}
    return sorted(lacking) + sorted(other.roles - by.roles)


def belongs_to_the_system(preshared: bool, holding: Holding) -> bool:
    """Whether a key is one by which a service calls others: given by the environment, which alone can end it."""
    return preshared and RESOLVES_CALLERS in holding.permissions
