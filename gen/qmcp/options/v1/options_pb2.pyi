from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.rpc import code_pb2 as _code_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OriginalEmpty(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORIGINAL_EMPTY_UNSPECIFIED: _ClassVar[OriginalEmpty]
    ORIGINAL_EMPTY_NULL: _ClassVar[OriginalEmpty]
    ORIGINAL_EMPTY_OBJECT: _ClassVar[OriginalEmpty]

class CallKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALL_KIND_UNSPECIFIED: _ClassVar[CallKind]
    CALL_KIND_QUICK: _ClassVar[CallKind]
    CALL_KIND_LONG: _ClassVar[CallKind]
    CALL_KIND_WAIT: _ClassVar[CallKind]
    CALL_KIND_STREAM: _ClassVar[CallKind]
ORIGINAL_EMPTY_UNSPECIFIED: OriginalEmpty
ORIGINAL_EMPTY_NULL: OriginalEmpty
ORIGINAL_EMPTY_OBJECT: OriginalEmpty
CALL_KIND_UNSPECIFIED: CallKind
CALL_KIND_QUICK: CallKind
CALL_KIND_LONG: CallKind
CALL_KIND_WAIT: CallKind
CALL_KIND_STREAM: CallKind
PERMISSION_FIELD_NUMBER: _ClassVar[int]
permission: _descriptor.FieldDescriptor
MCP_FIELD_NUMBER: _ClassVar[int]
mcp: _descriptor.FieldDescriptor
CALL_KIND_FIELD_NUMBER: _ClassVar[int]
call_kind: _descriptor.FieldDescriptor
PATH_CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
path_credential: _descriptor.FieldDescriptor
SUCCESS_STATUS_FIELD_NUMBER: _ClassVar[int]
success_status: _descriptor.FieldDescriptor
ORIGINAL_ROUTE_FIELD_NUMBER: _ClassVar[int]
original_route: _descriptor.FieldDescriptor
ERROR_REASON_FIELD_NUMBER: _ClassVar[int]
error_reason: _descriptor.FieldDescriptor
REQUEST_CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
request_content_type: _descriptor.FieldDescriptor
RESPONSE_CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
response_content_type: _descriptor.FieldDescriptor
STANDARD_RPC_FIELD_NUMBER: _ClassVar[int]
standard_rpc: _descriptor.FieldDescriptor
GRPC_ONLY_FIELD_NUMBER: _ClassVar[int]
grpc_only: _descriptor.FieldDescriptor
RESPONSE_HEADER_FIELD_NUMBER: _ClassVar[int]
response_header: _descriptor.FieldDescriptor
ORIGINAL_ERRORS_FIELD_NUMBER: _ClassVar[int]
original_errors: _descriptor.FieldDescriptor
PATH_NAME_FIELD_NUMBER: _ClassVar[int]
path_name: _descriptor.FieldDescriptor
ORIGINAL_EMPTY_FIELD_NUMBER: _ClassVar[int]
original_empty: _descriptor.FieldDescriptor
ORIGINAL_UNSAID_FIELD_NUMBER: _ClassVar[int]
original_unsaid: _descriptor.FieldDescriptor
JSON_OF_FIELD_NUMBER: _ClassVar[int]
json_of: _descriptor.FieldDescriptor
JSON_SCALARS_FIELD_NUMBER: _ClassVar[int]
json_scalars: _descriptor.FieldDescriptor
MAX_VALUES_FIELD_NUMBER: _ClassVar[int]
max_values: _descriptor.FieldDescriptor
CODE_FIELD_NUMBER: _ClassVar[int]
code: _descriptor.FieldDescriptor
HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
http_status: _descriptor.FieldDescriptor

class Mcp(_message.Message):
    __slots__ = ("title", "destructive", "name", "argument")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESTRUCTIVE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENT_FIELD_NUMBER: _ClassVar[int]
    title: str
    destructive: bool
    name: str
    argument: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, title: _Optional[str] = ..., destructive: _Optional[bool] = ..., name: _Optional[str] = ..., argument: _Optional[_Iterable[str]] = ...) -> None: ...

class TranscodedBody(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: _httpbody_pb2.HttpBody
    def __init__(self, body: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class OriginalErrors(_message.Message):
    __slots__ = ("request_id_header",)
    REQUEST_ID_HEADER_FIELD_NUMBER: _ClassVar[int]
    request_id_header: str
    def __init__(self, request_id_header: _Optional[str] = ...) -> None: ...
