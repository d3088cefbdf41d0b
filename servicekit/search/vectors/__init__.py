"""The one interface of vector stores; every call of Qdrant stands in this folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

# The fields that are filtered by, each with an index. `owner` keeps tenants apart on disk, too.
KEYWORDS = ("owner", "user_id", "kind", "group_id", "audience")
TIME = "at"
# The vectors of a point.
MEANING = "meaning"
WORDS = "words"
# Of reciprocal rank fusion: its constant, and what the ranks of meanings and of words weigh. Words in common are many
# and say little, so a first by meaning stays first unless another leads by its words (tests/questioning/retrieval.csv).
RRF_K = 1
RRF_WEIGHTS = (2.0, 1.0)
# How many of each list are fused, for each that is wanted.
FUSED = 4
# What an item is filtered by: fields with a value, or with several of which one is enough.
Payload = Mapping[str, str | datetime | Sequence[str]]
_NAMESPACE = UUID("6f7d3f0e-4d0b-5d7e-9d35-6c8a2f1b7a10")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text as a sparse vector: BM25's weights, to which the store adds how rare each word is."""

    indices: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Point:
    """A text as the store has it: not the text, but its vectors and where it comes from."""

    item_id: str
    # Of length 1; None where no model is there.
    meaning: Sequence[float] | None
    words: Words
    payload: Payload

    @property
    def id(self) -> str:
        """The store takes UUIDs only; ours may be anything."""
        return point_id(self.item_id)

    @property
    def stored(self) -> dict[str, str | list[str]]:
        """The payload with the item's own id."""
        return {"item_id": self.item_id, **{name: _stored(value) for name, value in self.payload.items()}}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; one of `meaning` and `words` at least."""

    meaning: Sequence[float] | None
    words: Words | None
    limit: int
    # Fields and the value that each must have, or one of these values; and the value that it must not have.
    must: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    must_not: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found."""

    item_id: str
    # Of the fusion: only its order says something.
    score: float
    # The cosine between what was looked for and this; None where there are no meanings.
    similarity: float | None


class Vectors(Protocol):
    """A store with collections. What it cannot do now is a SearchAwayError."""

    # What it is: `embedded` or `server`.
    kind: str

    async def collections(self) -> list[str]:
        """The names of those that are there."""

    async def create(self, collection: str, dimension: int) -> None:
        """Makes one; one that is there stays. A dimension of 0: words only."""

    async def drop(self, collection: str) -> None:
        """Takes one away with all that is in it."""

    async def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Puts points in, durably, in the place of those with the same ids."""

    async def delete(self, collection: str, item_ids: Sequence[str]) -> None:
        """Takes points away."""

    async def count(self, collection: str) -> int:
        """How many points there are."""

    async def query(self, collection: str, wanted: Wanted) -> list[Hit]:
        """The best by both lists, each filtered by itself, fused by reciprocal ranks."""

    async def close(self) -> None:
        """Gives back what it holds."""


def _stored(value: str | datetime | Sequence[str]) -> str | list[str]:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else list(value)


def point_id(item_id: str) -> str:
    """The UUID of an item in the store."""
    return str(uuid5(_NAMESPACE, item_id))


def cosine(one: Sequence[float] | None, other: Sequence[float] | None) -> float | None:
    """Of two vectors of length 1."""
    if one is None or other is None:
        return None
    return sum(a * b for a, b in zip(one, other, strict=True))
