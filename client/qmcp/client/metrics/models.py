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
class ColumnSeries:
    """What events have in common."""

    # What it is about.
    type: str = ""
    # What one asks and groups by, at most 20. Names begin with a letter or `_` and have at most 50 letters, digits,
    # `_` and `.`; values at most 200 characters. Over HTTP numbers and booleans are taken as their text.
    dimensions: dict[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionFilter:
    """A dimension and the values that it may have."""

    # Its name.
    key: str = ""
    # One of these, 1 to 50; an empty one means that the event does not have the dimension.
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSelection:
    """Which values are asked about."""

    # Only of this service; empty: of all.
    service: str = ""
    # Only of this type; empty: of all.
    type: str = ""
    # Only what has these dimensions, all of them. At most 20.
    dimensions: tuple[DimensionFilter, ...] = ()
    # Only what this principal has sent; empty: what everybody has, as far as the caller sees it.
    principal: str = ""
    # `value` or `duration_ms`, which not all events have. Empty means `value`.
    measure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantile:
    """A value below which a share of the values lies."""

    # The share, 0 to 1.
    share: float = 0.0
    # The value: within 0.54 % of one that was measured.
    value: float = 0.0
    # True where values came in buckets wider than these: then it is only as exact as they are.
    approximate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """What is known of the values of a group within a time."""

    # When the time begins.
    start_at: datetime | None = None
    # When it ends; this moment does not belong to it.
    end_at: datetime | None = None
    # How many values there are, a whole number; exact up to 2^53.
    count: float = 0.0
    # Their sum.
    sum: float = 0.0
    # Values a second.
    rate: float = 0.0
    # Their mean.
    avg: float = 0.0
    # The least.
    min: float = 0.0
    # The greatest.
    max: float = 0.0
    # The quantiles that were asked for, in that order.
    quantiles: tuple[Quantile, ...] = ()
    # Up to eight invocations of this time whose durations (values, where there are none) are the greatest: they
    # lead to receipts.
    invocation_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """One line of an answer: the values of one group over time."""

    # What the group has in common: of each name in `group_by` its value, empty where it has none.
    group: dict[str, str] = field(default_factory=dict)
    # One point a step in which the group has values, oldest first.
    points: tuple[MetricPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeContribution:
    """What a part of the values had to do with a change of all."""

    # The value of the dimension; empty for what does not have it.
    value: str = ""
    # The statistic of this part at the time compared with; absent where there was nothing of it.
    baseline: float | None = None
    # The same at the time that is explained.
    current: float | None = None
    # What it contributed: these add up to the change.
    contribution: float = 0.0
    # How much of that comes of its share of all values having changed, which matters to an average alone.
    mix: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeExplanation:
    """A change, split up by one dimension."""

    # The dimension, or `service`, `type`, `version`, `instance_id` or `principal`.
    dimension: str = ""
    # The parts that contributed most, greatest first, whichever way.
    contributions: tuple[ChangeContribution, ...] = ()
    # How many parts are not named.
    other_count: int = 0
    # What these contributed together.
    other_contribution: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEvent:
    """An event as it came."""

    # The request that it came in: `req_` and 16 hexadecimal digits.
    request_id: str = ""
    # Where it stood there, from 0: together they are its name.
    position: int = 0
    # When it was measured.
    at: datetime | None = None
    # Who sent it.
    principal: str = ""
    # Who measured.
    service: str = ""
    # Its version.
    version: str = ""
    # Which of its instances.
    instance_id: str = ""
    # What it is about.
    type: str = ""
    # What was measured.
    value: float = 0.0
    # How long it took, milliseconds; absent where that was not said.
    duration_ms: float | None = None
    # How many observations it stands for: 1, or as many as were in a bucket of a histogram.
    weight: float = 0.0
    # What one groups by.
    dimensions: dict[str, str] = field(default_factory=dict)
    # What one reads.
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPreview:
    """What a cleanup would delete of a table now.

    Partitions leave whole, so it is what lies in those of which everything is old, and what was too old when it
    came.
    """

    # How many days are kept.
    retention_days: int = 0
    # How many rows would be deleted.
    records_to_delete: float = 0.0
    # How many there are.
    total_records: float = 0.0
    # The time of the oldest row that would be deleted, RFC 3339; empty where there is none.
    oldest_record_to_delete: str = ""
    # The time of the newest.
    newest_record_to_delete: str = ""
    # What is before this time is old.
    cutoff_date: str = ""
    # The share of rows that would be deleted, 0 to 100.
    percentage_to_delete: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionCleanup:
    """What a cleanup has done to a table."""

    # `completed`; `dry_run`, nothing was deleted; `skipped`, the policy is not active.
    status: str = ""
    # Why it was skipped: `policy_inactive`.
    reason: str = ""
    # How many rows were deleted, or would have been.
    records_deleted: float = 0.0
    # The partitions that were dropped, or would have been.
    partitions: tuple[str, ...] = ()
    # What was before this time was old, RFC 3339.
    cutoff_date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """How long the rows of a table are kept."""

    # The table.
    table_name: str = ""
    # How many days, counted from the time that a row is about.
    retention_days: int = 0
    # False where nothing is deleted.
    is_active: bool = False
    # The column that has that time.
    timestamp_column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicies:
    """The policies of all tables."""

    # Of events as they came.
    metrics: RetentionPolicy | None = None
    # Of roll-ups by minute.
    metrics_minutely: RetentionPolicy | None = None
    # Of roll-ups by hour.
    metrics_hourly: RetentionPolicy | None = None
    # Of roll-ups by day.
    metrics_daily: RetentionPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStats:
    """What there is in a table."""

    # How many rows there are.
    record_count: float = 0.0
    # The time of the oldest, RFC 3339; empty where there is none.
    oldest_record: str = ""
    # The time of the newest.
    newest_record: str = ""
    # Whether there is a policy: always.
    has_retention_policy: bool = False
    # How many days are kept.
    retention_days: int = 0
    # Whether anything is deleted.
    policy_active: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStats:
    """What there is in all tables."""

    # Events as they came.
    metrics: TableStats | None = None
    # Roll-ups by minute.
    metrics_minutely: TableStats | None = None
    # Roll-ups by hour.
    metrics_hourly: TableStats | None = None
    # Roll-ups by day.
    metrics_daily: TableStats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSize:
    """How large the database of metrics is."""

    # All of it, bytes.
    total_bytes: float = 0.0
    # The tables and indexes of events and roll-ups, by table, bytes.
    table_bytes: dict[str, float] = field(default_factory=dict)
    # How large a page is, bytes.
    page_size: int = 0
    # How many pages there are.
    page_count: float = 0.0
    # How many of them are estimated to hold nothing but rows that are deleted.
    free_pages: float = 0.0
    # The others.
    used_pages: float = 0.0
    # The share of the others, 0 to 100.
    database_efficiency: float = 0.0
