from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from qmcp.tasks.v1 import assumption_pb2 as _assumption_pb2
from qmcp.tasks.v1 import knowledge_pb2 as _knowledge_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListScopedKnowledgeRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "scope", "project_id", "epic_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    scope: str
    project_id: str
    epic_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., scope: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ...) -> None: ...

class ListScopedKnowledgeResponse(_message.Message):
    __slots__ = ("items", "next_page_token", "total_count", "filters_applied")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    FILTERS_APPLIED_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_knowledge_pb2.KnowledgeItem]
    next_page_token: str
    total_count: int
    filters_applied: KnowledgeFilters
    def __init__(self, items: _Optional[_Iterable[_Union[_knowledge_pb2.KnowledgeItem, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_count: _Optional[int] = ..., filters_applied: _Optional[_Union[KnowledgeFilters, _Mapping]] = ...) -> None: ...

class KnowledgeFilters(_message.Message):
    __slots__ = ("scope", "project_id", "epic_id")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    scope: str
    project_id: str
    epic_id: str
    def __init__(self, scope: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ...) -> None: ...

class PutKnowledgeRequest(_message.Message):
    __slots__ = ("title", "content", "knowledge_id", "category", "tags", "parent_id", "project_id", "epic_id", "task_id", "priority", "is_active", "created_by", "metadata", "idempotency_key")
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
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
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
    idempotency_key: str
    def __init__(self, title: _Optional[str] = ..., content: _Optional[str] = ..., knowledge_id: _Optional[str] = ..., category: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., parent_id: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., priority: _Optional[int] = ..., is_active: _Optional[bool] = ..., created_by: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class PutKnowledgeResponse(_message.Message):
    __slots__ = ("success", "knowledge_id", "operation", "version")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    KNOWLEDGE_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    success: bool
    knowledge_id: str
    operation: str
    version: int
    def __init__(self, success: _Optional[bool] = ..., knowledge_id: _Optional[str] = ..., operation: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class ReadRecentAssumptionsRequest(_message.Message):
    __slots__ = ("limit", "before_id", "project_id", "epic_id", "task_id", "outcome", "tag_type")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TAG_TYPE_FIELD_NUMBER: _ClassVar[int]
    limit: int
    before_id: str
    project_id: str
    epic_id: str
    task_id: str
    outcome: str
    tag_type: str
    def __init__(self, limit: _Optional[int] = ..., before_id: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., outcome: _Optional[str] = ..., tag_type: _Optional[str] = ...) -> None: ...

class ReadRecentAssumptionsResponse(_message.Message):
    __slots__ = ("validations", "total_count", "has_more", "next_cursor")
    VALIDATIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    HAS_MORE_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    validations: _containers.RepeatedCompositeFieldContainer[_assumption_pb2.AssumptionValidation]
    total_count: int
    has_more: bool
    next_cursor: str
    def __init__(self, validations: _Optional[_Iterable[_Union[_assumption_pb2.AssumptionValidation, _Mapping]]] = ..., total_count: _Optional[int] = ..., has_more: _Optional[bool] = ..., next_cursor: _Optional[str] = ...) -> None: ...

class DescribeTagDetailsRequest(_message.Message):
    __slots__ = ("project_id", "tag_type")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    TAG_TYPE_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    tag_type: str
    def __init__(self, project_id: _Optional[str] = ..., tag_type: _Optional[str] = ...) -> None: ...

class TagDetails(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _containers.RepeatedCompositeFieldContainer[TagDetail]
    def __init__(self, details: _Optional[_Iterable[_Union[TagDetail, _Mapping]]] = ...) -> None: ...

class TagDetail(_message.Message):
    __slots__ = ("tag_type", "tag", "description", "total", "validated", "rejected", "partial", "success_rate")
    TAG_TYPE_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_RATE_FIELD_NUMBER: _ClassVar[int]
    tag_type: str
    tag: str
    description: str
    total: int
    validated: int
    rejected: int
    partial: int
    success_rate: float
    def __init__(self, tag_type: _Optional[str] = ..., tag: _Optional[str] = ..., description: _Optional[str] = ..., total: _Optional[int] = ..., validated: _Optional[int] = ..., rejected: _Optional[int] = ..., partial: _Optional[int] = ..., success_rate: _Optional[float] = ...) -> None: ...

class CleanUpOrphanedTasksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CleanUpOrphanedTasksResponse(_message.Message):
    __slots__ = ("success", "deleted_tasks", "deleted_epics", "deleted_leases")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    DELETED_TASKS_FIELD_NUMBER: _ClassVar[int]
    DELETED_EPICS_FIELD_NUMBER: _ClassVar[int]
    DELETED_LEASES_FIELD_NUMBER: _ClassVar[int]
    success: bool
    deleted_tasks: int
    deleted_epics: int
    deleted_leases: int
    def __init__(self, success: _Optional[bool] = ..., deleted_tasks: _Optional[int] = ..., deleted_epics: _Optional[int] = ..., deleted_leases: _Optional[int] = ...) -> None: ...
