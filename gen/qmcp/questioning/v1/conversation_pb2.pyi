import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Session(_message.Message):
    __slots__ = ("id", "owner", "user_id", "context", "metadata", "status", "created_at", "closed_at")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    owner: str
    user_id: str
    context: str
    metadata: _containers.ScalarMap[str, str]
    status: str
    created_at: _timestamp_pb2.Timestamp
    closed_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., owner: _Optional[str] = ..., user_id: _Optional[str] = ..., context: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., status: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Goal(_message.Message):
    __slots__ = ("schema", "bank", "include_optional", "recall", "engine", "bank_name", "bank_version", "schema_json")
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    BANK_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    BANK_NAME_FIELD_NUMBER: _ClassVar[int]
    BANK_VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_JSON_FIELD_NUMBER: _ClassVar[int]
    schema: _struct_pb2.Struct
    bank: _struct_pb2.Struct
    include_optional: bool
    recall: bool
    engine: str
    bank_name: str
    bank_version: int
    schema_json: str
    def __init__(self, schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., bank: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., include_optional: _Optional[bool] = ..., recall: _Optional[bool] = ..., engine: _Optional[str] = ..., bank_name: _Optional[str] = ..., bank_version: _Optional[int] = ..., schema_json: _Optional[str] = ...) -> None: ...

class Conversation(_message.Message):
    __slots__ = ("id", "session_id", "owner", "user_id", "topic", "context", "engine", "goal", "metadata", "status", "stopped", "result", "entropy", "missing", "not_applicable", "contradictions", "questions_remaining", "questions_asked", "created_at", "updated_at", "closed_at", "tokens_used", "model", "bank_name", "bank_version", "outcome", "result_json")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    NOT_APPLICABLE_FIELD_NUMBER: _ClassVar[int]
    CONTRADICTIONS_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_REMAINING_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_ASKED_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_FIELD_NUMBER: _ClassVar[int]
    TOKENS_USED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BANK_NAME_FIELD_NUMBER: _ClassVar[int]
    BANK_VERSION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RESULT_JSON_FIELD_NUMBER: _ClassVar[int]
    id: str
    session_id: str
    owner: str
    user_id: str
    topic: str
    context: str
    engine: str
    goal: Goal
    metadata: _containers.ScalarMap[str, str]
    status: str
    stopped: str
    result: _struct_pb2.Struct
    entropy: float
    missing: _containers.RepeatedScalarFieldContainer[str]
    not_applicable: _containers.RepeatedScalarFieldContainer[str]
    contradictions: _containers.RepeatedCompositeFieldContainer[Contradiction]
    questions_remaining: int
    questions_asked: int
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    closed_at: _timestamp_pb2.Timestamp
    tokens_used: int
    model: str
    bank_name: str
    bank_version: int
    outcome: str
    result_json: str
    def __init__(self, id: _Optional[str] = ..., session_id: _Optional[str] = ..., owner: _Optional[str] = ..., user_id: _Optional[str] = ..., topic: _Optional[str] = ..., context: _Optional[str] = ..., engine: _Optional[str] = ..., goal: _Optional[_Union[Goal, _Mapping]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., status: _Optional[str] = ..., stopped: _Optional[str] = ..., result: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., entropy: _Optional[float] = ..., missing: _Optional[_Iterable[str]] = ..., not_applicable: _Optional[_Iterable[str]] = ..., contradictions: _Optional[_Iterable[_Union[Contradiction, _Mapping]]] = ..., questions_remaining: _Optional[int] = ..., questions_asked: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tokens_used: _Optional[int] = ..., model: _Optional[str] = ..., bank_name: _Optional[str] = ..., bank_version: _Optional[int] = ..., outcome: _Optional[str] = ..., result_json: _Optional[str] = ...) -> None: ...

class Contradiction(_message.Message):
    __slots__ = ("question_ids", "text")
    QUESTION_IDS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    question_ids: _containers.RepeatedScalarFieldContainer[str]
    text: str
    def __init__(self, question_ids: _Optional[_Iterable[str]] = ..., text: _Optional[str] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("id", "conversation_id", "sequence", "message_type", "content", "question_id", "state", "value", "source", "revises", "metadata", "created_at", "value_json")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    QUESTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REVISES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    VALUE_JSON_FIELD_NUMBER: _ClassVar[int]
    id: str
    conversation_id: str
    sequence: int
    message_type: str
    content: str
    question_id: str
    state: str
    value: _struct_pb2.Value
    source: _struct_pb2.Struct
    revises: str
    metadata: _struct_pb2.Struct
    created_at: _timestamp_pb2.Timestamp
    value_json: str
    def __init__(self, id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., sequence: _Optional[int] = ..., message_type: _Optional[str] = ..., content: _Optional[str] = ..., question_id: _Optional[str] = ..., state: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., source: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., revises: _Optional[str] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., value_json: _Optional[str] = ...) -> None: ...
