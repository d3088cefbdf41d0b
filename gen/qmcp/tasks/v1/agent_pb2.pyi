from buf.validate import validate_pb2 as _validate_pb2
from qmcp.tasks.v1 import knowledge_pb2 as _knowledge_pb2
from qmcp.tasks.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListAvailableTasksRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "status", "include_locked")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_LOCKED_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    status: str
    include_locked: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., status: _Optional[str] = ..., include_locked: _Optional[bool] = ...) -> None: ...

class ListAvailableTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.Task]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[_task_pb2.Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetTaskDetailsRequest(_message.Message):
    __slots__ = ("id", "log_limit", "before_seq")
    ID_FIELD_NUMBER: _ClassVar[int]
    LOG_LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_SEQ_FIELD_NUMBER: _ClassVar[int]
    id: str
    log_limit: int
    before_seq: int
    def __init__(self, id: _Optional[str] = ..., log_limit: _Optional[int] = ..., before_seq: _Optional[int] = ...) -> None: ...

class TaskDetails(_message.Message):
    __slots__ = ("task", "project_name", "epic_name", "entries", "next_before_seq")
    TASK_FIELD_NUMBER: _ClassVar[int]
    PROJECT_NAME_FIELD_NUMBER: _ClassVar[int]
    EPIC_NAME_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_BEFORE_SEQ_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    project_name: str
    epic_name: str
    entries: _containers.RepeatedCompositeFieldContainer[_task_pb2.TaskLogEntry]
    next_before_seq: int
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ..., project_name: _Optional[str] = ..., epic_name: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[_task_pb2.TaskLogEntry, _Mapping]]] = ..., next_before_seq: _Optional[int] = ...) -> None: ...

class GetInstructionsRequest(_message.Message):
    __slots__ = ("format", "project_id", "epic_id", "include_knowledge_context")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_KNOWLEDGE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    format: str
    project_id: str
    epic_id: str
    include_knowledge_context: str
    def __init__(self, format: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., include_knowledge_context: _Optional[str] = ...) -> None: ...

class Instructions(_message.Message):
    __slots__ = ("format", "instructions", "knowledge", "truncated")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    INSTRUCTIONS_FIELD_NUMBER: _ClassVar[int]
    KNOWLEDGE_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    format: str
    instructions: str
    knowledge: _containers.RepeatedCompositeFieldContainer[_knowledge_pb2.KnowledgeItem]
    truncated: bool
    def __init__(self, format: _Optional[str] = ..., instructions: _Optional[str] = ..., knowledge: _Optional[_Iterable[_Union[_knowledge_pb2.KnowledgeItem, _Mapping]]] = ..., truncated: _Optional[bool] = ...) -> None: ...
