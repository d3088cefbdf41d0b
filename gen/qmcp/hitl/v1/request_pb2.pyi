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

class HumanRequest(_message.Message):
    __slots__ = ("id", "request_type", "prompt", "options", "context", "timeout_seconds", "status", "created_at", "expires_at", "correlation_id", "response_schema", "proposed_arguments", "priority", "due_at", "assignees", "groups", "tags", "callback_url", "on_expiry", "quorum", "four_eyes", "requester", "claimed_by", "claimed_at", "viewed_by", "ended_at", "response", "votes", "cancel_reason", "binding", "requester_lost_access", "context_json", "response_schema_json", "proposed_arguments_json", "task_id", "fencing_token", "tool", "grant_offer")
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    CALLBACK_URL_FIELD_NUMBER: _ClassVar[int]
    ON_EXPIRY_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    FOUR_EYES_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_BY_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_AT_FIELD_NUMBER: _ClassVar[int]
    VIEWED_BY_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    VOTES_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REASON_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_LOST_ACCESS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_JSON_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_SCHEMA_JSON_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    FENCING_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    GRANT_OFFER_FIELD_NUMBER: _ClassVar[int]
    id: str
    request_type: str
    prompt: str
    options: _containers.RepeatedScalarFieldContainer[str]
    context: _struct_pb2.Struct
    timeout_seconds: int
    status: str
    created_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    correlation_id: str
    response_schema: _struct_pb2.Struct
    proposed_arguments: _struct_pb2.Struct
    priority: str
    due_at: _timestamp_pb2.Timestamp
    assignees: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    callback_url: str
    on_expiry: ExpiryAction
    quorum: Quorum
    four_eyes: bool
    requester: str
    claimed_by: str
    claimed_at: _timestamp_pb2.Timestamp
    viewed_by: _containers.RepeatedScalarFieldContainer[str]
    ended_at: _timestamp_pb2.Timestamp
    response: HumanResponse
    votes: _containers.RepeatedCompositeFieldContainer[HumanResponse]
    cancel_reason: str
    binding: bool
    requester_lost_access: bool
    context_json: str
    response_schema_json: str
    proposed_arguments_json: str
    task_id: str
    fencing_token: int
    tool: ToolSubject
    grant_offer: GrantOffer
    def __init__(self, id: _Optional[str] = ..., request_type: _Optional[str] = ..., prompt: _Optional[str] = ..., options: _Optional[_Iterable[str]] = ..., context: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., timeout_seconds: _Optional[int] = ..., status: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., correlation_id: _Optional[str] = ..., response_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., proposed_arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., priority: _Optional[str] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., assignees: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., callback_url: _Optional[str] = ..., on_expiry: _Optional[_Union[ExpiryAction, _Mapping]] = ..., quorum: _Optional[_Union[Quorum, _Mapping]] = ..., four_eyes: _Optional[bool] = ..., requester: _Optional[str] = ..., claimed_by: _Optional[str] = ..., claimed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., viewed_by: _Optional[_Iterable[str]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., response: _Optional[_Union[HumanResponse, _Mapping]] = ..., votes: _Optional[_Iterable[_Union[HumanResponse, _Mapping]]] = ..., cancel_reason: _Optional[str] = ..., binding: _Optional[bool] = ..., requester_lost_access: _Optional[bool] = ..., context_json: _Optional[str] = ..., response_schema_json: _Optional[str] = ..., proposed_arguments_json: _Optional[str] = ..., task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., tool: _Optional[_Union[ToolSubject, _Mapping]] = ..., grant_offer: _Optional[_Union[GrantOffer, _Mapping]] = ...) -> None: ...

class GrantOffer(_message.Message):
    __slots__ = ("response", "permission", "proposed")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    PERMISSION_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    response: str
    permission: str
    proposed: ProposedGrant
    def __init__(self, response: _Optional[str] = ..., permission: _Optional[str] = ..., proposed: _Optional[_Union[ProposedGrant, _Mapping]] = ...) -> None: ...

class ProposedGrant(_message.Message):
    __slots__ = ("tools", "arguments", "principal", "uses", "duration_seconds", "approvals")
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    tools: _containers.RepeatedScalarFieldContainer[str]
    arguments: _struct_pb2.Struct
    principal: str
    uses: int
    duration_seconds: int
    approvals: int
    def __init__(self, tools: _Optional[_Iterable[str]] = ..., arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., principal: _Optional[str] = ..., uses: _Optional[int] = ..., duration_seconds: _Optional[int] = ..., approvals: _Optional[int] = ...) -> None: ...

class ResponseGrant(_message.Message):
    __slots__ = ("tools", "arguments", "uses", "expires_at", "any_version", "reason")
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    ANY_VERSION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    tools: _containers.RepeatedScalarFieldContainer[str]
    arguments: _struct_pb2.Struct
    uses: int
    expires_at: _timestamp_pb2.Timestamp
    any_version: bool
    reason: str
    def __init__(self, tools: _Optional[_Iterable[str]] = ..., arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., uses: _Optional[int] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., any_version: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class ToolSubject(_message.Message):
    __slots__ = ("name", "tags", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class HumanResponse(_message.Message):
    __slots__ = ("id", "human_request_id", "response", "responded_by", "created_at", "response_metadata", "comment", "edited_arguments", "decides", "via", "request_id", "response_json", "response_metadata_json", "edited_arguments_json", "grant")
    ID_FIELD_NUMBER: _ClassVar[int]
    HUMAN_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    RESPONDED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_METADATA_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EDITED_ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    DECIDES_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_JSON_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    EDITED_ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    id: str
    human_request_id: str
    response: _struct_pb2.Value
    responded_by: str
    created_at: _timestamp_pb2.Timestamp
    response_metadata: _struct_pb2.Struct
    comment: str
    edited_arguments: _struct_pb2.Struct
    decides: bool
    via: str
    request_id: str
    response_json: str
    response_metadata_json: str
    edited_arguments_json: str
    grant: ResponseGrant
    def __init__(self, id: _Optional[str] = ..., human_request_id: _Optional[str] = ..., response: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., responded_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., response_metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., comment: _Optional[str] = ..., edited_arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., decides: _Optional[bool] = ..., via: _Optional[str] = ..., request_id: _Optional[str] = ..., response_json: _Optional[str] = ..., response_metadata_json: _Optional[str] = ..., edited_arguments_json: _Optional[str] = ..., grant: _Optional[_Union[ResponseGrant, _Mapping]] = ...) -> None: ...

class ExpiryAction(_message.Message):
    __slots__ = ("action", "default_response", "escalate_to", "escalate_timeout_seconds", "default_response_json")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ESCALATE_TO_FIELD_NUMBER: _ClassVar[int]
    ESCALATE_TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_RESPONSE_JSON_FIELD_NUMBER: _ClassVar[int]
    action: str
    default_response: _struct_pb2.Value
    escalate_to: _containers.RepeatedScalarFieldContainer[str]
    escalate_timeout_seconds: int
    default_response_json: str
    def __init__(self, action: _Optional[str] = ..., default_response: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., escalate_to: _Optional[_Iterable[str]] = ..., escalate_timeout_seconds: _Optional[int] = ..., default_response_json: _Optional[str] = ...) -> None: ...

class Quorum(_message.Message):
    __slots__ = ("required", "voters", "veto")
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    VOTERS_FIELD_NUMBER: _ClassVar[int]
    VETO_FIELD_NUMBER: _ClassVar[int]
    required: int
    voters: int
    veto: str
    def __init__(self, required: _Optional[int] = ..., voters: _Optional[int] = ..., veto: _Optional[str] = ...) -> None: ...

class HumanRequestEvent(_message.Message):
    __slots__ = ("sequence", "at", "kind", "human_request_id", "principal", "detail", "request", "last")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HUMAN_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    at: _timestamp_pb2.Timestamp
    kind: str
    human_request_id: str
    principal: str
    detail: _struct_pb2.Struct
    request: HumanRequest
    last: bool
    def __init__(self, sequence: _Optional[int] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[str] = ..., human_request_id: _Optional[str] = ..., principal: _Optional[str] = ..., detail: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., request: _Optional[_Union[HumanRequest, _Mapping]] = ..., last: _Optional[bool] = ...) -> None: ...
