"""How many calls one caller may have in flight at a time, by their kind."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Calls in flight of one caller in one replica; 0: what holds for everybody there."""

    quick: int = 0
    long: int = 0
    waits: int = 0
    streams: int = 0

    @classmethod
    def of(cls, message: Any) -> "CallLimits":
        """What `qmcp.access.v1.CallLimits` has; servicekit imports no generated code."""
        return cls(message.quick, message.long, message.waits, message.streams)

    def over(self, others: "CallLimits") -> "CallLimits":
        """These, and those of the others where these say nothing."""
        if self == NO_LIMITS:
            return others
        return CallLimits(*(getattr(self, name) or getattr(others, name) for name in NAMES))


NAMES = tuple(field.name for field in fields(CallLimits))


def largest(limits: Iterable[CallLimits]) -> CallLimits:
    """Of each kind what the most generous one says."""
    found = list(limits)
    return CallLimits(*(max((getattr(each, name) for each in found), default=0) for name in NAMES))


# What nobody said anything about.
NO_LIMITS = CallLimits()
# Past whatever a replica takes at all.
UNBOUNDED = CallLimits(1_000_000, 1_000_000, 1_000_000, 1_000_000)
