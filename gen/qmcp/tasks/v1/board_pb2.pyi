import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.tasks.v1 import epic_pb2 as _epic_pb2
from qmcp.tasks.v1 import project_pb2 as _project_pb2
from qmcp.tasks.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BoardEvent(_message.Message):
    __slots__ = ("sequence", "at", "kind", "principal", "project_id", "epic_id", "task_id", "log_sequence", "log_kind", "detail", "project", "epic", "task", "last")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    LOG_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LOG_KIND_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EPIC_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    at: _timestamp_pb2.Timestamp
    kind: str
    principal: str
    project_id: str
    epic_id: str
    task_id: str
    log_sequence: int
    log_kind: str
    detail: _struct_pb2.Struct
    project: _project_pb2.Project
    epic: _epic_pb2.Epic
    task: _task_pb2.Task
    last: bool
    def __init__(self, sequence: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., principal: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., log_sequence: _Optional[int] = ..., log_kind: _Optional[str] = ..., detail: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ..., epic: _Optional[_Union[_epic_pb2.Epic, _Mapping]] = ..., task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ..., last: _Optional[bool] = ...) -> None: ...

class GetBoardRequest(_message.Message):
    __slots__ = ("project_id", "page_size", "page_token")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    page_size: int
    page_token: str
    def __init__(self, project_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Board(_message.Message):
    __slots__ = ("sequence", "project", "epics", "tasks", "next_page_token")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EPICS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    project: _project_pb2.Project
    epics: _containers.RepeatedCompositeFieldContainer[_epic_pb2.Epic]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.Task]
    next_page_token: str
    def __init__(self, sequence: _Optional[int] = ..., project: _Optional[_Union[_project_pb2.Project, _Mapping]] = ..., epics: _Optional[_Iterable[_Union[_epic_pb2.Epic, _Mapping]]] = ..., tasks: _Optional[_Iterable[_Union[_task_pb2.Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchBoardRequest(_message.Message):
    __slots__ = ("project_id", "after_sequence")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    after_sequence: int
    def __init__(self, project_id: _Optional[str] = ..., after_sequence: _Optional[int] = ...) -> None: ...
