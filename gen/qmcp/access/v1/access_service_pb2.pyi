import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.access.v1 import call_limits_pb2 as _call_limits_pb2
from qmcp.access.v1 import key_pb2 as _key_pb2
from qmcp.access.v1 import role_pb2 as _role_pb2
from qmcp.access.v1 import scope_pb2 as _scope_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IssuedKey(_message.Message):
    __slots__ = ("key", "api_key")
    KEY_FIELD_NUMBER: _ClassVar[int]
    API_KEY_FIELD_NUMBER: _ClassVar[int]
    key: _key_pb2.Key
    api_key: str
    def __init__(self, key: _Optional[_Union[_key_pb2.Key, _Mapping]] = ..., api_key: _Optional[str] = ...) -> None: ...

class Identity(_message.Message):
    __slots__ = ("principal", "roles", "permissions", "rate_per_minute", "valid_until", "limits", "narrowed")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    RATE_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NARROWED_FIELD_NUMBER: _ClassVar[int]
    principal: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    permissions: _containers.RepeatedScalarFieldContainer[str]
    rate_per_minute: int
    valid_until: _timestamp_pb2.Timestamp
    limits: _call_limits_pb2.CallLimits
    narrowed: _containers.RepeatedCompositeFieldContainer[_scope_pb2.NarrowedPermission]
    def __init__(self, principal: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., permissions: _Optional[_Iterable[str]] = ..., rate_per_minute: _Optional[int] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., limits: _Optional[_Union[_call_limits_pb2.CallLimits, _Mapping]] = ..., narrowed: _Optional[_Iterable[_Union[_scope_pb2.NarrowedPermission, _Mapping]]] = ...) -> None: ...

class CreateKeyRequest(_message.Message):
    __slots__ = ("owner", "roles", "service_name", "description", "rate_per_minute", "expires_at", "idempotency_key", "limits", "tool_scopes")
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    SERVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    RATE_PER_MINUTE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    TOOL_SCOPES_FIELD_NUMBER: _ClassVar[int]
    owner: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    service_name: str
    description: str
    rate_per_minute: int
    expires_at: _timestamp_pb2.Timestamp
    idempotency_key: str
    limits: _call_limits_pb2.CallLimits
    tool_scopes: _containers.RepeatedCompositeFieldContainer[_scope_pb2.ToolScope]
    def __init__(self, owner: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., service_name: _Optional[str] = ..., description: _Optional[str] = ..., rate_per_minute: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., limits: _Optional[_Union[_call_limits_pb2.CallLimits, _Mapping]] = ..., tool_scopes: _Optional[_Iterable[_Union[_scope_pb2.ToolScope, _Mapping]]] = ...) -> None: ...

class GetKeyRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListKeysRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "owner", "include_invalid")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_INVALID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    owner: str
    include_invalid: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., owner: _Optional[str] = ..., include_invalid: _Optional[bool] = ...) -> None: ...

