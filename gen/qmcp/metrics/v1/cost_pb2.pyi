import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Price(_message.Message):
    __slots__ = ("model", "token_type", "usd_per_million")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TOKEN_TYPE_FIELD_NUMBER: _ClassVar[int]
    USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    model: str
    token_type: str
    usd_per_million: float
    def __init__(self, model: _Optional[str] = ..., token_type: _Optional[str] = ..., usd_per_million: _Optional[float] = ...) -> None: ...

class PriceTable(_message.Message):
    __slots__ = ("version", "effective_at", "prices", "created_by", "created_at")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_AT_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    version: int
    effective_at: _timestamp_pb2.Timestamp
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    created_by: str
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, version: _Optional[int] = ..., effective_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreatePriceTableRequest(_message.Message):
    __slots__ = ("price_table", "idempotency_key")
    PRICE_TABLE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    price_table: PriceTable
    idempotency_key: str
    def __init__(self, price_table: _Optional[_Union[PriceTable, _Mapping]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ListPriceTablesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPriceTablesResponse(_message.Message):
    __slots__ = ("price_tables", "next_page_token")
    PRICE_TABLES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    price_tables: _containers.RepeatedCompositeFieldContainer[PriceTable]
    next_page_token: str
    def __init__(self, price_tables: _Optional[_Iterable[_Union[PriceTable, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class QueryCostsRequest(_message.Message):
    __slots__ = ("start_at", "end_at", "group_by", "path_dimension", "beneath")
    START_AT_FIELD_NUMBER: _ClassVar[int]
    END_AT_FIELD_NUMBER: _ClassVar[int]
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    PATH_DIMENSION_FIELD_NUMBER: _ClassVar[int]
    BENEATH_FIELD_NUMBER: _ClassVar[int]
    start_at: _timestamp_pb2.Timestamp
    end_at: _timestamp_pb2.Timestamp
    group_by: _containers.RepeatedScalarFieldContainer[str]
    path_dimension: str
    beneath: str
    def __init__(self, start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., group_by: _Optional[_Iterable[str]] = ..., path_dimension: _Optional[str] = ..., beneath: _Optional[str] = ...) -> None: ...

class QueryCostsResponse(_message.Message):
    __slots__ = ("costs", "total")
    COSTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    costs: _containers.RepeatedCompositeFieldContainer[Cost]
    total: Cost
    def __init__(self, costs: _Optional[_Iterable[_Union[Cost, _Mapping]]] = ..., total: _Optional[_Union[Cost, _Mapping]] = ...) -> None: ...

class Cost(_message.Message):
    __slots__ = ("group", "tokens", "usd", "unpriced_tokens", "unpriced_models")
    class GroupEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class TokensEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    GROUP_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    USD_FIELD_NUMBER: _ClassVar[int]
    UNPRICED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    UNPRICED_MODELS_FIELD_NUMBER: _ClassVar[int]
    group: _containers.ScalarMap[str, str]
    tokens: _containers.ScalarMap[str, float]
    usd: float
    unpriced_tokens: float
    unpriced_models: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, group: _Optional[_Mapping[str, str]] = ..., tokens: _Optional[_Mapping[str, float]] = ..., usd: _Optional[float] = ..., unpriced_tokens: _Optional[float] = ..., unpriced_models: _Optional[_Iterable[str]] = ...) -> None: ...
