from google.rpc import code_pb2 as _code_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class CommonReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMMON_REASON_UNSPECIFIED: _ClassVar[CommonReason]
    COMMON_REASON_INVALID_REQUEST: _ClassVar[CommonReason]
    COMMON_REASON_UNAUTHENTICATED: _ClassVar[CommonReason]
    COMMON_REASON_PERMISSION_DENIED: _ClassVar[CommonReason]
    COMMON_REASON_OVERLOADED: _ClassVar[CommonReason]
    COMMON_REASON_DEADLINE_EXCEEDED: _ClassVar[CommonReason]
    COMMON_REASON_UNAVAILABLE: _ClassVar[CommonReason]
    COMMON_REASON_INTERNAL: _ClassVar[CommonReason]
    COMMON_REASON_IDEMPOTENCY_KEY_REUSED: _ClassVar[CommonReason]
    COMMON_REASON_PAGE_TOKEN_INVALID: _ClassVar[CommonReason]
    COMMON_REASON_ETAG_MISMATCH: _ClassVar[CommonReason]
    COMMON_REASON_RATE_LIMITED: _ClassVar[CommonReason]
    COMMON_REASON_CONCURRENCY_LIMITED: _ClassVar[CommonReason]
COMMON_REASON_UNSPECIFIED: CommonReason
COMMON_REASON_INVALID_REQUEST: CommonReason
COMMON_REASON_UNAUTHENTICATED: CommonReason
COMMON_REASON_PERMISSION_DENIED: CommonReason
COMMON_REASON_OVERLOADED: CommonReason
COMMON_REASON_DEADLINE_EXCEEDED: CommonReason
COMMON_REASON_UNAVAILABLE: CommonReason
COMMON_REASON_INTERNAL: CommonReason
COMMON_REASON_IDEMPOTENCY_KEY_REUSED: CommonReason
COMMON_REASON_PAGE_TOKEN_INVALID: CommonReason
COMMON_REASON_ETAG_MISMATCH: CommonReason
COMMON_REASON_RATE_LIMITED: CommonReason
COMMON_REASON_CONCURRENCY_LIMITED: CommonReason
