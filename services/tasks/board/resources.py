"""What two tasks may not be at together: the rule of overlap that docs/tasks.md states."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from servicekit.errors import invalid_field

MAX_PORT = 65_535
MAX_DIGITS = 6
WILD = frozenset("*?")


def require_readable(resources: Iterable[str]) -> None:
    """Refuses what the rule cannot be applied to.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    for resource in resources:
        kind, _, rest = resource.partition(":")
        if kind == "port":
            first, last = _ports(rest)
            if not 1 <= first <= last <= MAX_PORT:
                raise invalid_field("resources", f"{resource!r} is no port or range of ports")
        elif kind == "quota" and not 1 <= _amount(rest) <= _limit(rest):
            raise invalid_field("resources", f"{resource!r} does not read as quota:<name>=<amount>/<limit>")


@lru_cache(100_000)
def overlap(one: str, other: str) -> bool:
    """Whether two resources, neither of which is counted, cannot be had at the same time."""
    kind, _, mine = one.partition(":")
    other_kind, _, theirs = other.partition(":")
    if kind != other_kind or kind == "quota":
        return False
    if kind == "port":
        (first, last), (other_first, other_last) = _ports(mine), _ports(theirs)
        return first <= other_last and other_first <= last
    if kind == "path":
        return _paths_meet(tuple(mine.split("/")), tuple(theirs.split("/")))
    return mine == theirs


def conflict(wanted: Sequence[str], held: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """The first that is wanted and cannot be had, and the key of who has it; None where all can be had."""
    for resource in wanted:
        if resource.startswith("quota:"):
            if holder := _exceeded(resource, wanted, held):
                return resource, holder
            continue
        for holder, theirs in held.items():
            if any(overlap(resource, each) for each in theirs):
                return resource, holder
    return None


class Taken:
    """What is held, and what is kept for the better ones that could not have it: so nothing waits for ever."""

    def __init__(self, held: Iterable[Sequence[str]]) -> None:
        # By kind; a resource that many need stands here once.
        self._resources: defaultdict[str, set[str]] = defaultdict(set)
        # That cannot be had: as more is taken, it stays so.
        self._refused: set[str] = set()
        # Of counted ones the sum and the least limit, by name.
        self._quotas: dict[str, tuple[int, int]] = {}
        for resources in held:
            self._add(resources)

    def take(self, resources: Sequence[str]) -> bool:
        """Whether all of these can be had together with what is taken; in either case they are, from now on."""
        can = all(map(self._can_have, resources)) and self._is_within(resources)
        self._add(resources)
        return can

    def _can_have(self, resource: str) -> bool:
        kind = resource.partition(":")[0]
        if kind == "quota":
            return True
        taken = self._resources[kind]
        if resource in taken or resource in self._refused or any(overlap(resource, each) for each in taken):
            self._refused.add(resource)
            return False
        return True

    def _is_within(self, resources: Sequence[str]) -> bool:
        wanted = _quotas(resources)
        return all(
            wanted[name][0] + self._quotas[name][0] <= min(wanted[name][1], self._quotas[name][1])
            for name in wanted.keys() & self._quotas.keys()
        )

    def _add(self, resources: Sequence[str]) -> None:
        for resource in resources:
            self._resources[resource.partition(":")[0]].add(resource)
        for name, (amount, limit) in _quotas(resources).items():
            before, least = self._quotas.get(name, (0, limit))
            self._quotas[name] = before + amount, min(least, limit)


def _quotas(resources: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Of counted ones the sum and the least limit, by name."""
    found: dict[str, tuple[int, int]] = {}
    for each in resources:
        if each.startswith("quota:"):
            amount, least = found.get(_name(each), (0, _limit(each)))
            found[_name(each)] = amount + _amount(each), min(least, _limit(each))
    return found


def _exceeded(resource: str, wanted: Sequence[str], held: Mapping[str, Sequence[str]]) -> str:
    """Who has some of a counted resource, where all together would be more than the least limit that is said."""
    name = _name(resource)
    amounts: Counter[str] = Counter()
    limits = []
    for holder, resources in (("", wanted), *held.items()):
        for each in resources:
            if each.startswith("quota:") and _name(each) == name:
                amounts[holder] += _amount(each)
                limits.append(_limit(each))
    others = sorted(holder for holder in amounts if holder)
    return others[0] if others and amounts.total() > min(limits) else ""


def _ports(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
        return 0, 0
    return int(first[:MAX_DIGITS]), int((last if dash else first)[:MAX_DIGITS])


def _name(quota: str) -> str:
    return quota.partition(":")[2].partition("=")[0]


def _amount(text: str) -> int:
    return _number(text.partition("=")[2].partition("/")[0])


def _limit(text: str) -> int:
    return _number(text.partition("=")[2].partition("/")[2])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0


def _paths_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some path is matched by both: `**` is any number of segments, also none."""
    # Most paths part before either has one; a board asks about tens of thousands of pairs.
    for mine, theirs in zip(one, other, strict=False):
        if "**" in (mine, theirs):
            break
        if not _segments_meet(mine, theirs):
            return False

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(one) and j == len(other):
            return True
        if i < len(one) and one[i] == "**":
            return meet(i + 1, j) or (j < len(other) and meet(i, j + 1))
        if j < len(other) and other[j] == "**":
            return meet(i, j + 1) or (i < len(one) and meet(i + 1, j))
        return i < len(one) and j < len(other) and _segments_meet(one[i], other[j]) and meet(i + 1, j + 1)

    return meet(0, 0)


@lru_cache(10_000)
def _segments_meet(one: str, other: str) -> bool:
    """Whether some segment is matched by both: `*` is any number of characters, also none, `?` is one."""
    if one == other or WILD.isdisjoint(one + other):
        return one == other
    # Which beginnings of the other one can be met by the characters so far, one after the other.
    reached = {0}
    row = _with_stars(other, reached)
    for character in one:
        if character == "*":
            row = set(range(min(row), len(other) + 1)) if row else set()
            continue
        following = {j + 1 for j in row if j < len(other) and _meets(character, other[j])}
        following |= {j for j in row if j < len(other) and other[j] == "*"}
        row = _with_stars(other, following)
    return len(other) in row


def _with_stars(pattern: str, reached: set[int]) -> set[int]:
    """These beginnings, and those with stars behind that stand for nothing."""
    found = set(reached)
    for index, character in enumerate(pattern):
        if character == "*" and index in found:
            found.add(index + 1)
    return found


def _meets(one: str, other: str) -> bool:
    return one == other or "?" in (one, other)
