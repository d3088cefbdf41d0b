import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToolLimit(_message.Message):
    __slots__ = ("name", "tools", "tags", "labels", "principals", "roles", "per_tool", "per_principal", "rate", "quota", "reason", "etag", "created_by", "created_at", "updated_by", "updated_at")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    PRINCIPALS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    PER_TOOL_FIELD_NUMBER: _ClassVar[int]
    PER_PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_BY_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    name: str
    tools: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.ScalarMap[str, str]
    principals: _containers.RepeatedScalarFieldContainer[str]
    roles: _containers.RepeatedScalarFieldContainer[str]
    per_tool: bool
    per_principal: bool
    rate: InvocationRate
    quota: InvocationQuota
    reason: str
    etag: str
    created_by: str
    created_at: _timestamp_pb2.Timestamp
    updated_by: str
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., tools: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., labels: _Optional[_Mapping[str, str]] = ..., principals: _Optional[_Iterable[str]] = ..., roles: _Optional[_Iterable[str]] = ..., per_tool: _Optional[bool] = ..., per_principal: _Optional[bool] = ..., rate: _Optional[_Union[InvocationRate, _Mapping]] = ..., quota: _Optional[_Union[InvocationQuota, _Mapping]] = ..., reason: _Optional[str] = ..., etag: _Optional[str] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_by: _Optional[str] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class InvocationRate(_message.Message):
    __slots__ = ("per_minute", "burst")
    PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    per_minute: int
    burst: int
    def __init__(self, per_minute: _Optional[int] = ..., burst: _Optional[int] = ...) -> None: ...

class InvocationQuota(_message.Message):
    __slots__ = ("invocations", "window")
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    invocations: int
    window: str
    def __init__(self, invocations: _Optional[int] = ..., window: _Optional[str] = ...) -> None: ...

class ToolAllowance(_message.Message):
    __slots__ = ("limit", "invocations", "remaining", "next_seconds", "reset_at", "window", "shared")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_FIELD_NUMBER: _ClassVar[int]
    NEXT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RESET_AT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    limit: str
    invocations: int
    remaining: int
    next_seconds: float
    reset_at: _timestamp_pb2.Timestamp
    window: str
    shared: bool
    def __init__(self, limit: _Optional[str] = ..., invocations: _Optional[int] = ..., remaining: _Optional[int] = ..., next_seconds: _Optional[float] = ..., reset_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., window: _Optional[str] = ..., shared: _Optional[bool] = ...) -> None: ...
