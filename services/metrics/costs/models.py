"""The nouns of costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

# OpenTelemetry's name of the histogram of tokens.
TOKENS = "gen_ai.client.token.usage"
# Between the steps of a path.
STEP = "/"


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of a type cost, of a model or of all whose names begin so (`*` at the end)."""

    model: str
    token_type: str
    usd_per_million: float


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices that hold from a time on."""

    version: int
    effective_at: datetime
    prices: Sequence[Price]
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one series, used while one price table held."""

    dimensions: Mapping[str, str]
    # Which of the tables, in order of the times from which on they held, from 1; 0: before all of them.
    period: int
    tokens: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """How costs are told apart."""

    by: Sequence[str] = ()
    # The dimension whose values are paths, each step of which is a group; empty: none.
    path: str = ""
    # The path at and beneath which is asked for; empty: everything.
    beneath: str = ""

    @property
    def names(self) -> Sequence[str]:
        """What groups are named by."""
        return (*self.by, self.path) if self.path else self.by

    def groups_of(self, dimensions: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
        """The groups that what has these dimensions is a part of: one, or one for each step of its path."""
        group = tuple(dimensions.get(name, "") for name in self.by)
        if not self.path:
            yield group
            return
        path = dimensions.get(self.path, "")
        end = len(self.beneath)
        while (end := path.find(STEP, end)) != -1:
            yield (*group, path[:end])
            end += len(STEP)
        yield (*group, path)


@dataclass(slots=True)
class Cost:
    """What tokens came to."""

    tokens: dict[str, float] = field(default_factory=dict)
    usd: float = 0.0
    unpriced_tokens: float = 0.0
    unpriced_models: set[str] = field(default_factory=set)

    @property
    def all_tokens(self) -> float:
        return sum(self.tokens.values())
