from buf.validate import validate_pb2 as _validate_pb2
from qmcp.access.v1 import call_limits_pb2 as _call_limits_pb2
from qmcp.access.v1 import scope_pb2 as _scope_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(_message.Message):
    __slots__ = ("name", "permissions", "description", "built_in", "etag", "limits", "tool_scopes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    BUILT_IN_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    TOOL_SCOPES_FIELD_NUMBER: _ClassVar[int]
    name: str
    permissions: _containers.RepeatedScalarFieldContainer[str]
    description: str
    built_in: bool
    etag: str
    limits: _call_limits_pb2.CallLimits
    tool_scopes: _containers.RepeatedCompositeFieldContainer[_scope_pb2.ToolScope]
    def __init__(self, name: _Optional[str] = ..., permissions: _Optional[_Iterable[str]] = ..., description: _Optional[str] = ..., built_in: _Optional[bool] = ..., etag: _Optional[str] = ..., limits: _Optional[_Union[_call_limits_pb2.CallLimits, _Mapping]] = ..., tool_scopes: _Optional[_Iterable[_Union[_scope_pb2.ToolScope, _Mapping]]] = ...) -> None: ...
