# Generated from protos/ by client/generate. `make generate` writes it again.

"""The values of metrics as callers see them: the messages of the contract without protobuf."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing that was measured.

    An event that breaks one of these rules is rejected by itself.
    """

    # What it is about.
    type: str = ""
    # When it was measured; absent means when it arrived. At most 5 minutes ahead, and not before what is kept.
    at: datetime | None = None
    # What was measured, -1e12 to 1e12.
    value: float | None = None
    # How long it took, milliseconds, 0 to 86,400,000; absent where that means nothing.
    duration_ms: float | None = None
    # What one asks and groups by, at most 20. Names begin with a letter or `_` and have at most 50 letters, digits,
    # `_` and `.`; values at most 200 characters. Over HTTP numbers and booleans are taken as their text.
    dimensions: dict[str, str] = field(default_factory=dict)
    # What one reads of a single event: at most 30 members with names of at most 50 characters, each at most 1,000
    # bytes as JSON.
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedMetric:
    """An event that was not taken in, and why."""

    # Where it stood in the request, from 0.
    index: int = 0
    # The field that breaks a rule: `value`, `dimensions.method`.
    field: str = ""
    # What is wrong with it.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestedMetrics:
    """What became of the events of a request."""

    # `success` where none was rejected, `partial` where some were, `rejected` where all were.
    status: str = ""
    # How many were accepted.
    accepted: int = 0
    # How many were rejected.
    rejected: int = 0
    # What is wrong with those that were rejected, a sentence each: `metrics[3].value must be …`.
    errors: tuple[str, ...] = ()
    # Under which they are kept: `req_` and 16 hexadecimal digits.
    request_id: str = ""
    # The same as `errors`, for programs.
    rejections: tuple[RejectedMetric, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What tokens of a model cost."""

    # The model, as `gen_ai.response.model` or `gen_ai.request.model` names it; a `*` at the end stands for any
    # rest. The longest that fits counts. 1 to 200 characters.
    model: str = ""
    # Which tokens, as `gen_ai.token.type` names them: `input`, `output`. 1 to 50 characters.
    token_type: str = ""
    # US dollars for a million of them, 0 to 1,000,000.
    usd_per_million: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """What everything costs from a time on.

    A table is never changed: another price is another table, with the next number.
    """

    # Its number, from 1; given by the service.
    version: int = 0
    # From when on it holds, until another does that is valid from later on, or from the same time and newer. Absent
    # in a request means now.
    effective_at: datetime | None = None
    # At most 2,000 prices, one for each model and type of tokens.
    prices: tuple[Price, ...] = ()
    # Who made it; given by the service.
    created_by: str = ""
    # When it was made.
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the tokens of a group came to."""

    # The values of the dimensions that were asked for; empty where the series has no such dimension.
    group: dict[str, str] = field(default_factory=dict)
    # How many tokens of each type there were.
    tokens: dict[str, float] = field(default_factory=dict)
    # What those that have a price come to, US dollars, by the prices of their time.
    usd: float = 0.0
    # How many tokens have no price: they are not in `usd`.
    unpriced_tokens: float = 0.0
    # Whose these are: the models, in order, at most 20.
    unpriced_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlushedMetrics:
    """How a flush went."""

    # `success`.
    status: str = ""
    # How many events it wrote, as a sentence.
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many calls a caller may still make.

    One limit holds over all replicas; calls come back evenly over the minute.
    """

    # The caller.
    service: str = ""
    # Calls a minute; 0 means that there is no limit.
    rate_limit: int = 0
    # How many of them are left.
    available_tokens: int = 0
    # Seconds until all of them are.
    reset_time_seconds: int = 0
