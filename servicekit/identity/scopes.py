"""What a permission is narrowed to: things by their names, tags and labels; of what a service has, a caller's part."""

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """Things that have one of the names, one of the tags, and all of the labels; what is empty, all have."""

    # `*` stands for any characters, also none and also slashes.
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, message: Any) -> "Scope":
        """What `qmcp.access.v1.ToolScope` has; servicekit imports no generated code."""
        return cls.made(message.names, message.tags, message.labels)

    @classmethod
    def made(cls, names: Iterable[str], tags: Iterable[str], labels: Mapping[str, str]) -> "Scope":
        return cls(tuple(sorted(set(names))), tuple(sorted(set(tags))), tuple(sorted(labels.items())))

    def covers(self, name: str, tags: Collection[str], labels: Mapping[str, str]) -> bool:
        """Whether a thing is in it."""
        return (
            (not self.names or any(_pattern(glob).fullmatch(name) for glob in self.names))
            and (not self.tags or any(tag in tags for tag in self.tags))
            and all(labels.get(key) == value for key, value in self.labels)
        )

    def within(self, other: "Scope") -> bool:
        """Whether the other one has all that this one has; False also where that cannot be said."""
        names = not other.names or (
            self.names != () and all(any(_covers_glob(wider, glob) for wider in other.names) for glob in self.names)
        )
        tags = not other.tags or (self.tags != () and set(self.tags) <= set(other.tags))
        return names and tags and set(other.labels) <= set(self.labels)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a permission is narrowed to: in one of the roles' scopes and in one of the key's, where there are any."""

    scopes: frozenset[Scope] = frozenset()
    key_scopes: frozenset[Scope] = frozenset()

    @classmethod
    def of(cls, message: Any) -> "Reach":
        """What `qmcp.access.v1.NarrowedPermission` has."""
        return cls(frozenset(map(Scope.of, message.scopes)), frozenset(map(Scope.of, message.key_scopes)))

    def covers(self, name: str, tags: Collection[str], labels: Mapping[str, str]) -> bool:
        """Whether it is for a thing."""
        return all(any(scope.covers(name, tags, labels) for scope in either) for either in self.demanded)

    def within(self, other: "Reach") -> bool:
        """Whether the other one is for all that this one is for; False also where that cannot be said."""
        return all(
            any(all(any(mine.within(theirs) for theirs in wider) for mine in either) for either in self.demanded)
            for wider in other.demanded
        )

    def condition(self, columns: "ScopeColumns", values: list[Any]) -> str:
        """A condition of SQL that holds for what it is for; the values of its placeholders are added to `values`."""
        either = (" OR ".join(columns.condition(scope, values) for scope in ordered(each)) for each in self.demanded)
        return " AND ".join(f"({each})" for each in either) or "true"

    @property
    def demanded(self) -> list[frozenset[Scope]]:
        """Of each of these, one scope."""
        return [each for each in (self.scopes, self.key_scopes) if each]


Narrowed = Mapping[str, Reach]


def narrowed_of(messages: Iterable[Any]) -> Narrowed:
    """What several `qmcp.access.v1.NarrowedPermission` have, by permission."""
    return {each.permission: Reach.of(each) for each in messages}


@dataclass(frozen=True, slots=True)
class ScopeColumns:
    """What scopes speak of, as expressions of SQL: a text, an array of texts, an object of JSON."""

    name: str
    tags: str
    labels: str

    def condition(self, scope: Scope, values: list[Any]) -> str:
        """A condition that holds for what is in the scope."""

        def value(given: object) -> str:
            values.append(given)
            return f"${len(values)}"

        every: list[str] = []
        if scope.names:
            every.append(f"{self.name} LIKE ANY({value([_like(glob) for glob in scope.names])}::text[])")
        if scope.tags:
            every.append(f"{self.tags} && {value(list(scope.tags))}::text[]")
        every += [f"{self.labels} ->> {value(key)}::text = {value(text)}::text" for key, text in scope.labels]
        return f"({' AND '.join(every) or 'true'})"


def ordered(scopes: Iterable[Scope]) -> list[Scope]:
    """In one order, so that the same question is the same statement."""
    return sorted(scopes, key=lambda scope: (scope.names, scope.tags, scope.labels))


@lru_cache(4_096)
def _pattern(glob: str) -> re.Pattern[str]:
    # These patterns do not go back over what an asterisk took, however many there are. Names have nothing else special.
    return re.compile(fnmatch.translate(glob))


def _covers_glob(wider: str, glob: str) -> bool:
    """Whether all names that one glob stands for the other one does: an asterisk is only met by an asterisk."""
    return _pattern(wider).fullmatch(glob) is not None


def _like(glob: str) -> str:
    return re.sub(r"[\\%_]", lambda found: f"\\{found[0]}", glob).replace("*", "%")
