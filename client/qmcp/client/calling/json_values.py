"""Plain Python values from and to the JSON messages of protobuf (Struct, Value)."""

import json
import math
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

# Numbers travel as doubles, which hold every whole number up to here.
MAX_EXACT_INTEGER = 2**53
# Objects and lists within each other that a Struct carries over gRPC to everybody.
MAX_STRUCT_LEVELS = 30


def to_struct(value: Mapping[str, Any]) -> Struct:
    """A JSON object as a message. ValueError for what JSON or a double cannot hold, naming where it stands."""
    struct = Struct()
    _fill_struct(struct, value, "")
    return struct


def to_object_or_text(field: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    """The field with a JSON object, or its text in the field beside it where gRPC does not carry that many levels.

    None is no field.
    """
    return {} if value is None else _or_text(field, value, to_struct(value))


def to_value_or_text(field: str, value: Any) -> dict[str, Any]:
    """The same of any JSON value; None is null."""
    return _or_text(field, value, to_value(value))


def _or_text(field: str, value: Any, message: Struct | Value) -> dict[str, Any]:
    return {f"{field}_json": json.dumps(value)} if _levels(value) > MAX_STRUCT_LEVELS else {field: message}


def _levels(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_levels, value.values()), default=0)
    return 1 + max(map(_levels, value), default=0) if isinstance(value, list | tuple) else 0


def to_value(value: Any) -> Value:
    """Any JSON value as a message. ValueError for what JSON or a double cannot hold, naming where it stands."""
    message = Value()
    _fill(message, value, "")
    return message


def from_struct(struct: Struct) -> dict[str, Any]:
    """The JSON object of a message, whole numbers as integers."""
    return {key: from_value(value) for key, value in struct.fields.items()}


def from_value(value: Value) -> Any:
    """The JSON value of a message, whole numbers as integers."""
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= MAX_EXACT_INTEGER else number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [from_value(item) for item in value.list_value.values]
        case _:
            return None


def _fill_struct(struct: Struct, value: Mapping[str, Any], path: str) -> None:
    for key, item in value.items():
        if not isinstance(key, str):
            raise ValueError(f"{path or 'the object'} has the key {key!r}; keys are strings in JSON")  # noqa: TRY004
        _fill(struct.fields[key], item, f"{path}.{key}" if path else key)


def _fill_list(items: ListValue, value: list[Any] | tuple[Any, ...], path: str) -> None:
    for index, item in enumerate(value):
        _fill(items.values.add(), item, f"{path}[{index}]")


def _fill(message: Value, value: Any, path: str) -> None:
    named = path or "the value"
    match value:
        case None:
            message.null_value = 0  # type: ignore[assignment]
        case bool():
            message.bool_value = value
        case str():
            message.string_value = value
        case int() if abs(value) > MAX_EXACT_INTEGER:
            raise ValueError(f"{named} is {value}, which a JSON number cannot hold exactly; send it as a string")
        case float() if not math.isfinite(value):
            raise ValueError(f"{named} is {value}, which is no JSON number")
        case int() | float():
            message.number_value = value
        case Mapping():
            message.struct_value.SetInParent()
            _fill_struct(message.struct_value, value, path)
        case list() | tuple():
            message.list_value.SetInParent()
            _fill_list(message.list_value, value, path)
        case _:
            raise ValueError(f"{named} is of the type {type(value).__name__}, which JSON does not have")
