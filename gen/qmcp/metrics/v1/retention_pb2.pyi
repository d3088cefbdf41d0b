from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RetentionPolicy(_message.Message):
    __slots__ = ("table_name", "retention_days", "is_active", "timestamp_column")
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_COLUMN_FIELD_NUMBER: _ClassVar[int]
    table_name: str
    retention_days: int
    is_active: bool
    timestamp_column: str
    def __init__(self, table_name: _Optional[str] = ..., retention_days: _Optional[int] = ..., is_active: _Optional[bool] = ..., timestamp_column: _Optional[str] = ...) -> None: ...

class RetentionPolicies(_message.Message):
    __slots__ = ("metrics", "metrics_minutely", "metrics_hourly", "metrics_daily")
    METRICS_FIELD_NUMBER: _ClassVar[int]
    METRICS_MINUTELY_FIELD_NUMBER: _ClassVar[int]
    METRICS_HOURLY_FIELD_NUMBER: _ClassVar[int]
    METRICS_DAILY_FIELD_NUMBER: _ClassVar[int]
    metrics: RetentionPolicy
    metrics_minutely: RetentionPolicy
    metrics_hourly: RetentionPolicy
    metrics_daily: RetentionPolicy
    def __init__(self, metrics: _Optional[_Union[RetentionPolicy, _Mapping]] = ..., metrics_minutely: _Optional[_Union[RetentionPolicy, _Mapping]] = ..., metrics_hourly: _Optional[_Union[RetentionPolicy, _Mapping]] = ..., metrics_daily: _Optional[_Union[RetentionPolicy, _Mapping]] = ...) -> None: ...

class RetentionPreview(_message.Message):
    __slots__ = ("retention_days", "records_to_delete", "total_records", "oldest_record_to_delete", "newest_record_to_delete", "cutoff_date", "percentage_to_delete")
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_TO_DELETE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_RECORDS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_RECORD_TO_DELETE_FIELD_NUMBER: _ClassVar[int]
    NEWEST_RECORD_TO_DELETE_FIELD_NUMBER: _ClassVar[int]
    CUTOFF_DATE_FIELD_NUMBER: _ClassVar[int]
    PERCENTAGE_TO_DELETE_FIELD_NUMBER: _ClassVar[int]
    retention_days: int
    records_to_delete: float
    total_records: float
    oldest_record_to_delete: str
    newest_record_to_delete: str
    cutoff_date: str
    percentage_to_delete: float
    def __init__(self, retention_days: _Optional[int] = ..., records_to_delete: _Optional[float] = ..., total_records: _Optional[float] = ..., oldest_record_to_delete: _Optional[str] = ..., newest_record_to_delete: _Optional[str] = ..., cutoff_date: _Optional[str] = ..., percentage_to_delete: _Optional[float] = ...) -> None: ...

class PreviewRetentionRequest(_message.Message):
    __slots__ = ("table_name",)
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    table_name: str
    def __init__(self, table_name: _Optional[str] = ...) -> None: ...

class PreviewRetentionResponse(_message.Message):
    __slots__ = ("metrics", "metrics_minutely", "metrics_hourly", "metrics_daily")
    METRICS_FIELD_NUMBER: _ClassVar[int]
    METRICS_MINUTELY_FIELD_NUMBER: _ClassVar[int]
    METRICS_HOURLY_FIELD_NUMBER: _ClassVar[int]
    METRICS_DAILY_FIELD_NUMBER: _ClassVar[int]
    metrics: RetentionPreview
    metrics_minutely: RetentionPreview
    metrics_hourly: RetentionPreview
    metrics_daily: RetentionPreview
    def __init__(self, metrics: _Optional[_Union[RetentionPreview, _Mapping]] = ..., metrics_minutely: _Optional[_Union[RetentionPreview, _Mapping]] = ..., metrics_hourly: _Optional[_Union[RetentionPreview, _Mapping]] = ..., metrics_daily: _Optional[_Union[RetentionPreview, _Mapping]] = ...) -> None: ...

class RetentionCleanup(_message.Message):
    __slots__ = ("status", "reason", "records_deleted", "partitions", "cutoff_date")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RECORDS_DELETED_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    CUTOFF_DATE_FIELD_NUMBER: _ClassVar[int]
    status: str
    reason: str
    records_deleted: float
    partitions: _containers.RepeatedScalarFieldContainer[str]
    cutoff_date: str
    def __init__(self, status: _Optional[str] = ..., reason: _Optional[str] = ..., records_deleted: _Optional[float] = ..., partitions: _Optional[_Iterable[str]] = ..., cutoff_date: _Optional[str] = ...) -> None: ...

