from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from qmcp.documents.v1 import batch_pb2 as _batch_pb2
from qmcp.documents.v1 import contract_pb2 as _contract_pb2
from qmcp.documents.v1 import run_pb2 as _run_pb2
from qmcp.documents.v1 import template_pb2 as _template_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Precheck(_message.Message):
    __slots__ = ("ok", "expected_exit_code", "request_id", "summary", "template_fields", "missing_required", "missing_optional")
    OK_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELDS_FIELD_NUMBER: _ClassVar[int]
    MISSING_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    MISSING_OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    expected_exit_code: int
    request_id: str
    summary: PrecheckSummary
    template_fields: _containers.RepeatedScalarFieldContainer[str]
    missing_required: _containers.RepeatedScalarFieldContainer[str]
    missing_optional: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ok: _Optional[bool] = ..., expected_exit_code: _Optional[int] = ..., request_id: _Optional[str] = ..., summary: _Optional[_Union[PrecheckSummary, _Mapping]] = ..., template_fields: _Optional[_Iterable[str]] = ..., missing_required: _Optional[_Iterable[str]] = ..., missing_optional: _Optional[_Iterable[str]] = ...) -> None: ...

class PrecheckSummary(_message.Message):
    __slots__ = ("template_field_count", "unsupported_count", "missing_required_count", "missing_optional_count")
    TEMPLATE_FIELD_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNSUPPORTED_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSING_REQUIRED_COUNT_FIELD_NUMBER: _ClassVar[int]
    MISSING_OPTIONAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    template_field_count: int
    unsupported_count: int
    missing_required_count: int
    missing_optional_count: int
    def __init__(self, template_field_count: _Optional[int] = ..., unsupported_count: _Optional[int] = ..., missing_required_count: _Optional[int] = ..., missing_optional_count: _Optional[int] = ...) -> None: ...

class RunDocumentRequest(_message.Message):
    __slots__ = ("template", "task", "start")
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    template: bytes
    task: bytes
    start: RunDocumentStart
    def __init__(self, template: _Optional[bytes] = ..., task: _Optional[bytes] = ..., start: _Optional[_Union[RunDocumentStart, _Mapping]] = ...) -> None: ...

class RunDocumentStart(_message.Message):
    __slots__ = ("options", "idempotency_key", "task_id", "fencing_token")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    options: _run_pb2.RunOptions
    idempotency_key: str
    task_id: str
    fencing_token: int
    def __init__(self, options: _Optional[_Union[_run_pb2.RunOptions, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class RunDocumentResponse(_message.Message):
    __slots__ = ("run", "archive")
    RUN_FIELD_NUMBER: _ClassVar[int]
    ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    run: _run_pb2.Run
    archive: bytes
    def __init__(self, run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ..., archive: _Optional[bytes] = ...) -> None: ...

class StartRunRequest(_message.Message):
    __slots__ = ("template", "payload", "options", "people", "idempotency_key", "task_id", "fencing_token")
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    template: bytes
    payload: _struct_pb2.Struct
    options: _run_pb2.RunOptions
    people: RunPeople
    idempotency_key: str
    task_id: str
    fencing_token: int
    def __init__(self, template: _Optional[bytes] = ..., payload: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., options: _Optional[_Union[_run_pb2.RunOptions, _Mapping]] = ..., people: _Optional[_Union[RunPeople, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class RunPeople(_message.Message):
    __slots__ = ("ask_missing", "approve_release", "assignees", "groups", "four_eyes", "timeout_seconds", "ask_by")
    ASK_MISSING_FIELD_NUMBER: _ClassVar[int]
    APPROVE_RELEASE_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    FOUR_EYES_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ASK_BY_FIELD_NUMBER: _ClassVar[int]
    ask_missing: bool
    approve_release: bool
    assignees: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    four_eyes: bool
    timeout_seconds: int
    ask_by: str
    def __init__(self, ask_missing: _Optional[bool] = ..., approve_release: _Optional[bool] = ..., assignees: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., four_eyes: _Optional[bool] = ..., timeout_seconds: _Optional[int] = ..., ask_by: _Optional[str] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RunEvent(_message.Message):
    __slots__ = ("sequence", "run", "last")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    run: _run_pb2.Run
    last: bool
    def __init__(self, sequence: _Optional[int] = ..., run: _Optional[_Union[_run_pb2.Run, _Mapping]] = ..., last: _Optional[bool] = ...) -> None: ...

class GetMetaRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Meta(_message.Message):
    __slots__ = ("supported_skills", "supported_task_types", "supported_presets", "task_payload_schemas", "supports_precheck", "supports_assist", "version")
    SUPPORTED_SKILLS_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_TASK_TYPES_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_PRESETS_FIELD_NUMBER: _ClassVar[int]
    TASK_PAYLOAD_SCHEMAS_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_PRECHECK_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_ASSIST_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    supported_skills: _containers.RepeatedScalarFieldContainer[str]
    supported_task_types: _containers.RepeatedScalarFieldContainer[str]
    supported_presets: _containers.RepeatedScalarFieldContainer[str]
    task_payload_schemas: _struct_pb2.Struct
    supports_precheck: bool
    supports_assist: bool
    version: str
    def __init__(self, supported_skills: _Optional[_Iterable[str]] = ..., supported_task_types: _Optional[_Iterable[str]] = ..., supported_presets: _Optional[_Iterable[str]] = ..., task_payload_schemas: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., supports_precheck: _Optional[bool] = ..., supports_assist: _Optional[bool] = ..., version: _Optional[str] = ...) -> None: ...
