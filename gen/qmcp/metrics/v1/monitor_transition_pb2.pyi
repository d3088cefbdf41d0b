import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MonitorTransition(_message.Message):
    __slots__ = ("id", "monitor_id", "monitor_name", "from_state", "state", "at", "value", "limit", "window_start_at", "window_end_at", "invocation_ids", "actions")
    ID_FIELD_NUMBER: _ClassVar[int]
    MONITOR_ID_FIELD_NUMBER: _ClassVar[int]
    MONITOR_NAME_FIELD_NUMBER: _ClassVar[int]
    FROM_STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_AT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_END_AT_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_IDS_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    id: str
    monitor_id: str
    monitor_name: str
    from_state: str
    state: str
    at: _timestamp_pb2.Timestamp
    value: float
    limit: float
    window_start_at: _timestamp_pb2.Timestamp
    window_end_at: _timestamp_pb2.Timestamp
    invocation_ids: _containers.RepeatedScalarFieldContainer[str]
    actions: _containers.RepeatedCompositeFieldContainer[MonitorActionResult]
    def __init__(self, id: _Optional[str] = ..., monitor_id: _Optional[str] = ..., monitor_name: _Optional[str] = ..., from_state: _Optional[str] = ..., state: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., value: _Optional[float] = ..., limit: _Optional[float] = ..., window_start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., window_end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., invocation_ids: _Optional[_Iterable[str]] = ..., actions: _Optional[_Iterable[_Union[MonitorActionResult, _Mapping]]] = ...) -> None: ...

class MonitorActionResult(_message.Message):
    __slots__ = ("id", "kind", "target", "status", "attempts", "last_error", "done_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    DONE_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    target: str
    status: str
    attempts: int
    last_error: str
    done_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., target: _Optional[str] = ..., status: _Optional[str] = ..., attempts: _Optional[int] = ..., last_error: _Optional[str] = ..., done_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListMonitorTransitionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "monitor_id", "state")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MONITOR_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    monitor_id: str
    state: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., monitor_id: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...

class ListMonitorTransitionsResponse(_message.Message):
    __slots__ = ("transitions", "next_page_token")
    TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    transitions: _containers.RepeatedCompositeFieldContainer[MonitorTransition]
    next_page_token: str
    def __init__(self, transitions: _Optional[_Iterable[_Union[MonitorTransition, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