class CleanUpRetentionRequest(_message.Message):
    __slots__ = ("table_name", "dry_run")
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    table_name: str
    dry_run: bool
    def __init__(self, table_name: _Optional[str] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class CleanUpRetentionResponse(_message.Message):
    __slots__ = ("metrics", "metrics_minutely", "metrics_hourly", "metrics_daily")
    METRICS_FIELD_NUMBER: _ClassVar[int]
    METRICS_MINUTELY_FIELD_NUMBER: _ClassVar[int]
    METRICS_HOURLY_FIELD_NUMBER: _ClassVar[int]
    METRICS_DAILY_FIELD_NUMBER: _ClassVar[int]
    metrics: RetentionCleanup
    metrics_minutely: RetentionCleanup
    metrics_hourly: RetentionCleanup
    metrics_daily: RetentionCleanup
    def __init__(self, metrics: _Optional[_Union[RetentionCleanup, _Mapping]] = ..., metrics_minutely: _Optional[_Union[RetentionCleanup, _Mapping]] = ..., metrics_hourly: _Optional[_Union[RetentionCleanup, _Mapping]] = ..., metrics_daily: _Optional[_Union[RetentionCleanup, _Mapping]] = ...) -> None: ...

class GetRetentionPoliciesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SetRetentionPolicyRequest(_message.Message):
    __slots__ = ("table_name", "retention_days", "is_active")
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    table_name: str
    retention_days: int
    is_active: bool
    def __init__(self, table_name: _Optional[str] = ..., retention_days: _Optional[int] = ..., is_active: _Optional[bool] = ...) -> None: ...

class SetRetentionPolicyResponse(_message.Message):
    __slots__ = ("status", "message", "table_name", "retention_days", "is_active")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TABLE_NAME_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    status: str
    message: str
    table_name: str
    retention_days: int
    is_active: bool
    def __init__(self, status: _Optional[str] = ..., message: _Optional[str] = ..., table_name: _Optional[str] = ..., retention_days: _Optional[int] = ..., is_active: _Optional[bool] = ...) -> None: ...

class GetDatabaseStatsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TableStats(_message.Message):
    __slots__ = ("record_count", "oldest_record", "newest_record", "has_retention_policy", "retention_days", "policy_active")
    RECORD_COUNT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_RECORD_FIELD_NUMBER: _ClassVar[int]
    NEWEST_RECORD_FIELD_NUMBER: _ClassVar[int]
    HAS_RETENTION_POLICY_FIELD_NUMBER: _ClassVar[int]
    RETENTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    POLICY_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    record_count: float
    oldest_record: str
    newest_record: str
    has_retention_policy: bool
    retention_days: int
    policy_active: bool
    def __init__(self, record_count: _Optional[float] = ..., oldest_record: _Optional[str] = ..., newest_record: _Optional[str] = ..., has_retention_policy: _Optional[bool] = ..., retention_days: _Optional[int] = ..., policy_active: _Optional[bool] = ...) -> None: ...

class DatabaseStats(_message.Message):
    __slots__ = ("metrics", "metrics_minutely", "metrics_hourly", "metrics_daily")
    METRICS_FIELD_NUMBER: _ClassVar[int]
    METRICS_MINUTELY_FIELD_NUMBER: _ClassVar[int]
    METRICS_HOURLY_FIELD_NUMBER: _ClassVar[int]
    METRICS_DAILY_FIELD_NUMBER: _ClassVar[int]
    metrics: TableStats
    metrics_minutely: TableStats
    metrics_hourly: TableStats
    metrics_daily: TableStats
    def __init__(self, metrics: _Optional[_Union[TableStats, _Mapping]] = ..., metrics_minutely: _Optional[_Union[TableStats, _Mapping]] = ..., metrics_hourly: _Optional[_Union[TableStats, _Mapping]] = ..., metrics_daily: _Optional[_Union[TableStats, _Mapping]] = ...) -> None: ...

class GetDatabaseSizeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DatabaseSize(_message.Message):
    __slots__ = ("total_bytes", "table_bytes", "page_size", "page_count", "free_pages", "used_pages", "database_efficiency")
    class TableBytesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    TABLE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    FREE_PAGES_FIELD_NUMBER: _ClassVar[int]
    USED_PAGES_FIELD_NUMBER: _ClassVar[int]
    DATABASE_EFFICIENCY_FIELD_NUMBER: _ClassVar[int]
    total_bytes: float
    table_bytes: _containers.ScalarMap[str, float]
    page_size: int
    page_count: float
    free_pages: float
    used_pages: float
    database_efficiency: float
    def __init__(self, total_bytes: _Optional[float] = ..., table_bytes: _Optional[_Mapping[str, float]] = ..., page_size: _Optional[int] = ..., page_count: _Optional[float] = ..., free_pages: _Optional[float] = ..., used_pages: _Optional[float] = ..., database_efficiency: _Optional[float] = ...) -> None: ...
