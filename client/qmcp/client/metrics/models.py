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
    # bytes as JSON. Nested at most 30 levels.
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

    # The values of the dimensions that were asked for, of `path_dimension` the path down to this step; empty where
    # the series has no such dimension.
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
class RejectedInBatch:
    """An event of a batch that was not taken in, and why."""

    # Which batch, from 0.
    batch: int = 0
    # Which event, and why.
    rejection: RejectedMetric | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedMetrics:
    """What became of the batches of a stream."""

    # How many batches came.
    batches: int = 0
    # How many events were accepted, a whole number; those of a batch that came before count as they did then.
    accepted: float = 0.0
    # How many were rejected.
    rejected: float = 0.0
    # What is wrong with those that were rejected first, at most 100.
    rejections: tuple[RejectedInBatch, ...] = ()


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
class ThresholdCondition:
    """Fires while a statistic of the values of the last seconds is beyond a limit."""

    # `count`, `sum`, `rate` (values a second), `avg`, `min`, `max` or `quantile`.
    statistic: str = ""
    # The quantile that is meant by `quantile`, a share from 0 to 1; absent means 0.95.
    quantile: float | None = None
    # Of how many last seconds, 1 to 2,592,000 (30 days).
    window_seconds: int = 0
    # On which side of the limit it fires: `above` or `below`; the limit itself is within.
    comparison: str = ""
    # The limit.
    limit: float = 0.0
    # Where it has recovered: at this value or on its other side, which is not beyond the limit. Between the two the
    # state stays. Absent means the limit.
    recovery_limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BurnRateCondition:
    """Fires while a budget of failures is used up faster than a factor, both over a long time and over a short
    one: over the long one so that it matters, over the short one so that it is still so.

    A burn rate of 1 uses up just what the objective leaves.
    """

    # Which of the selected values are failures: those with these dimensions, all of them. 1 to 20.
    failures: tuple[DimensionFilter, ...] = ()
    # The share of values that must not be failures, above 0 and below 1: `0.999`.
    objective: float = 0.0
    # The long time, seconds, 1 to 2,592,000 (30 days).
    long_window_seconds: int = 0
    # The short time, seconds, at most as long.
    short_window_seconds: int = 0
    # The burn rate beyond which it fires, above 0: `14.4` uses up a budget of 30 days in two.
    factor: float = 0.0
    # The burn rate at or below which it has recovered, at most the factor. Absent means the factor.
    recovery_factor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAction:
    """An address is told of every transition, signed after the Standard Webhooks specification as those of human
    requests are.

    The body is `{"type": "monitor.<state>", "timestamp": ..., "data": {...}}`, the data a MonitorTransition without
    its actions. It comes at least once; a `webhook-id` that was seen before is the same transition again.
    """

    # Where, by POST. Addresses that are loopback, private or link-local are refused, when the monitor is written
    # and again at each try. At most 2,048 characters. Its path may be a credential, so it is shown whole only to
    # who has `metrics.admin`.
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanRequestAction:
    """When it fires, a human request is opened in the name of whoever made the monitor; its context has the
    transition.

    To write it takes the permission to ask people as well.
    """

    # What people are asked, at most 4,096 characters; empty means: what to do about the monitor, by its name.
    prompt: str = ""
    # The answers that are possible, at most 20; empty means any.
    options: tuple[str, ...] = ()
    # The principals that are asked, at most 100.
    assignees: tuple[str, ...] = ()
    # The roles whose holders are asked, at most 100.
    groups: tuple[str, ...] = ()
    # `low`, `normal` (the default), `high` or `urgent`.
    priority: str = ""
    # How long they have, seconds, 60 to 86,400; 0 means 3,600.
    timeout_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseToolAction:
    """When it fires, a tool is paused: nothing of it begins until somebody resumes it.

    To write it takes `tools.pause` as well.
    """

    # The tool's name.
    tool_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorAction:
    """What is done when a monitor's state changes."""

    # Somebody is told by HTTP.
    webhook: WebhookAction | None = None
    # People are asked.
    human_request: HumanRequestAction | None = None
    # A tool is paused.
    pause_tool: PauseToolAction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """A question that is asked again and again, and what is done when its answer is not as it should be.

    A monitor is `ok`, `firing` or `no_data`. It is evaluated by one replica at a time, every `evaluate_seconds`, on
    the values measured in the time before. Each change of its state is a MonitorTransition, written in the
    transaction that changes it, together with the actions that follow; those are tried until they are done or have
    failed for good.
    """

    # UUIDv7, made by the server.
    id: str = ""
    # What people call it, 1 to 128 characters; two may have the same.
    name: str = ""
    # What it is for, and what to do when it fires. At most 1,024 characters.
    description: str = ""
    # Which values are watched; absent: all.
    selection: MetricSelection | None = None
    # A statistic is above or below a value.
    threshold: ThresholdCondition | None = None
    # What may fail is being used up too fast.
    burn_rate: BurnRateCondition | None = None
    # How often it is evaluated, seconds, 1 to 86,400; 0 means 60.
    evaluate_seconds: int = 0
    # How many evaluations in a row must be beyond the limit before it fires, 1 to 100; 0 means 1.
    breaches: int = 0
    # How many in a row must be within the recovery limit before it is `ok` again, 1 to 100; 0 means 1.
    recoveries: int = 0
    # What it means that there are no values to judge by: `no_data`, the state of that name, at once; `fire`, an
    # evaluation beyond the limit; `ok`, one within; `keep`, nothing. Empty means `no_data`.
    on_no_data: str = ""
    # What is done, at most 8.
    actions: tuple[MonitorAction, ...] = ()
    # True while it is not evaluated; its state stays.
    paused: bool = False
    # `ok`, `firing` or `no_data`; empty until it was evaluated. Set by the server, as all below.
    state: str = ""
    # Since when it has that state; absent until it was evaluated.
    changed_at: datetime | None = None
    # What was found the last time; absent where there were no values.
    value: float | None = None
    # When it was evaluated last.
    evaluated_at: datetime | None = None
    # Why it could not be evaluated the last time; empty where it could.
    last_error: str = ""
    # The secret that receivers of its webhooks check signatures with, `whsec_...`. Shown once, when the monitor is
    # created and when the secret is rotated; kept encrypted. Ignored on input.
    secret: str = field(default="", repr=False)
    # Changes with every change of the definition. Send it with an update to be refused (`ETAG_MISMATCH`) when
    # somebody else changed it meanwhile; empty means: whatever is there.
    etag: str = ""
    # The principal that made it, in whose name people are asked.
    created_by: str = ""
    # When it was made.
    created_at: datetime | None = None
    # The principal that changed its definition last.
    updated_by: str = ""
    # When that was.
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorActionResult:
    """What became of an action."""

    # Made by the server (UUID); the header `webhook-id` of every try of a webhook.
    id: str = ""
    # `webhook`, `human_request` or `pause_tool`.
    kind: str = ""
    # The address, of which what follows the server only for who has `metrics.admin`; the id of the human request;
    # the name of the tool.
    target: str = ""
    # `pending` (it will be tried, again perhaps), `done`, or `failed` (for good).
    status: str = ""
    # Tries so far.
    attempts: int = 0
    # Why the last try failed; empty where it did not.
    last_error: str = ""
    # When it was done; absent where it was not.
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorTransition:
    """That the state of a monitor changed: what was found, in which time, and what was done about it.

    Kept after its monitor is gone, as long as roll-ups by day are.
    """

    # UUIDv7, made by the server; `monitor-<id>` is the correlation id of all that is done about it.
    id: str = ""
    # The monitor.
    monitor_id: str = ""
    # What it was called.
    monitor_name: str = ""
    # The state before; empty the first time.
    from_state: str = ""
    # The state from then on: `ok`, `firing` or `no_data`.
    state: str = ""
    # When it was found.
    at: datetime | None = None
    # What was found; absent where there were no values.
    value: float | None = None
    # By which limit it was judged: where it fires, or has recovered.
    limit: float = 0.0
    # The time of the values: when it begins.
    window_start_at: datetime | None = None
    # When it ends; this moment does not belong to it.
    window_end_at: datetime | None = None
    # Up to eight invocations of that time, of failures where a burn rate was watched, with the greatest durations
    # (values, where there are none): they lead to receipts.
    invocation_ids: tuple[str, ...] = ()
    # What was done about it, in the monitor's order.
    actions: tuple[MonitorActionResult, ...] = ()


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
