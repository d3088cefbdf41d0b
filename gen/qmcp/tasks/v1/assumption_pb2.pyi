import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AssumptionValidation(_message.Message):
    __slots__ = ("id", "project_id", "epic_id", "task_id", "ra_tag_id", "tag_type", "outcome", "confidence", "reason", "validator", "reviewer_agent_id", "validated_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RA_TAG_ID_FIELD_NUMBER: _ClassVar[int]
    TAG_TYPE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    REVIEWER_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    project_id: str
    epic_id: str
    task_id: str
    ra_tag_id: str
    tag_type: str
    outcome: str
    confidence: int
    reason: str
    validator: str
    reviewer_agent_id: str
    validated_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., ra_tag_id: _Optional[str] = ..., tag_type: _Optional[str] = ..., outcome: _Optional[str] = ..., confidence: _Optional[int] = ..., reason: _Optional[str] = ..., validator: _Optional[str] = ..., reviewer_agent_id: _Optional[str] = ..., validated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CaptureAssumptionValidationRequest(_message.Message):
    __slots__ = ("task_id", "ra_tag_id", "outcome", "reason", "confidence", "reviewer_agent_id", "idempotency_key")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RA_TAG_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    REVIEWER_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    ra_tag_id: str
    outcome: str
    reason: str
    confidence: int
    reviewer_agent_id: str
    idempotency_key: str
    def __init__(self, task_id: _Optional[str] = ..., ra_tag_id: _Optional[str] = ..., outcome: _Optional[str] = ..., reason: _Optional[str] = ..., confidence: _Optional[int] = ..., reviewer_agent_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ListAssumptionValidationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "project_id", "epic_id", "task_id", "outcome", "tag_type")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TAG_TYPE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    project_id: str
    epic_id: str
    task_id: str
    outcome: str
    tag_type: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., outcome: _Optional[str] = ..., tag_type: _Optional[str] = ...) -> None: ...

class ListAssumptionValidationsResponse(_message.Message):
    __slots__ = ("validations", "next_page_token")
    VALIDATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    validations: _containers.RepeatedCompositeFieldContainer[AssumptionValidation]
    next_page_token: str
    def __init__(self, validations: _Optional[_Iterable[_Union[AssumptionValidation, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAssumptionInsightsRequest(_message.Message):
    __slots__ = ("project_id", "epic_id", "task_id", "outcome", "tag_type")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TAG_TYPE_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    epic_id: str
    task_id: str
    outcome: str
    tag_type: str
    def __init__(self, project_id: _Optional[str] = ..., epic_id: _Optional[str] = ..., task_id: _Optional[str] = ..., outcome: _Optional[str] = ..., tag_type: _Optional[str] = ...) -> None: ...

class AssumptionInsights(_message.Message):
    __slots__ = ("total_validations", "success_rate", "outcome_breakdown", "tag_type_breakdown", "recent_examples", "trend_data", "cache_timestamp")
    class OutcomeBreakdownEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class TagTypeBreakdownEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TagTypeInsight
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TagTypeInsight, _Mapping]] = ...) -> None: ...
    TOTAL_VALIDATIONS_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_RATE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_BREAKDOWN_FIELD_NUMBER: _ClassVar[int]
    TAG_TYPE_BREAKDOWN_FIELD_NUMBER: _ClassVar[int]
    RECENT_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    TREND_DATA_FIELD_NUMBER: _ClassVar[int]
    CACHE_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    total_validations: int
    success_rate: float
    outcome_breakdown: _containers.ScalarMap[str, int]
    tag_type_breakdown: _containers.MessageMap[str, TagTypeInsight]
    recent_examples: _containers.RepeatedCompositeFieldContainer[AssumptionValidation]
    trend_data: _containers.RepeatedCompositeFieldContainer[AssumptionTrend]
    cache_timestamp: str
    def __init__(self, total_validations: _Optional[int] = ..., success_rate: _Optional[float] = ..., outcome_breakdown: _Optional[_Mapping[str, int]] = ..., tag_type_breakdown: _Optional[_Mapping[str, TagTypeInsight]] = ..., recent_examples: _Optional[_Iterable[_Union[AssumptionValidation, _Mapping]]] = ..., trend_data: _Optional[_Iterable[_Union[AssumptionTrend, _Mapping]]] = ..., cache_timestamp: _Optional[str] = ...) -> None: ...

class TagTypeInsight(_message.Message):
    __slots__ = ("total", "validated")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    total: int
    validated: int
    def __init__(self, total: _Optional[int] = ..., validated: _Optional[int] = ...) -> None: ...

class AssumptionTrend(_message.Message):
    __slots__ = ("date", "total", "validated")
    DATE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    date: str
    total: int
    validated: int
    def __init__(self, date: _Optional[str] = ..., total: _Optional[int] = ..., validated: _Optional[int] = ...) -> None: ...

class AddRaTagRequest(_message.Message):
    __slots__ = ("task_id", "ra_tag_text", "file_path", "line_number", "code_snippet", "agent_id", "fencing_token", "idempotency_key")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    RA_TAG_TEXT_FIELD_NUMBER: _ClassVar[int]
    FILE_PATH_FIELD_NUMBER: _ClassVar[int]
    LINE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CODE_SNIPPET_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    ra_tag_text: str
    file_path: str
    line_number: int
    code_snippet: str
    agent_id: str
    fencing_token: int
    idempotency_key: str
    def __init__(self, task_id: _Optional[str] = ..., ra_tag_text: _Optional[str] = ..., file_path: _Optional[str] = ..., line_number: _Optional[int] = ..., code_snippet: _Optional[str] = ..., agent_id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class DescribeRaTagsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RaTagVocabulary(_message.Message):
    __slots__ = ("kinds",)
    KINDS_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedCompositeFieldContainer[RaTagKind]
    def __init__(self, kinds: _Optional[_Iterable[_Union[RaTagKind, _Mapping]]] = ...) -> None: ...

class RaTagKind(_message.Message):
    __slots__ = ("tag", "tag_type", "description")
    TAG_FIELD_NUMBER: _ClassVar[int]
    TAG_TYPE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    tag: str
    tag_type: str
    description: str
    def __init__(self, tag: _Optional[str] = ..., tag_type: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...
