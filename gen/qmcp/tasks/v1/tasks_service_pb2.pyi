import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from qmcp.tasks.v1 import agent_pb2 as _agent_pb2
from qmcp.tasks.v1 import assumption_pb2 as _assumption_pb2
from qmcp.tasks.v1 import board_pb2 as _board_pb2
from qmcp.tasks.v1 import board_document_pb2 as _board_document_pb2
from qmcp.tasks.v1 import epic_pb2 as _epic_pb2
from qmcp.tasks.v1 import knowledge_pb2 as _knowledge_pb2
from qmcp.tasks.v1 import original_pb2 as _original_pb2
from qmcp.tasks.v1 import original_knowledge_pb2 as _original_knowledge_pb2
from qmcp.tasks.v1 import planning_pb2 as _planning_pb2
from qmcp.tasks.v1 import project_pb2 as _project_pb2
from qmcp.tasks.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateTaskRequest(_message.Message):
    __slots__ = ("name", "epic_id", "epic_name", "project_id", "project_name", "status", "etag", "idempotency_key", "description", "priority", "ra_mode", "ra_score", "ra_tags", "ra_tags_mode", "ra_metadata", "ra_metadata_mode", "tags", "tags_mode", "metadata", "metadata_mode", "prompt_snapshot", "parallel_group", "parallel_eligible", "client_session_id", "dependencies", "dependencies_mode", "resources", "resources_mode", "max_attempts", "fencing_token", "required_evidence", "required_evidence_mode")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RA_MODE_FIELD_NUMBER: _ClassVar[int]
    RA_SCORE_FIELD_NUMBER: _ClassVar[int]
    RA_TAGS_FIELD_NUMBER: _ClassVar[int]
    RA_TAGS_MODE_FIELD_NUMBER: _ClassVar[int]
    RA_METADATA_FIELD_NUMBER: _ClassVar[int]
    RA_METADATA_MODE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TAGS_MODE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    METADATA_MODE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_GROUP_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_MODE_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_MODE_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_EVIDENCE_MODE_FIELD_NUMBER: _ClassVar[int]
    name: str
    epic_id: str
    epic_name: str
    project_id: str
    project_name: str
    status: str
    etag: str
    idempotency_key: str
    description: str
    priority: int
    ra_mode: str
    ra_score: int
    ra_tags: _containers.RepeatedScalarFieldContainer[str]
    ra_tags_mode: str
    ra_metadata: _struct_pb2.Struct
    ra_metadata_mode: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    tags_mode: str
    metadata: _struct_pb2.Struct
    metadata_mode: str
    prompt_snapshot: str
    parallel_group: str
    parallel_eligible: bool
    client_session_id: str
    dependencies: _containers.RepeatedScalarFieldContainer[str]
    dependencies_mode: str
    resources: _containers.RepeatedScalarFieldContainer[str]
    resources_mode: str
    max_attempts: int
    fencing_token: int
    required_evidence: _containers.RepeatedScalarFieldContainer[str]
    required_evidence_mode: str
    def __init__(self, name: _Optional[str] = ..., epic_id: _Optional[str] = ..., epic_name: _Optional[str] = ..., project_id: _Optional[str] = ..., project_name: _Optional[str] = ..., status: _Optional[str] = ..., etag: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., description: _Optional[str] = ..., priority: _Optional[int] = ..., ra_mode: _Optional[str] = ..., ra_score: _Optional[int] = ..., ra_tags: _Optional[_Iterable[str]] = ..., ra_tags_mode: _Optional[str] = ..., ra_metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., ra_metadata_mode: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., tags_mode: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metadata_mode: _Optional[str] = ..., prompt_snapshot: _Optional[str] = ..., parallel_group: _Optional[str] = ..., parallel_eligible: _Optional[bool] = ..., client_session_id: _Optional[str] = ..., dependencies: _Optional[_Iterable[str]] = ..., dependencies_mode: _Optional[str] = ..., resources: _Optional[_Iterable[str]] = ..., resources_mode: _Optional[str] = ..., max_attempts: _Optional[int] = ..., fencing_token: _Optional[int] = ..., required_evidence: _Optional[_Iterable[str]] = ..., required_evidence_mode: _Optional[str] = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "project_id", "epic_id", "status", "tag", "ready", "limit")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    project_id: str
    epic_id: str
    status: str
    tag: str
    ready: bool
    limit: int
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., status: _Optional[str] = ..., tag: _Optional[str] = ..., ready: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.Task]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[_task_pb2.Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateTaskRequest(_message.Message):
    __slots__ = ("id", "name", "description", "priority", "ra_mode", "ra_score", "ra_tags", "ra_tags_mode", "ra_metadata", "ra_metadata_mode", "tags", "tags_mode", "metadata", "metadata_mode", "prompt_snapshot", "parallel_group", "parallel_eligible", "client_session_id", "dependencies", "dependencies_mode", "etag", "idempotency_key", "resources", "resources_mode", "max_attempts", "fencing_token", "required_evidence", "required_evidence_mode", "agent_id", "status", "log_entry")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RA_MODE_FIELD_NUMBER: _ClassVar[int]
    RA_SCORE_FIELD_NUMBER: _ClassVar[int]
    RA_TAGS_FIELD_NUMBER: _ClassVar[int]
    RA_TAGS_MODE_FIELD_NUMBER: _ClassVar[int]
    RA_METADATA_FIELD_NUMBER: _ClassVar[int]
    RA_METADATA_MODE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TAGS_MODE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    METADATA_MODE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_GROUP_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_MODE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_MODE_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_EVIDENCE_MODE_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LOG_ENTRY_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    description: str
    priority: int
    ra_mode: str
    ra_score: int
    ra_tags: _containers.RepeatedScalarFieldContainer[str]
    ra_tags_mode: str
    ra_metadata: _struct_pb2.Struct
    ra_metadata_mode: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    tags_mode: str
    metadata: _struct_pb2.Struct
    metadata_mode: str
    prompt_snapshot: str
    parallel_group: str
    parallel_eligible: bool
    client_session_id: str
    dependencies: _containers.RepeatedScalarFieldContainer[str]
    dependencies_mode: str
    etag: str
    idempotency_key: str
    resources: _containers.RepeatedScalarFieldContainer[str]
    resources_mode: str
    max_attempts: int
    fencing_token: int
    required_evidence: _containers.RepeatedScalarFieldContainer[str]
    required_evidence_mode: str
    agent_id: str
    status: str
    log_entry: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., priority: _Optional[int] = ..., ra_mode: _Optional[str] = ..., ra_score: _Optional[int] = ..., ra_tags: _Optional[_Iterable[str]] = ..., ra_tags_mode: _Optional[str] = ..., ra_metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., ra_metadata_mode: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., tags_mode: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., metadata_mode: _Optional[str] = ..., prompt_snapshot: _Optional[str] = ..., parallel_group: _Optional[str] = ..., parallel_eligible: _Optional[bool] = ..., client_session_id: _Optional[str] = ..., dependencies: _Optional[_Iterable[str]] = ..., dependencies_mode: _Optional[str] = ..., etag: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., resources: _Optional[_Iterable[str]] = ..., resources_mode: _Optional[str] = ..., max_attempts: _Optional[int] = ..., fencing_token: _Optional[int] = ..., required_evidence: _Optional[_Iterable[str]] = ..., required_evidence_mode: _Optional[str] = ..., agent_id: _Optional[str] = ..., status: _Optional[str] = ..., log_entry: _Optional[str] = ...) -> None: ...

