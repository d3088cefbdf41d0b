import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.api import httpbody_pb2 as _httpbody_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.hitl.v1 import contact_pb2 as _contact_pb2
from qmcp.hitl.v1 import link_pb2 as _link_pb2
from qmcp.hitl.v1 import request_pb2 as _request_pb2
from qmcp.hitl.v1 import webhook_pb2 as _webhook_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateHumanRequestRequest(_message.Message):
    __slots__ = ("id", "request_type", "prompt", "options", "context", "timeout_seconds", "correlation_id", "response_schema", "proposed_arguments", "arguments_schema", "priority", "due_at", "assignees", "groups", "tags", "callback_url", "on_expiry", "quorum", "four_eyes", "on_behalf_of", "idempotency_key", "binding", "on_behalf_of_reference", "on_behalf_of_permission", "context_json", "response_schema_json", "proposed_arguments_json", "arguments_schema_json", "task_id", "fencing_token", "tool", "grant_offer")
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    CALLBACK_URL_FIELD_NUMBER: _ClassVar[int]
    ON_EXPIRY_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    FOUR_EYES_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_PERMISSION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_JSON_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_SCHEMA_JSON_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_SCHEMA_JSON_FIELD_NUMBER: _ClassVar[int]
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
    correlation_id: str
    response_schema: _struct_pb2.Struct
    proposed_arguments: _struct_pb2.Struct
    arguments_schema: _struct_pb2.Struct
    priority: str
    due_at: _timestamp_pb2.Timestamp
    assignees: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    callback_url: str
    on_expiry: _request_pb2.ExpiryAction
    quorum: _request_pb2.Quorum
    four_eyes: bool
    on_behalf_of: str
    idempotency_key: str
    binding: bool
    on_behalf_of_reference: str
    on_behalf_of_permission: str
    context_json: str
    response_schema_json: str
    proposed_arguments_json: str
    arguments_schema_json: str
    task_id: str
    fencing_token: int
    tool: _request_pb2.ToolSubject
    grant_offer: _request_pb2.GrantOffer
    def __init__(self, id: _Optional[str] = ..., request_type: _Optional[str] = ..., prompt: _Optional[str] = ..., options: _Optional[_Iterable[str]] = ..., context: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., timeout_seconds: _Optional[int] = ..., correlation_id: _Optional[str] = ..., response_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., proposed_arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., arguments_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., priority: _Optional[str] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., assignees: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., callback_url: _Optional[str] = ..., on_expiry: _Optional[_Union[_request_pb2.ExpiryAction, _Mapping]] = ..., quorum: _Optional[_Union[_request_pb2.Quorum, _Mapping]] = ..., four_eyes: _Optional[bool] = ..., on_behalf_of: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., binding: _Optional[bool] = ..., on_behalf_of_reference: _Optional[str] = ..., on_behalf_of_permission: _Optional[str] = ..., context_json: _Optional[str] = ..., response_schema_json: _Optional[str] = ..., proposed_arguments_json: _Optional[str] = ..., arguments_schema_json: _Optional[str] = ..., task_id: _Optional[str] = ..., fencing_token: _Optional[int] = ..., tool: _Optional[_Union[_request_pb2.ToolSubject, _Mapping]] = ..., grant_offer: _Optional[_Union[_request_pb2.GrantOffer, _Mapping]] = ...) -> None: ...

class GetHumanRequestRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetHumanRequestResponse(_message.Message):
    __slots__ = ("request", "response", "response_json")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_JSON_FIELD_NUMBER: _ClassVar[int]
    request: _request_pb2.HumanRequest
    response: _struct_pb2.Value
    response_json: str
    def __init__(self, request: _Optional[_Union[_request_pb2.HumanRequest, _Mapping]] = ..., response: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., response_json: _Optional[str] = ...) -> None: ...

class ListHumanRequestsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "status", "request_type", "correlation_id", "requester", "assignee", "group", "tag", "limit", "offset")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    status: str
    request_type: str
    correlation_id: str
    requester: str
    assignee: str
    group: str
    tag: str
    limit: int
    offset: int
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., status: _Optional[str] = ..., request_type: _Optional[str] = ..., correlation_id: _Optional[str] = ..., requester: _Optional[str] = ..., assignee: _Optional[str] = ..., group: _Optional[str] = ..., tag: _Optional[str] = ..., limit: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class ListHumanRequestsResponse(_message.Message):
    __slots__ = ("requests", "next_page_token", "count")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[_request_pb2.HumanRequest]
    next_page_token: str
    count: int
    def __init__(self, requests: _Optional[_Iterable[_Union[_request_pb2.HumanRequest, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class CreateHumanResponseRequest(_message.Message):
    __slots__ = ("human_request_id", "response", "responded_by", "response_metadata", "comment", "edited_arguments", "idempotency_key", "request_id", "response_json", "response_metadata_json", "edited_arguments_json", "grant")
    HUMAN_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    RESPONDED_BY_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_METADATA_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    EDITED_ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_JSON_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_METADATA_JSON_FIELD_NUMBER: _ClassVar[int]
    EDITED_ARGUMENTS_JSON_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    human_request_id: str
    response: _struct_pb2.Value
    responded_by: str
    response_metadata: _struct_pb2.Struct
    comment: str
    edited_arguments: _struct_pb2.Struct
    idempotency_key: str
    request_id: str
    response_json: str
    response_metadata_json: str
    edited_arguments_json: str
    grant: _request_pb2.ResponseGrant
    def __init__(self, human_request_id: _Optional[str] = ..., response: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., responded_by: _Optional[str] = ..., response_metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., comment: _Optional[str] = ..., edited_arguments: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., request_id: _Optional[str] = ..., response_json: _Optional[str] = ..., response_metadata_json: _Optional[str] = ..., edited_arguments_json: _Optional[str] = ..., grant: _Optional[_Union[_request_pb2.ResponseGrant, _Mapping]] = ...) -> None: ...

class WaitForResponseRequest(_message.Message):
    __slots__ = ("id", "ids", "mode", "timeout_seconds")
    ID_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    id: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    mode: str
    timeout_seconds: int
    def __init__(self, id: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., mode: _Optional[str] = ..., timeout_seconds: _Optional[int] = ...) -> None: ...

class WaitForResponseResponse(_message.Message):
    __slots__ = ("done", "requests")
    DONE_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    done: bool
    requests: _containers.RepeatedCompositeFieldContainer[_request_pb2.HumanRequest]
    def __init__(self, done: _Optional[bool] = ..., requests: _Optional[_Iterable[_Union[_request_pb2.HumanRequest, _Mapping]]] = ...) -> None: ...

class WatchHumanRequestsRequest(_message.Message):
    __slots__ = ("after_sequence", "kinds", "id", "request_type", "assignee", "group", "tag")
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TYPE_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEE_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    TAG_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    kinds: _containers.RepeatedScalarFieldContainer[str]
    id: str
    request_type: str
    assignee: str
    group: str
    tag: str
    def __init__(self, after_sequence: _Optional[int] = ..., kinds: _Optional[_Iterable[str]] = ..., id: _Optional[str] = ..., request_type: _Optional[str] = ..., assignee: _Optional[str] = ..., group: _Optional[str] = ..., tag: _Optional[str] = ...) -> None: ...

class ListHumanRequestEventsRequest(_message.Message):
    __slots__ = ("id", "page_size", "page_token")
    ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    page_size: int
    page_token: str
    def __init__(self, id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListHumanRequestEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_request_pb2.HumanRequestEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[_request_pb2.HumanRequestEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class FindSimilarHumanRequestsRequest(_message.Message):
    __slots__ = ("id", "limit")
    ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    id: str
    limit: int
    def __init__(self, id: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class FindSimilarHumanRequestsResponse(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[_request_pb2.HumanRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[_request_pb2.HumanRequest, _Mapping]]] = ...) -> None: ...

class ViewHumanRequestRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ClaimHumanRequestRequest(_message.Message):
    __slots__ = ("id", "take_over")
    ID_FIELD_NUMBER: _ClassVar[int]
    TAKE_OVER_FIELD_NUMBER: _ClassVar[int]
    id: str
    take_over: bool
    def __init__(self, id: _Optional[str] = ..., take_over: _Optional[bool] = ...) -> None: ...

class ReleaseHumanRequestRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class AssignHumanRequestRequest(_message.Message):
    __slots__ = ("id", "assignees", "groups")
    ID_FIELD_NUMBER: _ClassVar[int]
    ASSIGNEES_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    id: str
    assignees: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., assignees: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ...) -> None: ...

class CommentOnHumanRequestRequest(_message.Message):
    __slots__ = ("id", "comment", "idempotency_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    comment: str
    idempotency_key: str
    def __init__(self, id: _Optional[str] = ..., comment: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class RemindOfHumanRequestRequest(_message.Message):
    __slots__ = ("id", "idempotency_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    idempotency_key: str
    def __init__(self, id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class CancelHumanRequestRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CreateActionLinkRequest(_message.Message):
    __slots__ = ("id", "person", "timeout_seconds", "idempotency_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    person: str
    timeout_seconds: int
    idempotency_key: str
    def __init__(self, id: _Optional[str] = ..., person: _Optional[str] = ..., timeout_seconds: _Optional[int] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ShowActionLinkRequest(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class AnswerActionLinkRequest(_message.Message):
    __slots__ = ("token", "form")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    token: str
    form: _httpbody_pb2.HttpBody
    def __init__(self, token: _Optional[str] = ..., form: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class CreateWebhookRequest(_message.Message):
    __slots__ = ("webhook", "idempotency_key")
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    webhook: _webhook_pb2.Webhook
    idempotency_key: str
    def __init__(self, webhook: _Optional[_Union[_webhook_pb2.Webhook, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class GetWebhookRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListWebhooksRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWebhooksResponse(_message.Message):
    __slots__ = ("webhooks", "next_page_token")
    WEBHOOKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    webhooks: _containers.RepeatedCompositeFieldContainer[_webhook_pb2.Webhook]
    next_page_token: str
    def __init__(self, webhooks: _Optional[_Iterable[_Union[_webhook_pb2.Webhook, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateWebhookRequest(_message.Message):
    __slots__ = ("webhook", "rotate_secret", "grace_seconds")
    WEBHOOK_FIELD_NUMBER: _ClassVar[int]
    ROTATE_SECRET_FIELD_NUMBER: _ClassVar[int]
    GRACE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    webhook: _webhook_pb2.Webhook
    rotate_secret: bool
    grace_seconds: int
    def __init__(self, webhook: _Optional[_Union[_webhook_pb2.Webhook, _Mapping]] = ..., rotate_secret: _Optional[bool] = ..., grace_seconds: _Optional[int] = ...) -> None: ...

class DeleteWebhookRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class CreateContactRequest(_message.Message):
    __slots__ = ("contact", "idempotency_key")
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    contact: _contact_pb2.Contact
    idempotency_key: str
    def __init__(self, contact: _Optional[_Union[_contact_pb2.Contact, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class GetContactRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ListContactsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "person")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    person: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., person: _Optional[str] = ...) -> None: ...

class ListContactsResponse(_message.Message):
    __slots__ = ("contacts", "next_page_token")
    CONTACTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    contacts: _containers.RepeatedCompositeFieldContainer[_contact_pb2.Contact]
    next_page_token: str
    def __init__(self, contacts: _Optional[_Iterable[_Union[_contact_pb2.Contact, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateContactRequest(_message.Message):
    __slots__ = ("contact",)
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    contact: _contact_pb2.Contact
    def __init__(self, contact: _Optional[_Union[_contact_pb2.Contact, _Mapping]] = ...) -> None: ...

class DeleteContactRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ShowUnsubscribeRequest(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class UnsubscribeRequest(_message.Message):
    __slots__ = ("token", "form")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    token: str
    form: _httpbody_pb2.HttpBody
    def __init__(self, token: _Optional[str] = ..., form: _Optional[_Union[_httpbody_pb2.HttpBody, _Mapping]] = ...) -> None: ...

class ListDeliveriesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "webhook_id", "human_request_id", "status", "contact_id")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    WEBHOOK_ID_FIELD_NUMBER: _ClassVar[int]
    HUMAN_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CONTACT_ID_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    webhook_id: str
    human_request_id: str
    status: str
    contact_id: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., webhook_id: _Optional[str] = ..., human_request_id: _Optional[str] = ..., status: _Optional[str] = ..., contact_id: _Optional[str] = ...) -> None: ...

class ListDeliveriesResponse(_message.Message):
    __slots__ = ("deliveries", "next_page_token")
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    deliveries: _containers.RepeatedCompositeFieldContainer[_webhook_pb2.Delivery]
    next_page_token: str
    def __init__(self, deliveries: _Optional[_Iterable[_Union[_webhook_pb2.Delivery, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RetryDeliveryRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...
