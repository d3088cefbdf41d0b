"""The nouns of the metrics service."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from servicekit.identity.visibility import Audience

TYPES = (
    "auth_request",
    "tool_discovery",
    "tool_execution",
    "registry_operation",
    "health_check",
    "protocol_latency",
    "custom",
)

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
# Sorted by their names.
Dimensions: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Who measures: the caller, and what it says of itself."""

    principal: str
    service: str
    version: str = ""
    instance_id: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """What events have in common: who measured, what it is about, and with which dimensions."""

    # 64 bits of the digest of all the rest, so that it need not be asked for: the same everywhere.
    id: int
    source: Source
    type: str
    dimensions: Dimensions

    @classmethod
    def of(cls, source: Source, kind: str, dimensions: Dimensions) -> "Series":
        """The series of events of this type with these dimensions, which are sorted by their names."""
        named = [source.principal, source.service, source.version, source.instance_id, kind, dimensions]
        digest = hashlib.blake2b(orjson.dumps(named), digest_size=8).digest()
        return cls(int.from_bytes(digest, "big", signed=True), source, kind, dimensions)

    @property
    def audience(self) -> Audience:
        """Who sees its events: whoever sent them."""
        return Audience((self.source.principal,))


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """The events of one request, in columns of one length."""

    # 64 random bits: `request_id` without its prefix, as Postgres has integers.
    request: int
    series: Sequence[Series]
    # Of each event: which of `series`, when (microseconds since 1970), what, how long (NaN: not said), and where it
    # stood in its request.
    series_index: Integers
    at_us: Integers
    value: Floats
    duration_ms: Floats
    position: Integers
    # JSON texts, by the number of the row.
    metadata: Mapping[int, str]
    # What they take while they wait, bytes.
    cost: int

    def __len__(self) -> int:
        return len(self.value)

    @property
    def series_id(self) -> Integers:
        """Of each event the id of its series."""
        ids = np.fromiter((series.id for series in self.series), np.int64, len(self.series))
        return ids[self.series_index]


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that is not taken in, and why."""

    index: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"metrics[{self.index}].{self.field} {self.reason}."


def request_id(request: int) -> str:
    """`req_` and 16 hexadecimal digits."""
    return f"req_{request & (2**64 - 1):016x}"