class TransitionTaskRequest(_message.Message):
    __slots__ = ("id", "status", "note", "etag", "idempotency_key", "fencing_token", "agent_id", "evidence")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    id: str
    status: str
    note: str
    etag: str
    idempotency_key: str
    fencing_token: int
    agent_id: str
    evidence: _containers.RepeatedCompositeFieldContainer[_task_pb2.Evidence]
    def __init__(self, id: _Optional[str] = ..., status: _Optional[str] = ..., note: _Optional[str] = ..., etag: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., fencing_token: _Optional[int] = ..., agent_id: _Optional[str] = ..., evidence: _Optional[_Iterable[_Union[_task_pb2.Evidence, _Mapping]]] = ...) -> None: ...

class DeleteTaskRequest(_message.Message):
    __slots__ = ("id", "fencing_token")
    ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    fencing_token: int
    def __init__(self, id: _Optional[str] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class CreateTaskLogEntryRequest(_message.Message):
    __slots__ = ("task_id", "kind", "payload", "idempotency_key", "fencing_token")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    kind: str
    payload: _struct_pb2.Struct
    idempotency_key: str
    fencing_token: int
    def __init__(self, task_id: _Optional[str] = ..., kind: _Optional[str] = ..., payload: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., fencing_token: _Optional[int] = ...) -> None: ...

class ListTaskLogEntriesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "task_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    task_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., task_id: _Optional[str] = ...) -> None: ...

class ListTaskLogEntriesResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskLogEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[_task_pb2.TaskLogEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AcquireTaskRequest(_message.Message):
    __slots__ = ("id", "agent_id", "lease_seconds", "idempotency_key", "duration_seconds")
    ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    agent_id: str
    lease_seconds: int
    idempotency_key: str
    duration_seconds: int
    def __init__(self, id: _Optional[str] = ..., agent_id: _Optional[str] = ..., lease_seconds: _Optional[int] = ..., idempotency_key: _Optional[str] = ..., duration_seconds: _Optional[int] = ...) -> None: ...

class RenewTaskRequest(_message.Message):
    __slots__ = ("id", "fencing_token", "lease_seconds")
    ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    fencing_token: int
    lease_seconds: int
    def __init__(self, id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., lease_seconds: _Optional[int] = ...) -> None: ...

class ReleaseTaskRequest(_message.Message):
    __slots__ = ("id", "fencing_token", "outcome", "reason", "idempotency_key", "agent_id")
    ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    fencing_token: int
    outcome: str
    reason: str
    idempotency_key: str
    agent_id: str
    def __init__(self, id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., outcome: _Optional[str] = ..., reason: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., agent_id: _Optional[str] = ...) -> None: ...

class ClaimTaskRequest(_message.Message):
    __slots__ = ("project_id", "agent_id", "lease_seconds", "count", "wait_seconds", "tag", "idempotency_key")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    LEASE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    WAIT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    agent_id: str
    lease_seconds: int
    count: int
    wait_seconds: int
    tag: str
    idempotency_key: str
    def __init__(self, project_id: _Optional[str] = ..., agent_id: _Optional[str] = ..., lease_seconds: _Optional[int] = ..., count: _Optional[int] = ..., wait_seconds: _Optional[int] = ..., tag: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ClaimTaskResponse(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.Task]
    def __init__(self, tasks: _Optional[_Iterable[_Union[_task_pb2.Task, _Mapping]]] = ...) -> None: ...

class ListAttemptsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "task_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    task_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., task_id: _Optional[str] = ...) -> None: ...

class ListAttemptsResponse(_message.Message):
    __slots__ = ("attempts", "next_page_token")
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    attempts: _containers.RepeatedCompositeFieldContainer[_task_pb2.Attempt]
    next_page_token: str
    def __init__(self, attempts: _Optional[_Iterable[_Union[_task_pb2.Attempt, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class BeginWorkRequest(_message.Message):
    __slots__ = ("task_id", "fencing_token", "holder", "kind", "work_id", "max_seconds", "subject")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    WORK_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    fencing_token: int
    holder: str
    kind: str
    work_id: str
    max_seconds: int
    subject: str
    def __init__(self, task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., holder: _Optional[str] = ..., kind: _Optional[str] = ..., work_id: _Optional[str] = ..., max_seconds: _Optional[int] = ..., subject: _Optional[str] = ...) -> None: ...

class BeginWorkResponse(_message.Message):
    __slots__ = ("lease_expires_at",)
    LEASE_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    lease_expires_at: _timestamp_pb2.Timestamp
    def __init__(self, lease_expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EndWorkRequest(_message.Message):
    __slots__ = ("task_id", "fencing_token", "kind", "work_id", "outcome", "digest")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    WORK_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    fencing_token: int
    kind: str
    work_id: str
    outcome: str
    digest: str
    def __init__(self, task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., kind: _Optional[str] = ..., work_id: _Optional[str] = ..., outcome: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class EndWorkResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
