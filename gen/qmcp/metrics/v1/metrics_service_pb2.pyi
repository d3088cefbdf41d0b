from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from qmcp.metrics.v1 import cost_pb2 as _cost_pb2
from qmcp.metrics.v1 import metric_pb2 as _metric_pb2
from qmcp.metrics.v1 import monitor_pb2 as _monitor_pb2
from qmcp.metrics.v1 import monitor_transition_pb2 as _monitor_transition_pb2
from qmcp.metrics.v1 import query_pb2 as _query_pb2
from qmcp.metrics.v1 import rate_limit_pb2 as _rate_limit_pb2
from qmcp.metrics.v1 import otlp_pb2 as _otlp_pb2
from qmcp.metrics.v1 import retention_pb2 as _retention_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IngestMetricsRequest(_message.Message):
    __slots__ = ("service", "version", "instance_id", "metrics", "idempotency_key", "ack")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    service: str
    version: str
    instance_id: str
    metrics: _containers.RepeatedCompositeFieldContainer[_metric_pb2.Metric]
    idempotency_key: str
    ack: str
    def __init__(self, service: _Optional[str] = ..., version: _Optional[str] = ..., instance_id: _Optional[str] = ..., metrics: _Optional[_Iterable[_Union[_metric_pb2.Metric, _Mapping]]] = ..., idempotency_key: _Optional[str] = ..., ack: _Optional[str] = ...) -> None: ...

class IngestMetricColumnsRequest(_message.Message):
    __slots__ = ("service", "version", "instance_id", "series", "series_index", "measured_us", "value", "durations_ms", "idempotency_key", "ack")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    SERIES_INDEX_FIELD_NUMBER: _ClassVar[int]
    MEASURED_US_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DURATIONS_MS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    service: str
    version: str
    instance_id: str
    series: _containers.RepeatedCompositeFieldContainer[_metric_pb2.ColumnSeries]
    series_index: bytes
    measured_us: bytes
    value: bytes
    durations_ms: bytes
    idempotency_key: str
    ack: str
    def __init__(self, service: _Optional[str] = ..., version: _Optional[str] = ..., instance_id: _Optional[str] = ..., series: _Optional[_Iterable[_Union[_metric_pb2.ColumnSeries, _Mapping]]] = ..., series_index: _Optional[bytes] = ..., measured_us: _Optional[bytes] = ..., value: _Optional[bytes] = ..., durations_ms: _Optional[bytes] = ..., idempotency_key: _Optional[str] = ..., ack: _Optional[str] = ...) -> None: ...

class StreamMetricsRequest(_message.Message):
    __slots__ = ("service", "version", "instance_id", "metrics", "idempotency_key")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    service: str
    version: str
    instance_id: str
    metrics: _containers.RepeatedCompositeFieldContainer[_metric_pb2.Metric]
    idempotency_key: str
    def __init__(self, service: _Optional[str] = ..., version: _Optional[str] = ..., instance_id: _Optional[str] = ..., metrics: _Optional[_Iterable[_Union[_metric_pb2.Metric, _Mapping]]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class StreamedMetrics(_message.Message):
    __slots__ = ("batches", "accepted", "rejected", "rejections")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    batches: int
    accepted: float
    rejected: float
    rejections: _containers.RepeatedCompositeFieldContainer[RejectedInBatch]
    def __init__(self, batches: _Optional[int] = ..., accepted: _Optional[float] = ..., rejected: _Optional[float] = ..., rejections: _Optional[_Iterable[_Union[RejectedInBatch, _Mapping]]] = ...) -> None: ...

class RejectedInBatch(_message.Message):
    __slots__ = ("batch", "rejection")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    batch: int
    rejection: RejectedMetric
    def __init__(self, batch: _Optional[int] = ..., rejection: _Optional[_Union[RejectedMetric, _Mapping]] = ...) -> None: ...

class IngestedMetrics(_message.Message):
    __slots__ = ("status", "accepted", "rejected", "errors", "request_id", "rejections")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    status: str
    accepted: int
    rejected: int
    errors: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    rejections: _containers.RepeatedCompositeFieldContainer[RejectedMetric]
    def __init__(self, status: _Optional[str] = ..., accepted: _Optional[int] = ..., rejected: _Optional[int] = ..., errors: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ..., rejections: _Optional[_Iterable[_Union[RejectedMetric, _Mapping]]] = ...) -> None: ...

class RejectedMetric(_message.Message):
    __slots__ = ("index", "field", "reason")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    index: int
    field: str
    reason: str
    def __init__(self, index: _Optional[int] = ..., field: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class FlushMetricsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FlushedMetrics(_message.Message):
    __slots__ = ("status", "message")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    status: str
    message: str
    def __init__(self, status: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class GetRateLimitRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
