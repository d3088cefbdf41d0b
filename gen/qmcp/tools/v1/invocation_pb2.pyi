import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Invocation(_message.Message):
    __slots__ = ("id", "tool_name", "tool_etag", "input_params", "result", "status", "error", "error_reason", "duration_ms", "created_at", "completed_at", "correlation_id", "idempotency_key", "principal", "redacted_fields", "approval", "input_params_json", "result_json", "omitted_fields", "task_id", "fencing_token", "grant_id", "reconciliation")
    ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    TOOL_ETAG_FIELD_NUMBER: _ClassVar[int]
    INPUT_PARAMS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ERROR_REASON_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    REDACTED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    INPUT_PARAMS_JSON_FIELD_NUMBER: _ClassVar[int]
    RESULT_JSON_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    RECONCILIATION_FIELD_NUMBER: _ClassVar[int]
    id: str
    tool_name: str
    tool_etag: str
    input_params: _struct_pb2.Struct
    result: _struct_pb2.Value
    status: str
    error: str
    error_reason: str
    duration_ms: int
    created_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    correlation_id: str
    idempotency_key: str
    principal: str
    redacted_fields: _containers.RepeatedScalarFieldContainer[str]
    approval: Approval
    input_params_json: str
    result_json: str
    omitted_fields: _containers.RepeatedScalarFieldContainer[str]
    task_id: str
    fencing_token: int
    grant_id: str
    reconciliation: Reconciliation
    def __init__(self, id: _Optional[str] = ..., tool_name: _Optional[str] = ..., tool_etag: _Optional[str] = ..., input_params: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., result: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., status: _Optional[str] = ..., error: _Optional[str] = ..., error_reason: _Optional[str] = ..., duration_ms: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., correlation_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., principal: _Optional[str] = ..., redacted_fields: _Optional[_Iterable[str]] = ..., approval: _Optional[_Union[Approval, _Mapping]] = ..., input_params_json: _Optional[str] = ..., result_json: _Optional[str] = ..., omitted_fields: _Optional[_Iterable[str]] = ..., task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., grant_id: _Optional[str] = ..., reconciliation: _Optional[_Union[Reconciliation, _Mapping]] = ...) -> None: ...

class Reconciliation(_message.Message):
    __slots__ = ("status", "tool_name", "attempts", "decided_at")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    status: str
    tool_name: str
    attempts: _containers.RepeatedScalarFieldContainer[str]
    decided_at: _timestamp_pb2.Timestamp
    def __init__(self, status: _Optional[str] = ..., tool_name: _Optional[str] = ..., attempts: _Optional[_Iterable[str]] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Approval(_message.Message):
    __slots__ = ("human_request_id", "status", "decided_by", "decided_at", "comment", "edited_arguments", "arguments_digest", "edited_arguments_json", "grant_id")
    HUMAN_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EDITED_ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    EDITED_ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    GRANT_ID_FIELD_NUMBER: _ClassVar[int]
    human_request_id: str
    status: str
    decided_by: _containers.RepeatedScalarFieldContainer[str]
    decided_at: _timestamp_pb2.Timestamp
    comment: str
    edited_arguments: _struct_pb2.Struct
    arguments_digest: str
    edited_arguments_json: str
    grant_id: str
    def __init__(self, human_request_id: _Optional[str] = ..., status: _Optional[str] = ..., decided_by: _Optional[_Iterable[str]] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., comment: _Optional[str] = ..., edited_arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., arguments_digest: _Optional[str] = ..., edited_arguments_json: _Optional[str] = ..., grant_id: _Optional[str] = ...) -> None: ...

class ToolSummary(_message.Message):
    __slots__ = ("tool_name", "count", "success_count", "failed_count", "cancelled_count", "duration_ms_p50", "duration_ms_p95", "duration_ms_p99")
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    FAILED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_P50_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_P95_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_P99_FIELD_NUMBER: _ClassVar[int]
    tool_name: str
    count: int
    success_count: int
    failed_count: int
    cancelled_count: int
    duration_ms_p50: float
    duration_ms_p95: float
    duration_ms_p99: float
    def __init__(self, tool_name: _Optional[str] = ..., count: _Optional[int] = ..., success_count: _Optional[int] = ..., failed_count: _Optional[int] = ..., cancelled_count: _Optional[int] = ..., duration_ms_p50: _Optional[float] = ..., duration_ms_p95: _Optional[float] = ..., duration_ms_p99: _Optional[float] = ...) -> None: ...

class InvocationEvent(_message.Message):
    __slots__ = ("sequence", "at", "last", "progress", "invocation", "error", "heartbeat")
    class Heartbeat(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    at: _timestamp_pb2.Timestamp
    last: bool
    progress: Progress
    invocation: Invocation
    error: _status_pb2.Status
    heartbeat: InvocationEvent.Heartbeat
    def __init__(self, sequence: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last: _Optional[bool] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., invocation: _Optional[_Union[Invocation, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., heartbeat: _Optional[_Union[InvocationEvent.Heartbeat, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("progress", "total", "message")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    progress: float
    total: float
    message: str
    def __init__(self, progress: _Optional[float] = ..., total: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...
