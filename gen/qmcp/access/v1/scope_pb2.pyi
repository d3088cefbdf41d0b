from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToolScope(_message.Message):
    __slots__ = ("names", "tags", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAMES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.ScalarMap[str, str]
    def __init__(self, names: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class NarrowedPermission(_message.Message):
    __slots__ = ("permission", "scopes", "key_scopes")
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    KEY_SCOPES_FIELD_NUMBER: _ClassVar[int]
    permission: str
    scopes: _containers.RepeatedCompositeFieldContainer[ToolScope]
    key_scopes: _containers.RepeatedCompositeFieldContainer[ToolScope]
    def __init__(self, permission: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[ToolScope, _Mapping]]] = ..., key_scopes: _Optional[_Iterable[_Union[ToolScope, _Mapping]]] = ...) -> None: ...
