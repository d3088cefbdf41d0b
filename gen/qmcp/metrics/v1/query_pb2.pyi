import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricSelection(_message.Message):
    __slots__ = ("service", "type", "dimensions", "principal", "measure")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    service: str
    type: str
    dimensions: _containers.RepeatedCompositeFieldContainer[DimensionFilter]
    principal: str
    measure: str
    def __init__(self, service: _Optional[str] = ..., type: _Optional[str] = ..., dimensions: _Optional[_Iterable[_Union[DimensionFilter, _Mapping]]] = ..., principal: _Optional[str] = ..., measure: _Optional[str] = ...) -> None: ...

class DimensionFilter(_message.Message):
    __slots__ = ("key", "values")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    key: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class MetricSeries(_message.Message):
    __slots__ = ("group", "points")
    class GroupEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    GROUP_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    group: _containers.ScalarMap[str, str]
    points: _containers.RepeatedCompositeFieldContainer[MetricPoint]
    def __init__(self, group: _Optional[_Mapping[str, str]] = ..., points: _Optional[_Iterable[_Union[MetricPoint, _Mapping]]] = ...) -> None: ...

class MetricEvent(_message.Message):
    __slots__ = ("request_id", "position", "at", "principal", "service", "version", "instance_id", "type", "value", "duration_ms", "weight", "dimensions", "metadata")
    class DimensionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    position: int
    at: _timestamp_pb2.Timestamp
    principal: str
    service: str
    version: str
    instance_id: str
    type: str
    value: float
    duration_ms: float
    weight: float
    dimensions: _containers.ScalarMap[str, str]
    metadata: _struct_pb2.Struct
    def __init__(self, request_id: _Optional[str] = ..., position: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., principal: _Optional[str] = ..., service: _Optional[str] = ..., version: _Optional[str] = ..., instance_id: _Optional[str] = ..., type: _Optional[str] = ..., value: _Optional[float] = ..., duration_ms: _Optional[float] = ..., weight: _Optional[float] = ..., dimensions: _Optional[_Mapping[str, str]] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class MetricPoint(_message.Message):
    __slots__ = ("start_at", "end_at", "count", "sum", "rate", "avg", "min", "max", "quantiles", "invocation_ids")
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    AVG_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_IDS_FIELD_NUMBER: _ClassVar[int]
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    count: float
    sum: float
    rate: float
    avg: float
    min: float
    max: float
    quantiles: _containers.RepeatedCompositeFieldContainer[Quantile]
    invocation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., count: _Optional[float] = ..., sum: _Optional[float] = ..., rate: _Optional[float] = ..., avg: _Optional[float] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., quantiles: _Optional[_Iterable[_Union[Quantile, _Mapping]]] = ..., invocation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class Quantile(_message.Message):
    __slots__ = ("share", "value", "approximate")
    SHARE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    APPROXIMATE_FIELD_NUMBER: _ClassVar[int]
    share: float
    value: float
    approximate: bool
    def __init__(self, share: _Optional[float] = ..., value: _Optional[float] = ..., approximate: _Optional[bool] = ...) -> None: ...

class ChangeContribution(_message.Message):
    __slots__ = ("value", "baseline", "current", "contribution", "mix")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    MIX_FIELD_NUMBER: _ClassVar[int]
    value: str
    baseline: float
    current: float
    contribution: float
    mix: float
    def __init__(self, value: _Optional[str] = ..., baseline: _Optional[float] = ..., current: _Optional[float] = ..., contribution: _Optional[float] = ..., mix: _Optional[float] = ...) -> None: ...

class ChangeExplanation(_message.Message):
    __slots__ = ("dimension", "contributions", "other_count", "other_contribution")
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    OTHER_COUNT_FIELD_NUMBER: _ClassVar[int]
    OTHER_CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    dimension: str
    contributions: _containers.RepeatedCompositeFieldContainer[ChangeContribution]
    other_count: int
    other_contribution: float
    def __init__(self, dimension: _Optional[str] = ..., contributions: _Optional[_Iterable[_Union[ChangeContribution, _Mapping]]] = ..., other_count: _Optional[int] = ..., other_contribution: _Optional[float] = ...) -> None: ...

class QueryMetricsRequest(_message.Message):
    __slots__ = ("selection", "group_by", "start_at", "end_at", "step_seconds", "quantiles", "invocations")
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    STEP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    selection: MetricSelection
    group_by: _containers.RepeatedScalarFieldContainer[str]
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    step_seconds: int
    quantiles: _containers.RepeatedScalarFieldContainer[float]
    invocations: bool
    def __init__(self, selection: _Optional[_Union[MetricSelection, _Mapping]] = ..., group_by: _Optional[_Iterable[str]] = ..., start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., step_seconds: _Optional[int] = ..., quantiles: _Optional[_Iterable[float]] = ..., invocations: _Optional[bool] = ...) -> None: ...

class QueryMetricsResponse(_message.Message):
    __slots__ = ("series", "start_at", "end_at", "sources")
    SERIES_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    series: _containers.RepeatedCompositeFieldContainer[MetricSeries]
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    sources: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, series: _Optional[_Iterable[_Union[MetricSeries, _Mapping]]] = ..., start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sources: _Optional[_Iterable[str]] = ...) -> None: ...