class ListKeysResponse(_message.Message):
    __slots__ = ("keys", "next_page_token")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[_key_pb2.Key]
    next_page_token: str
    def __init__(self, keys: _Optional[_Iterable[_Union[_key_pb2.Key, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RotateKeyRequest(_message.Message):
    __slots__ = ("id", "grace_seconds", "idempotency_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    GRACE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    grace_seconds: int
    idempotency_key: str
    def __init__(self, id: _Optional[str] = ..., grace_seconds: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class RevokeKeyRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class DisableKeyRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class EnableKeyRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListRolesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRolesResponse(_message.Message):
    __slots__ = ("roles", "next_page_token")
    ROLES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    roles: _containers.RepeatedCompositeFieldContainer[_role_pb2.Role]
    next_page_token: str
    def __init__(self, roles: _Optional[_Iterable[_Union[_role_pb2.Role, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CreateRoleRequest(_message.Message):
    __slots__ = ("role", "idempotency_key")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    role: _role_pb2.Role
    idempotency_key: str
    def __init__(self, role: _Optional[_Union[_role_pb2.Role, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class UpdateRoleRequest(_message.Message):
    __slots__ = ("role",)
    ROLE_FIELD_NUMBER: _ClassVar[int]
    role: _role_pb2.Role
    def __init__(self, role: _Optional[_Union[_role_pb2.Role, _Mapping]] = ...) -> None: ...

class DeleteRoleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WhoAmIRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDenialsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "principal")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    principal: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., principal: _Optional[str] = ...) -> None: ...

class ListDenialsResponse(_message.Message):
    __slots__ = ("denials", "next_page_token")
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    denials: _containers.RepeatedCompositeFieldContainer[_key_pb2.Denial]
    next_page_token: str
    def __init__(self, denials: _Optional[_Iterable[_Union[_key_pb2.Denial, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ResolveKeyRequest(_message.Message):
    __slots__ = ("id", "secret_digest")
    ID_FIELD_NUMBER: _ClassVar[int]
    SECRET_DIGEST_FIELD_NUMBER: _ClassVar[int]
    id: str
    secret_digest: bytes
    def __init__(self, id: _Optional[str] = ..., secret_digest: _Optional[bytes] = ...) -> None: ...

class ResolveRolesRequest(_message.Message):
    __slots__ = ("roles",)
    ROLES_FIELD_NUMBER: _ClassVar[int]
    roles: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, roles: _Optional[_Iterable[str]] = ...) -> None: ...

class ResolveRolesResponse(_message.Message):
    __slots__ = ("permissions", "limits", "narrowed")
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NARROWED_FIELD_NUMBER: _ClassVar[int]
    permissions: _containers.RepeatedScalarFieldContainer[str]
    limits: _call_limits_pb2.CallLimits
    narrowed: _containers.RepeatedCompositeFieldContainer[_scope_pb2.NarrowedPermission]
    def __init__(self, permissions: _Optional[_Iterable[str]] = ..., limits: _Optional[_Union[_call_limits_pb2.CallLimits, _Mapping]] = ..., narrowed: _Optional[_Iterable[_Union[_scope_pb2.NarrowedPermission, _Mapping]]] = ...) -> None: ...

class ResolveCallersRequest(_message.Message):
    __slots__ = ("references",)
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    references: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, references: _Optional[_Iterable[str]] = ...) -> None: ...

class ResolveCallersResponse(_message.Message):
    __slots__ = ("callers",)
    CALLERS_FIELD_NUMBER: _ClassVar[int]
    callers: _containers.RepeatedCompositeFieldContainer[CallerStanding]
    def __init__(self, callers: _Optional[_Iterable[_Union[CallerStanding, _Mapping]]] = ...) -> None: ...

class CallerStanding(_message.Message):
    __slots__ = ("reference", "permissions", "narrowed")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    NARROWED_FIELD_NUMBER: _ClassVar[int]
    reference: str
    permissions: _containers.RepeatedScalarFieldContainer[str]
    narrowed: _containers.RepeatedCompositeFieldContainer[_scope_pb2.NarrowedPermission]
    def __init__(self, reference: _Optional[str] = ..., permissions: _Optional[_Iterable[str]] = ..., narrowed: _Optional[_Iterable[_Union[_scope_pb2.NarrowedPermission, _Mapping]]] = ...) -> None: ...

class WatchChangesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AccessChange(_message.Message):
    __slots__ = ("key_id", "heartbeat")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    heartbeat: bool
    def __init__(self, key_id: _Optional[str] = ..., heartbeat: _Optional[bool] = ...) -> None: ...

class ReportUseRequest(_message.Message):
    __slots__ = ("denials", "used_key_ids")
    DENIALS_FIELD_NUMBER: _ClassVar[int]
    USED_KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    denials: _containers.RepeatedCompositeFieldContainer[_key_pb2.Denial]
    used_key_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, denials: _Optional[_Iterable[_Union[_key_pb2.Denial, _Mapping]]] = ..., used_key_ids: _Optional[_Iterable[str]] = ...) -> None: ...
