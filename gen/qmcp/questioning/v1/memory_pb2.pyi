from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Memory(_message.Message):
    __slots__ = ("state", "detail", "store", "collection", "model", "dimension", "texts", "waiting", "failed", "lag_seconds")
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    LAG_SECONDS_FIELD_NUMBER: _ClassVar[int]
    state: str
    detail: str
    store: str
    collection: str
    model: str
    dimension: int
    texts: int
    waiting: int
    failed: int
    lag_seconds: float
    def __init__(self, state: _Optional[str] = ..., detail: _Optional[str] = ..., store: _Optional[str] = ..., collection: _Optional[str] = ..., model: _Optional[str] = ..., dimension: _Optional[int] = ..., texts: _Optional[int] = ..., waiting: _Optional[int] = ..., failed: _Optional[int] = ..., lag_seconds: _Optional[float] = ...) -> None: ...
