from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HttpParameter(_message.Message):
    __slots__ = ("argument", "location", "name", "style", "explode", "allow_reserved", "content_type")
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    EXPLODE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_RESERVED_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    argument: str
    location: str
    name: str
    style: str
    explode: bool
    allow_reserved: bool
    content_type: str
    def __init__(self, argument: _Optional[str] = ..., location: _Optional[str] = ..., name: _Optional[str] = ..., style: _Optional[str] = ..., explode: _Optional[bool] = ..., allow_reserved: _Optional[bool] = ..., content_type: _Optional[str] = ...) -> None: ...

class HttpPart(_message.Message):
    __slots__ = ("argument", "format", "explode", "content_type")
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    EXPLODE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    argument: str
    format: str
    explode: bool
    content_type: str
    def __init__(self, argument: _Optional[str] = ..., format: _Optional[str] = ..., explode: _Optional[bool] = ..., content_type: _Optional[str] = ...) -> None: ...

class HttpRequestBody(_message.Message):
    __slots__ = ("format", "content_type", "argument", "parts")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    format: str
    content_type: str
    argument: str
    parts: _containers.RepeatedCompositeFieldContainer[HttpPart]
    def __init__(self, format: _Optional[str] = ..., content_type: _Optional[str] = ..., argument: _Optional[str] = ..., parts: _Optional[_Iterable[_Union[HttpPart, _Mapping]]] = ...) -> None: ...
