"""Who sees what, the same in every service: a caller its own and what is addressed to it; `<service>.audit` everything.

A service says of each row whose it is, once in Python (Audience) for what is asked for by its id or found in an index,
and once in SQL (AudienceColumns) for what is listed, counted or exported. What a caller does not see is answered as
what there is not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from servicekit.errors import permission_denied
from servicekit.identity.principal import NOBODY, Principal


@dataclass(frozen=True, slots=True)
class Audience:
    """Who sees one row."""

    # Principals: whoever made it, and those it is addressed to by name.
    people: Collection[str] = ()
    # Roles: those it is addressed to as groups.
    groups: Collection[str] = ()
    # The permission whose holders are all meant, where it is addressed to nobody in particular; empty: none is.
    holders: str = ""

    @property
    def marks(self) -> list[str]:
        """It as an index has it, where texts are found and not rows: who has one of these as `Viewer.marks` sees it."""
        holders = [f"holder {self.holders}"] if self.holders else []
        return [*(f"person {each}" for each in self.people), *(f"group {each}" for each in self.groups), *holders]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever looks at the rows of a service."""

    principal: Principal
    service: str
    sees_all: bool

    @classmethod
    def of(cls, principal: Principal, service: str) -> "Viewer":
        """Who administers a service changes what is others', and so sees it."""
        sees_all = principal.may(f"{service}.audit") or principal.may(f"{service}.admin")
        return cls(principal, service, sees_all)

    @property
    def name(self) -> str:
        return self.principal.name

    def sees(self, audience: Audience) -> bool:
        """Whether a row is shown to it; what is not shown does not exist."""
        return (
            self.sees_all
            or self.name in audience.people
            or not self.principal.roles.isdisjoint(audience.groups)
            or (audience.holders != "" and self.principal.may(audience.holders))
        )

    def marks(self, holders: Sequence[str] = ()) -> list[str] | None:
        """What it looks for in an index; None: everything.

        Args:
            holders: the permissions that the audiences of the index may name.
        """
        if self.sees_all:
            return None
        roles = sorted(self.principal.roles)
        may = [each for each in holders if self.principal.may(each)]
        return Audience((self.name,), roles).marks + [f"holder {each}" for each in may]

    def require_own(self, owner: str) -> None:
        """Refuses to let it change what it sees but another has made.

        Raises:
            ServiceError: PERMISSION_DENIED, unless it administers the service.
        """
        permission = f"{self.service}.admin"
        if self.name != owner and not self.principal.may(permission):
            raise permission_denied(permission)


# The service at its own work, where no caller looks.
ITSELF = Viewer(NOBODY, "", sees_all=True)


@dataclass(frozen=True, slots=True)
class AudienceColumns:
    """The audience of a table's rows as SQL: expressions of one name, of arrays of names, of arrays of roles."""

    # With none of them, whoever sees everything sees it, and nobody else.
    owners: Sequence[str] = ()
    people: Sequence[str] = ()
    groups: Sequence[str] = ()
    # When a row is addressed to nobody in particular (a condition), and the permission whose holders are meant then.
    open_to: tuple[str, str] | None = None

    def condition(self, viewer: Viewer, values: list[Any]) -> str:
        """A condition that holds for what the viewer sees; the values of its placeholders are added to `values`."""
        if viewer.sees_all:
            return "true"
        either: list[str] = []
        if self.owners or self.people:
            values.append(viewer.name)
            name = f"${len(values)}::text"
            either += [f"{owner} = {name}" for owner in self.owners]
            either += [f"{name} = ANY({people})" for people in self.people]
        if self.groups:
            values.append(sorted(viewer.principal.roles))
            either += [f"{groups} && ${len(values)}::text[]" for groups in self.groups]
        if self.open_to is not None and viewer.principal.may(self.open_to[1]):
            either.append(self.open_to[0])
        return f"({' OR '.join(either)})" if either else "false"
