import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.metrics.v1 import query_pb2 as _query_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Monitor(_message.Message):
    __slots__ = ("id", "name", "description", "selection", "threshold", "burn_rate", "evaluate_seconds", "breaches", "recoveries", "on_no_data", "actions", "paused", "state", "changed_at", "value", "evaluated_at", "last_error", "secret", "etag", "created_by", "created_at", "updated_by", "updated_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BURN_RATE_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    BREACHES_FIELD_NUMBER: _ClassVar[int]
    RECOVERIES_FIELD_NUMBER: _ClassVar[int]
    ON_NO_DATA_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EVALUATED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BY_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    description: str
    selection: _query_pb2.MetricSelection
    threshold: ThresholdCondition
    burn_rate: BurnRateCondition
    evaluate_seconds: int
    breaches: int
    recoveries: int
    on_no_data: str
    actions: _containers.RepeatedCompositeFieldContainer[MonitorAction]
    paused: bool
    state: str
    changed_at: _timestamp_pb2.Timestamp
    value: float
    evaluated_at: _timestamp_pb2.Timestamp
    last_error: str
    secret: str
    etag: str
    created_by: str
    created_at: _timestamp_pb2.Timestamp
    updated_by: str
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., selection: _Optional[_Union[_query_pb2.MetricSelection, _Mapping]] = ..., threshold: _Optional[_Union[ThresholdCondition, _Mapping]] = ..., burn_rate: _Optional[_Union[BurnRateCondition, _Mapping]] = ..., evaluate_seconds: _Optional[int] = ..., breaches: _Optional[int] = ..., recoveries: _Optional[int] = ..., on_no_data: _Optional[str] = ..., actions: _Optional[_Iterable[_Union[MonitorAction, _Mapping]]] = ..., paused: _Optional[bool] = ..., state: _Optional[str] = ..., changed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., value: _Optional[float] = ..., evaluated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_error: _Optional[str] = ..., secret: _Optional[str] = ..., etag: _Optional[str] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_by: _Optional[str] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ThresholdCondition(_message.Message):
    __slots__ = ("statistic", "quantile", "window_seconds", "comparison", "limit", "recovery_limit")
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    statistic: str
    quantile: float
    window_seconds: int
    comparison: str
    limit: float
    recovery_limit: float
    def __init__(self, statistic: _Optional[str] = ..., quantile: _Optional[float] = ..., window_seconds: _Optional[int] = ..., comparison: _Optional[str] = ..., limit: _Optional[float] = ..., recovery_limit: _Optional[float] = ...) -> None: ...

class BurnRateCondition(_message.Message):
    __slots__ = ("failures", "objective", "long_window_seconds", "short_window_seconds", "factor", "recovery_factor")
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    LONG_WINDOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SHORT_WINDOW_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FACTOR_FIELD_NUMBER: _ClassVar[int]
    failures: _containers.RepeatedCompositeFieldContainer[_query_pb2.DimensionFilter]
    objective: float
    long_window_seconds: int
    short_window_seconds: int
    factor: float
    recovery_factor: float
    def __init__(self, failures: _Optional[_Iterable[_Union[_query_pb2.DimensionFilter, _Mapping]]] = ..., objective: _Optional[float] = ..., long_window_seconds: _Optional[int] = ..., short_window_seconds: _Optional[int] = ..., factor: _Optional[float] = ..., recovery_factor: _Optional[float] = ...) -> None: ...

class MonitorAction(_message.Message):
    __slots__ = ("webhook", "human_request", "pause_tool")
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    HUMAN_REQUEST_FIELD_NUMBER: _ClassVar[int]
    PAUSE_TOOL_FIELD_NUMBER: _ClassVar[int]
    webhook: WebhookAction
    human_request: HumanRequestAction
    pause_tool: PauseToolAction
    def __init__(self, webhook: _Optional[_Union[WebhookAction, _Mapping]] = ..., human_request: _Optional[_Union[HumanRequestAction, _Mapping]] = ..., pause_tool: _Optional[_Union[PauseToolAction, _Mapping]] = ...) -> None: ...

class WebhookAction(_message.Message):
    __slots__ = ("url",)
    URL_FIELD_NUMBER: _ClassVar[int]
    url: str
    def __init__(self, url: _Optional[str] = ...) -> None: ...

class HumanRequestAction(_message.Message):
    __slots__ = ("prompt", "options", "assignees", "groups", "priority", "timeout_seconds")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    prompt: str
    options: _containers.RepeatedScalarFieldContainer[str]
    assignees: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    priority: str
    timeout_seconds: int
    def __init__(self, prompt: _Optional[str] = ..., options: _Optional[_Iterable[str]] = ..., assignees: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., priority: _Optional[str] = ..., timeout_seconds: _Optional[int] = ...) -> None: ...

class PauseToolAction(_message.Message):
    __slots__ = ("tool_name",)
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    tool_name: str
    def __init__(self, tool_name: _Optional[str] = ...) -> None: ...

class CreateMonitorRequest(_message.Message):
    __slots__ = ("monitor", "idempotency_key")
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    monitor: Monitor
    idempotency_key: str
    def __init__(self, monitor: _Optional[_Union[Monitor, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class GetMonitorRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListMonitorsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "state")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    state: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...

class ListMonitorsResponse(_message.Message):
    __slots__ = ("monitors", "next_page_token")
    MONITORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    monitors: _containers.RepeatedCompositeFieldContainer[Monitor]
    next_page_token: str
    def __init__(self, monitors: _Optional[_Iterable[_Union[Monitor, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateMonitorRequest(_message.Message):
    __slots__ = ("monitor", "rotate_secret", "grace_seconds")
    MONITOR_FIELD_NUMBER: _ClassVar[int]
    ROTATE_SECRET_FIELD_NUMBER: _ClassVar[int]
    GRACE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    monitor: Monitor
    rotate_secret: bool
    grace_seconds: int
    def __init__(self, monitor: _Optional[_Union[Monitor, _Mapping]] = ..., rotate_secret: _Optional[bool] = ..., grace_seconds: _Optional[int] = ...) -> None: ...

class DeleteMonitorRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...
