from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class CallLimits(_message.Message):
    __slots__ = ("quick", "long", "waits", "streams")
    QUICK_FIELD_NUMBER: _ClassVar[int]
    LONG_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    quick: int
    long: int
    waits: int
    streams: int
    def __init__(self, quick: _Optional[int] = ..., long: _Optional[int] = ..., waits: _Optional[int] = ..., streams: _Optional[int] = ...) -> None: ...
