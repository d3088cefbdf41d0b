import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class KnowledgeItem(_message.Message):
    __slots__ = ("id", "scope", "project_id", "epic_id", "task_id", "parent_id", "title", "content", "category", "tags", "priority", "is_active", "metadata", "version", "owner", "created_by", "created_at", "updated_at", "etag")
    ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    id: str
    scope: str
    project_id: str
    epic_id: str
    task_id: str
    parent_id: str
    title: str
    content: str
    category: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    priority: int
    is_active: bool
    metadata: _struct_pb2.Struct
    version: int
    owner: str
    created_by: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    etag: str
    def __init__(self, id: _Optional[str] = ..., scope: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., title: _Optional[str] = ..., content: _Optional[str] = ..., category: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., priority: _Optional[int] = ..., is_active: _Optional[bool] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., version: _Optional[int] = ..., owner: _Optional[str] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., etag: _Optional[str] = ...) -> None: ...

class KnowledgeLogEntry(_message.Message):
    __slots__ = ("knowledge_id", "sequence", "action_type", "change_reason", "changed_fields", "version", "principal", "created_by", "metadata", "at")
    KNOWLEDGE_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_REASON_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    knowledge_id: str
    sequence: int
    action_type: str
    change_reason: str
    changed_fields: _containers.RepeatedScalarFieldContainer[str]
    version: int
    principal: str
    created_by: str
    metadata: _struct_pb2.Struct
    at: _timestamp_pb2.Timestamp
    def __init__(self, knowledge_id: _Optional[str] = ..., sequence: _Optional[int] = ..., action_type: _Optional[str] = ..., change_reason: _Optional[str] = ..., changed_fields: _Optional[_Iterable[str]] = ..., version: _Optional[int] = ..., principal: _Optional[str] = ..., created_by: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class UpsertKnowledgeRequest(_message.Message):
    __slots__ = ("title", "content", "knowledge_id", "category", "tags", "parent_id", "project_id", "epic_id", "task_id", "priority", "is_active", "created_by", "metadata", "change_reason", "etag", "idempotency_key", "tags_mode")
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    KNOWLEDGE_ID_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CHANGE_REASON_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TAGS_MODE_FIELD_NUMBER: _ClassVar[int]
    title: str
    content: str
    knowledge_id: str
    category: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    parent_id: str
    project_id: str
    epic_id: str
    task_id: str
    priority: int
    is_active: bool
    created_by: str
    metadata: _struct_pb2.Struct
    change_reason: str
    etag: str
    idempotency_key: str
    tags_mode: str
    def __init__(self, title: _Optional[str] = ..., content: _Optional[str] = ..., knowledge_id: _Optional[str] = ..., category: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., parent_id: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., priority: _Optional[int] = ..., is_active: _Optional[bool] = ..., created_by: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., change_reason: _Optional[str] = ..., etag: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., tags_mode: _Optional[str] = ...) -> None: ...

class GetKnowledgeItemRequest(_message.Message):
    __slots__ = ("id", "version")
    ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    version: int
    def __init__(self, id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ListKnowledgeItemsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "limit", "project_id", "epic_id", "task_id", "scope", "category", "tag", "knowledge_id", "parent_id", "include_inactive", "query")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    KNOWLEDGE_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_INACTIVE_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    limit: int
    project_id: str
    epic_id: str
    task_id: str
    scope: str
    category: str
    tag: str
    knowledge_id: str
    parent_id: str
    include_inactive: bool
    query: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., limit: _Optional[int] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., scope: _Optional[str] = ..., category: _Optional[str] = ..., tag: _Optional[str] = ..., knowledge_id: _Optional[str] = ..., parent_id: _Optional[str] = ..., include_inactive: _Optional[bool] = ..., query: _Optional[str] = ...) -> None: ...

class ListKnowledgeItemsResponse(_message.Message):
    __slots__ = ("items", "next_page_token")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[KnowledgeItem]
    next_page_token: str
    def __init__(self, items: _Optional[_Iterable[_Union[KnowledgeItem, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteKnowledgeItemRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AppendKnowledgeLogRequest(_message.Message):
    __slots__ = ("knowledge_id", "action_type", "change_reason", "created_by", "metadata", "idempotency_key")
    KNOWLEDGE_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    knowledge_id: str
    action_type: str
    change_reason: str
    created_by: str
    metadata: _struct_pb2.Struct
    idempotency_key: str
    def __init__(self, knowledge_id: _Optional[str] = ..., action_type: _Optional[str] = ..., change_reason: _Optional[str] = ..., created_by: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ListKnowledgeLogEntriesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "knowledge_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KNOWLEDGE_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    knowledge_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., knowledge_id: _Optional[str] = ...) -> None: ...

class ListKnowledgeLogEntriesResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[KnowledgeLogEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[KnowledgeLogEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
