from google.rpc import code_pb2 as _code_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_UNAUTHENTICATED: _ClassVar[ErrorReason]
    ERROR_REASON_PERMISSION_DENIED: _ClassVar[ErrorReason]
    ERROR_REASON_OVERLOADED: _ClassVar[ErrorReason]
    ERROR_REASON_DEADLINE_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_IDEMPOTENCY_KEY_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_PAGE_TOKEN_INVALID: _ClassVar[ErrorReason]
    ERROR_REASON_ETAG_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_RATE_LIMITED: _ClassVar[ErrorReason]
    ERROR_REASON_CONCURRENCY_LIMITED: _ClassVar[ErrorReason]
    ERROR_REASON_PROJECT_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_EPIC_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_TASK_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_NAME_TAKEN: _ClassVar[ErrorReason]
    ERROR_REASON_TRANSITION_NOT_ALLOWED: _ClassVar[ErrorReason]
    ERROR_REASON_DEPENDENCIES_OPEN: _ClassVar[ErrorReason]
    ERROR_REASON_DEPENDENCY_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_DEPENDENCY_CYCLE: _ClassVar[ErrorReason]
    ERROR_REASON_TASK_LEASED: _ClassVar[ErrorReason]
    ERROR_REASON_LEASE_LOST: _ClassVar[ErrorReason]
    ERROR_REASON_RESOURCES_HELD: _ClassVar[ErrorReason]
    ERROR_REASON_EVIDENCE_MISSING: _ClassVar[ErrorReason]
    ERROR_REASON_EVIDENCE_REFUSED: _ClassVar[ErrorReason]
    ERROR_REASON_EXPORT_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_KNOWLEDGE_NOT_FOUND: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_REQUEST: ErrorReason
ERROR_REASON_UNAUTHENTICATED: ErrorReason
ERROR_REASON_PERMISSION_DENIED: ErrorReason
ERROR_REASON_OVERLOADED: ErrorReason
ERROR_REASON_DEADLINE_EXCEEDED: ErrorReason
ERROR_REASON_UNAVAILABLE: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_IDEMPOTENCY_KEY_REUSED: ErrorReason
ERROR_REASON_PAGE_TOKEN_INVALID: ErrorReason
ERROR_REASON_ETAG_MISMATCH: ErrorReason
ERROR_REASON_RATE_LIMITED: ErrorReason
ERROR_REASON_CONCURRENCY_LIMITED: ErrorReason
ERROR_REASON_PROJECT_NOT_FOUND: ErrorReason
ERROR_REASON_EPIC_NOT_FOUND: ErrorReason
ERROR_REASON_TASK_NOT_FOUND: ErrorReason
ERROR_REASON_NAME_TAKEN: ErrorReason
ERROR_REASON_TRANSITION_NOT_ALLOWED: ErrorReason
ERROR_REASON_DEPENDENCIES_OPEN: ErrorReason
ERROR_REASON_DEPENDENCY_NOT_FOUND: ErrorReason
ERROR_REASON_DEPENDENCY_CYCLE: ErrorReason
ERROR_REASON_TASK_LEASED: ErrorReason
ERROR_REASON_LEASE_LOST: ErrorReason
ERROR_REASON_RESOURCES_HELD: ErrorReason
ERROR_REASON_EVIDENCE_MISSING: ErrorReason
ERROR_REASON_EVIDENCE_REFUSED: ErrorReason
ERROR_REASON_EXPORT_TOO_LARGE: ErrorReason
ERROR_REASON_KNOWLEDGE_NOT_FOUND: ErrorReason
