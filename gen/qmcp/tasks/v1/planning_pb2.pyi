import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlanningFile(_message.Message):
    __slots__ = ("file_type", "name", "archived", "size_bytes", "updated_at", "content")
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    file_type: str
    name: str
    archived: bool
    size_bytes: int
    updated_at: _timestamp_pb2.Timestamp
    content: str
    def __init__(self, file_type: _Optional[str] = ..., name: _Optional[str] = ..., archived: _Optional[bool] = ..., size_bytes: _Optional[int] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., content: _Optional[str] = ...) -> None: ...

class ShowPlanningFilesRequest(_message.Message):
    __slots__ = ("file_type",)
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    file_type: str
    def __init__(self, file_type: _Optional[str] = ...) -> None: ...

class ShowPlanningFilesResponse(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[PlanningFile]
    def __init__(self, files: _Optional[_Iterable[_Union[PlanningFile, _Mapping]]] = ...) -> None: ...

class ShowArchivedPlanningFilesRequest(_message.Message):
    __slots__ = ("file_type",)
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    file_type: str
    def __init__(self, file_type: _Optional[str] = ...) -> None: ...

class ShowArchivedPlanningFilesResponse(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[PlanningFile]
    def __init__(self, files: _Optional[_Iterable[_Union[PlanningFile, _Mapping]]] = ...) -> None: ...

class GetPlanningFileRequest(_message.Message):
    __slots__ = ("file_type", "name", "archived")
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARCHIVED_FIELD_NUMBER: _ClassVar[int]
    file_type: str
    name: str
    archived: bool
    def __init__(self, file_type: _Optional[str] = ..., name: _Optional[str] = ..., archived: _Optional[bool] = ...) -> None: ...

class ArchivePlanningFileRequest(_message.Message):
    __slots__ = ("file_type", "name")
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    file_type: str
    name: str
    def __init__(self, file_type: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ArchivePlanningFileResponse(_message.Message):
    __slots__ = ("success", "moved")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    success: bool
    moved: _containers.RepeatedCompositeFieldContainer[PlanningFile]
    def __init__(self, success: _Optional[bool] = ..., moved: _Optional[_Iterable[_Union[PlanningFile, _Mapping]]] = ...) -> None: ...

class UnarchivePlanningFileRequest(_message.Message):
    __slots__ = ("file_type", "name")
    FILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    file_type: str
    name: str
    def __init__(self, file_type: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class UnarchivePlanningFileResponse(_message.Message):
    __slots__ = ("success", "moved")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    success: bool
    moved: _containers.RepeatedCompositeFieldContainer[PlanningFile]
    def __init__(self, success: _Optional[bool] = ..., moved: _Optional[_Iterable[_Union[PlanningFile, _Mapping]]] = ...) -> None: ...
