import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.access.v1 import call_limits_pb2 as _call_limits_pb2
from qmcp.access.v1 import scope_pb2 as _scope_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Key(_message.Message):
    __slots__ = ("id", "owner", "service_name", "description", "roles", "rate_per_minute", "expires_at", "created_at", "last_used_at", "status", "revoked_at", "disabled_at", "limits", "tool_scopes")
    ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    SERVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    RATE_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_USED_AT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REVOKED_AT_FIELD_NUMBER: _ClassVar[int]
    DISABLED_AT_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    TOOL_SCOPES_FIELD_NUMBER: _ClassVar[int]
    id: str
    owner: str
    service_name: str
    description: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    rate_per_minute: int
    expires_at: _timestamp_pb2.Timestamp
    created_at: _timestamp_pb2.Timestamp
    last_used_at: _timestamp_pb2.Timestamp
    status: str
    revoked_at: _timestamp_pb2.Timestamp
    disabled_at: _timestamp_pb2.Timestamp
    limits: _call_limits_pb2.CallLimits
    tool_scopes: _containers.RepeatedCompositeFieldContainer[_scope_pb2.ToolScope]
    def __init__(self, id: _Optional[str] = ..., owner: _Optional[str] = ..., service_name: _Optional[str] = ..., description: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., rate_per_minute: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_used_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., status: _Optional[str] = ..., revoked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., disabled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., limits: _Optional[_Union[_call_limits_pb2.CallLimits, _Mapping]] = ..., tool_scopes: _Optional[_Iterable[_Union[_scope_pb2.ToolScope, _Mapping]]] = ...) -> None: ...

class Denial(_message.Message):
    __slots__ = ("at", "service", "method", "reason", "permission", "principal", "correlation_id", "request_id", "count", "address")
    AT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    service: str
    method: str
    reason: str
    permission: str
    principal: str
    correlation_id: str
    request_id: str
    count: int
    address: str
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., service: _Optional[str] = ..., method: _Optional[str] = ..., reason: _Optional[str] = ..., permission: _Optional[str] = ..., principal: _Optional[str] = ..., correlation_id: _Optional[str] = ..., request_id: _Optional[str] = ..., count: _Optional[int] = ..., address: _Optional[str] = ...) -> None: ...
