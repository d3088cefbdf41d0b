from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeTemplateRequest(_message.Message):
    __slots__ = ("template", "skill", "previous_template", "stored_template", "previous_stored_template")
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    SKILL_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    STORED_TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_STORED_TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    template: bytes
    skill: str
    previous_template: bytes
    stored_template: str
    previous_stored_template: str
    def __init__(self, template: _Optional[bytes] = ..., skill: _Optional[str] = ..., previous_template: _Optional[bytes] = ..., stored_template: _Optional[str] = ..., previous_stored_template: _Optional[str] = ...) -> None: ...

class TemplateContract(_message.Message):
    __slots__ = ("schema", "uses", "changes", "breaking")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BREAKING_FIELD_NUMBER: _ClassVar[int]
    schema: _struct_pb2.Struct
    uses: _containers.RepeatedCompositeFieldContainer[TemplateUse]
    changes: _containers.RepeatedCompositeFieldContainer[ContractChange]
    breaking: bool
    def __init__(self, schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., uses: _Optional[_Iterable[_Union[TemplateUse, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[ContractChange, _Mapping]]] = ..., breaking: _Optional[bool] = ...) -> None: ...

class TemplateUse(_message.Message):
    __slots__ = ("path", "part", "paragraph", "snippet")
    PATH_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    PARAGRAPH_FIELD_NUMBER: _ClassVar[int]
    SNIPPET_FIELD_NUMBER: _ClassVar[int]
    path: str
    part: str
    paragraph: str
    snippet: str
    def __init__(self, path: _Optional[str] = ..., part: _Optional[str] = ..., paragraph: _Optional[str] = ..., snippet: _Optional[str] = ...) -> None: ...

class ContractChange(_message.Message):
    __slots__ = ("kind", "path", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    path: str
    message: str
    def __init__(self, kind: _Optional[str] = ..., path: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
