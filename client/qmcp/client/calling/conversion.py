"""Between the messages of the contract and the client's values: one mapping, field by field, for all of them."""

import dataclasses
import json
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from types import NoneType
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from qmcp.client.calling.json_values import (
    from_struct,
    from_value,
    to_object_or_text,
    to_struct,
    to_value,
    to_value_or_text,
)
from qmcp.options.v1 import options_pb2

ModelT = TypeVar("ModelT")
MessageT = TypeVar("MessageT", bound=Message)
Reader = Callable[[Any], Any]

_STRUCT = "google.protobuf.Struct"
# What JSON and Python have themselves needs no class of ours.
_PLAIN: Mapping[str, Reader] = {
    "google.protobuf.Timestamp": lambda message: message.ToDatetime(tzinfo=UTC),
    _STRUCT: from_struct,
    "google.protobuf.Value": from_value,
}
_PLAIN_BACK: Mapping[str, Callable[[Any], Message]] = {
    _STRUCT: to_struct,
    "google.protobuf.Value": to_value,
}


def from_message(kind: Callable[..., ModelT], message: Message) -> ModelT:
    """The value of a message: a field of the same name each, None for what is absent."""
    return kind(**{name: read(message) for name, read in _readers(kind, message.DESCRIPTOR)})


def to_message(value: Any, message: MessageT) -> MessageT:
    """Fills a message with a value: what is None stays absent. ValueError for what JSON cannot hold."""
    for field in message.DESCRIPTOR.fields:
        given = getattr(value, field.name, None)
        if given is not None:
            _fill(message, field, given)
    return message


def to_timestamp(time: datetime | None) -> Timestamp | None:
    """A time as a message; one without a zone counts as local time."""
    if time is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(time.astimezone(UTC))
    return timestamp


def to_optional(value: Any, message: MessageT) -> MessageT | None:
    """Fills a message with a value; None where there is none."""
    return None if value is None else to_message(value, message)


def to_object(value: Mapping[str, Any] | None) -> Any:
    """A JSON object as a message; None where there is none."""
    return None if value is None else to_struct(value)


@cache
def _readers(kind: Any, descriptor: Descriptor) -> tuple[tuple[str, Reader], ...]:
    types = {field.name: field.type for field in dataclasses.fields(kind)}
    known = [field for field in descriptor.fields if field.name in types]
    return tuple((field.name, _reader(field, types[field.name])) for field in known)


def _reader(field: FieldDescriptor, hint: Any) -> Reader:
    message: Any = field.containing_type
    if as_text := _text_of(message, field.name):
        # Documents that are nested too deeply for gRPC come as text.
        read = _read(field, hint)
        return lambda message: json.loads(found) if (found := getattr(message, as_text)) else read(message)
    return _read(field, hint)


def _read(field: FieldDescriptor, hint: Any) -> Reader:
    name = field.name
    if field.message_type is not None and _is_map(field):
        of_value = _item(field.message_type.fields_by_name["value"], typing.get_args(hint)[1])
        return lambda message: {key: of_value(each) for key, each in getattr(message, name).items()}
    item = _item(field, hint)
    if field.is_repeated:
        return lambda message: tuple(item(each) for each in getattr(message, name))
    if field.has_presence and (hint is Any or type(None) in typing.get_args(hint)):
        return lambda message: item(getattr(message, name)) if message.HasField(name) else None
    return lambda message: item(getattr(message, name))


def _item(field: FieldDescriptor, hint: Any) -> Reader:
    """Reads one value of a field; `hint` is the type of the whole."""
    if field.message_type is None:
        return lambda value: value
    plain = _PLAIN.get(field.message_type.full_name)
    if plain is not None:
        return plain
    [kind] = (each for each in typing.get_args(hint) or [hint] if each not in {NoneType, Ellipsis})
    return partial(from_message, kind)


def _text_of(message: Any, name: str) -> str:
    """The field that has this one's JSON as text; empty where there is none."""
    text = message.fields_by_name.get(f"{name}_json")
    is_one = text is not None and text.GetOptions().Extensions[options_pb2.json_of] == name
    return f"{name}_json" if is_one else ""


def _fill(message: Message, field: Any, given: Any) -> None:
    name = field.name
    if _text_of(message.DESCRIPTOR, name):
        as_fields = to_object_or_text if field.message_type.full_name == _STRUCT else to_value_or_text
        message.MergeFrom(type(message)(**as_fields(name, given)))
        return
    if _is_map(field):
        _fill_map(getattr(message, name), field.message_type.fields_by_name["value"], given)
    elif field.message_type is None and field.is_repeated:
        getattr(message, name).extend(given)
    elif field.message_type is None:
        setattr(message, name, given)
    elif field.is_repeated:
        for each in given:
            _fill_message(getattr(message, name).add(), each)
    else:
        getattr(message, name).SetInParent()
        _fill_message(getattr(message, name), given)


def _fill_map(items: Any, of_value: Any, given: Mapping[str, Any]) -> None:
    if of_value.message_type is None:
        items.update(given)
        return
    for key, each in given.items():
        _fill_message(items[key], each)


def _fill_message(message: Any, given: Any) -> None:
    if isinstance(given, datetime):
        message.FromDatetime(given.astimezone(UTC))
    elif message.DESCRIPTOR.full_name in _PLAIN_BACK:
        message.CopyFrom(_PLAIN_BACK[message.DESCRIPTOR.full_name](given))
    else:
        to_message(given, message)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)