class TopMetricsRequest(_message.Message):
    __slots__ = ("selection", "group_by", "start_at", "end_at", "order_by", "quantile", "limit")
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    selection: MetricSelection
    group_by: _containers.RepeatedScalarFieldContainer[str]
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    order_by: str
    quantile: float
    limit: int
    def __init__(self, selection: _Optional[_Union[MetricSelection, _Mapping]] = ..., group_by: _Optional[_Iterable[str]] = ..., start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., order_by: _Optional[str] = ..., quantile: _Optional[float] = ..., limit: _Optional[int] = ...) -> None: ...

class TopMetricsResponse(_message.Message):
    __slots__ = ("series", "total_count", "start_at", "end_at")
    SERIES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    series: _containers.RepeatedCompositeFieldContainer[MetricSeries]
    total_count: int
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    def __init__(self, series: _Optional[_Iterable[_Union[MetricSeries, _Mapping]]] = ..., total_count: _Optional[int] = ..., start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListMetricEventsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "service", "type", "principal", "measured_after", "measured_before")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    MEASURED_AFTER_FIELD_NUMBER: _ClassVar[int]
    MEASURED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    service: str
    type: str
    principal: str
    measured_after: _timestamp_pb2.Timestamp
    measured_before: _timestamp_pb2.Timestamp
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., service: _Optional[str] = ..., type: _Optional[str] = ..., principal: _Optional[str] = ..., measured_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., measured_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListMetricEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[MetricEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[MetricEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ExplainChangeRequest(_message.Message):
    __slots__ = ("selection", "statistic", "split_by", "start_at", "end_at", "baseline_start_at", "baseline_end_at", "limit")
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    SPLIT_BY_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    BASELINE_START_AT_FIELD_NUMBER: _ClassVar[int]
    BASELINE_END_AT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    selection: MetricSelection
    statistic: str
    split_by: _containers.RepeatedScalarFieldContainer[str]
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    baseline_start_at: _timestamp_pb2.Timestamp
    baseline_end_at: _timestamp_pb2.Timestamp
    limit: int
    def __init__(self, selection: _Optional[_Union[MetricSelection, _Mapping]] = ..., statistic: _Optional[str] = ..., split_by: _Optional[_Iterable[str]] = ..., start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., baseline_start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., baseline_end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., limit: _Optional[int] = ...) -> None: ...

class ExplainChangeResponse(_message.Message):
    __slots__ = ("baseline", "current", "change", "explanations")
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATIONS_FIELD_NUMBER: _ClassVar[int]
    baseline: float
    current: float
    change: float
    explanations: _containers.RepeatedCompositeFieldContainer[ChangeExplanation]
    def __init__(self, baseline: _Optional[float] = ..., current: _Optional[float] = ..., change: _Optional[float] = ..., explanations: _Optional[_Iterable[_Union[ChangeExplanation, _Mapping]]] = ...) -> None: ...
