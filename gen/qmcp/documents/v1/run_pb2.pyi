import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Run(_message.Message):
    __slots__ = ("id", "status", "exit_code", "outcome", "error_code", "skill", "preset", "template_sha256", "task_sha256", "policy_sha256", "document_sha256", "missing_required", "queue_wait_ms", "subprocess_ms", "total_ms", "created_by", "correlation_id", "request_id", "created_at", "archive_bytes", "archived_until", "human_request_id", "task_id", "fencing_token", "batch_id", "batch_item", "conversation_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    SKILL_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    TASK_SHA256_FIELD_NUMBER: _ClassVar[int]
    POLICY_SHA256_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    MISSING_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    QUEUE_WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    SUBPROCESS_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    HUMAN_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ITEM_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    status: str
    exit_code: int
    outcome: str
    error_code: str
    skill: str
    preset: str
    template_sha256: str
    task_sha256: str
    policy_sha256: str
    document_sha256: str
    missing_required: _containers.RepeatedScalarFieldContainer[str]
    queue_wait_ms: int
    subprocess_ms: int
    total_ms: int
    created_by: str
    correlation_id: str
    request_id: str
    created_at: _timestamp_pb2.Timestamp
    archive_bytes: int
    archived_until: _timestamp_pb2.Timestamp
    human_request_id: str
    task_id: str
    fencing_token: int
    batch_id: str
    batch_item: int
    conversation_id: str
    def __init__(self, id: _Optional[str] = ..., status: _Optional[str] = ..., exit_code: _Optional[int] = ..., outcome: _Optional[str] = ..., error_code: _Optional[str] = ..., skill: _Optional[str] = ..., preset: _Optional[str] = ..., template_sha256: _Optional[str] = ..., task_sha256: _Optional[str] = ..., policy_sha256: _Optional[str] = ..., document_sha256: _Optional[str] = ..., missing_required: _Optional[_Iterable[str]] = ..., queue_wait_ms: _Optional[int] = ..., subprocess_ms: _Optional[int] = ..., total_ms: _Optional[int] = ..., created_by: _Optional[str] = ..., correlation_id: _Optional[str] = ..., request_id: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., archive_bytes: _Optional[int] = ..., archived_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., human_request_id: _Optional[str] = ..., task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., batch_id: _Optional[str] = ..., batch_item: _Optional[int] = ..., conversation_id: _Optional[str] = ...) -> None: ...

class RunOptions(_message.Message):
    __slots__ = ("skill", "preset", "strict", "format_mode", "format_baseline", "format_fix_mode", "format_report", "policy_yaml", "export_suggested_policy", "stored_template")
    SKILL_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_MODE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_BASELINE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIX_MODE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_REPORT_FIELD_NUMBER: _ClassVar[int]
    POLICY_YAML_FIELD_NUMBER: _ClassVar[int]
    EXPORT_SUGGESTED_POLICY_FIELD_NUMBER: _ClassVar[int]
    STORED_TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    skill: str
    preset: str
    strict: bool
    format_mode: str
    format_baseline: str
    format_fix_mode: str
    format_report: str
    policy_yaml: str
    export_suggested_policy: bool
    stored_template: str
    def __init__(self, skill: _Optional[str] = ..., preset: _Optional[str] = ..., strict: _Optional[bool] = ..., format_mode: _Optional[str] = ..., format_baseline: _Optional[str] = ..., format_fix_mode: _Optional[str] = ..., format_report: _Optional[str] = ..., policy_yaml: _Optional[str] = ..., export_suggested_policy: _Optional[bool] = ..., stored_template: _Optional[str] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "skill", "outcome", "template_sha256", "correlation_id", "batch_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SKILL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    skill: str
    outcome: str
    template_sha256: str
    correlation_id: str
    batch_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., skill: _Optional[str] = ..., outcome: _Optional[str] = ..., template_sha256: _Optional[str] = ..., correlation_id: _Optional[str] = ..., batch_id: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DownloadRunRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...
