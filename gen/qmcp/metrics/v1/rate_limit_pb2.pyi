from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class RateLimit(_message.Message):
    __slots__ = ("service", "rate_limit", "available_tokens", "reset_time_seconds")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    RESET_TIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    service: str
    rate_limit: int
    available_tokens: int
    reset_time_seconds: int
    def __init__(self, service: _Optional[str] = ..., rate_limit: _Optional[int] = ..., available_tokens: _Optional[int] = ..., reset_time_seconds: _Optional[int] = ...) -> None: ...
