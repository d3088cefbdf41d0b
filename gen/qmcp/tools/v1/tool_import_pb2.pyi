from buf.validate import validate_pb2 as _validate_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToolImport(_message.Message):
    __slots__ = ("name", "applied", "title", "tools", "added_count", "changed_count", "breaking_count", "gone_count", "unchanged_count", "refused_count", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    ADDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHANGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    BREAKING_COUNT_FIELD_NUMBER: _ClassVar[int]
    GONE_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    applied: bool
    title: str
    tools: _containers.RepeatedCompositeFieldContainer[ImportedTool]
    added_count: int
    changed_count: int
    breaking_count: int
    gone_count: int
    unchanged_count: int
    refused_count: int
    etag: str
    def __init__(self, name: _Optional[str] = ..., applied: _Optional[bool] = ..., title: _Optional[str] = ..., tools: _Optional[_Iterable[_Union[ImportedTool, _Mapping]]] = ..., added_count: _Optional[int] = ..., changed_count: _Optional[int] = ..., breaking_count: _Optional[int] = ..., gone_count: _Optional[int] = ..., unchanged_count: _Optional[int] = ..., refused_count: _Optional[int] = ..., etag: _Optional[str] = ...) -> None: ...

class ImportedTool(_message.Message):
    __slots__ = ("tool_name", "operation", "change", "details", "notes")
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    tool_name: str
    operation: str
    change: str
    details: _containers.RepeatedScalarFieldContainer[str]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tool_name: _Optional[str] = ..., operation: _Optional[str] = ..., change: _Optional[str] = ..., details: _Optional[_Iterable[str]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...
