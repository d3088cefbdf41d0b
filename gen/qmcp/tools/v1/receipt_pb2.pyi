import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Receipt(_message.Message):
    __slots__ = ("invocation_id", "chain_id", "sequence", "previous_digest", "digest", "content", "input_salt", "result_salt", "checkpoint")
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    INPUT_SALT_FIELD_NUMBER: _ClassVar[int]
    RESULT_SALT_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    chain_id: str
    sequence: int
    previous_digest: str
    digest: str
    content: str
    input_salt: str
    result_salt: str
    checkpoint: Checkpoint
    def __init__(self, invocation_id: _Optional[str] = ..., chain_id: _Optional[str] = ..., sequence: _Optional[int] = ..., previous_digest: _Optional[str] = ..., digest: _Optional[str] = ..., content: _Optional[str] = ..., input_salt: _Optional[str] = ..., result_salt: _Optional[str] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("sequence", "signed_at", "content", "signature", "key_id")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_AT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    signed_at: _timestamp_pb2.Timestamp
    content: str
    signature: str
    key_id: str
    def __init__(self, sequence: _Optional[int] = ..., signed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., content: _Optional[str] = ..., signature: _Optional[str] = ..., key_id: _Optional[str] = ...) -> None: ...

class ReceiptFault(_message.Message):
    __slots__ = ("kind", "invocation_id", "chain_id", "sequence", "detail")
    KIND_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHAIN_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    kind: str
    invocation_id: str
    chain_id: str
    sequence: int
    detail: str
    def __init__(self, kind: _Optional[str] = ..., invocation_id: _Optional[str] = ..., chain_id: _Optional[str] = ..., sequence: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...
