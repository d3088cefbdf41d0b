"""Documents with more levels than gRPC carries: as JSON text in the field beside their own, which `json_of` says.

Parsers of protobuf go 100 messages deep, and a level of a Struct takes up to three (docs/decisions/0016).
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import orjson
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from servicekit.errors import invalid_field
from servicekit.http_json.reading import value_of
from servicekit.json_values import (
    MAX_DEPTH,
    STRUCT_DEPTH,
    document,
    fill_struct,
    fill_value,
    is_deeper,
    plain,
)

# Looked up by name: servicekit imports no generated code.
OPTION = "qmcp.options.v1.json_of"


class Fields(NamedTuple):
    """Of a message: whose JSON which of its fields have as text, and its fields with messages that have such ones."""

    texts: Mapping[str, str]
    inner: tuple[FieldDescriptor, ...]


@cache
def fields_of(descriptor: Descriptor) -> Fields:
    """Maps are left out: none of the contract holds such messages."""
    texts = {field.name: target for field in descriptor.fields if (target := _option(field))}
    inner = (
        each for each in descriptor.fields if each.message_type and each.message_type.full_name.startswith("qmcp.")
    )
    return Fields(texts, tuple(each for each in inner if any(fields_of(each.message_type))))


def are_sent(message: Message) -> bool:
    """Whether a message has some of these texts."""
    texts, inner = fields_of(message.DESCRIPTOR)
    return any(getattr(message, text) for text in texts) or any(
        are_sent(each) for field in inner for each in _messages(message, field)
    )


def take(message: Any, path: str = "") -> None:
    """Puts the documents that came as text into their own fields, where memory holds any depth.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    texts, inner = fields_of(message.DESCRIPTOR)
    for text, target in texts.items():
        if not (sent := getattr(message, text)):
            continue
        if message.HasField(target):
            raise invalid_field(path + text, f"says what {target} says already; send one of them")
        is_struct = _place(message.DESCRIPTOR, target).is_struct
        value = value_of(sent, path + text, is_object=is_struct)
        if is_deeper(value, MAX_DEPTH):
            raise invalid_field(path + text, f"is nested deeper than {MAX_DEPTH} levels")
        _fill(message, target, value, is_struct=is_struct)
        message.ClearField(text)
    for field in inner:
        for place, each in enumerate(_messages(message, field)):
            take(each, f"{path}{field.name}[{place}]." if field.is_repeated else f"{path}{field.name}.")


def given(message: Any, field: str, path: str = "") -> Any:
    """A document of a message, None where there is none: of a request that was taken, or of a peer's answer.

    Raises:
        ServiceError: INVALID_REQUEST for NaN and infinities, and for what is nested too deeply.
    """
    text, is_struct = _place(message.DESCRIPTOR, field)
    if text and (written := getattr(message, text)):
        return orjson.loads(written)
    if not message.HasField(field):
        return None
    read: Any = document if is_struct else plain
    return read(getattr(message, field), path + field, MAX_DEPTH if text else STRUCT_DEPTH)


def put(message: Any, field: str, value: Any) -> None:
    """Writes a document into an empty field, or as text beside it where there are more levels than everybody reads."""
    text, is_struct = _place(message.DESCRIPTOR, field)
    if text and is_deeper(value, STRUCT_DEPTH):
        setattr(message, text, orjson.dumps(value).decode())
    else:
        _fill(message, field, value, is_struct=is_struct)


def _fill(message: Any, field: str, value: Any, *, is_struct: bool) -> None:
    fill: Any = fill_struct if is_struct else fill_value
    fill(getattr(message, field), value)


def _messages(message: Any, field: FieldDescriptor) -> Iterable[Any]:
    if field.is_repeated:
        found: Iterable[Any] = getattr(message, field.name)
        return found
    return (getattr(message, field.name),) if message.HasField(field.name) else ()


class _Place(NamedTuple):
    """Of a field with a document."""

    # The field that has the same as text; empty where there is none.
    text: str
    is_struct: bool


@cache
def _place(descriptor: Descriptor, field: str) -> _Place:
    text = next((text for text, target in fields_of(descriptor).texts.items() if target == field), "")
    kind: Any = descriptor.fields_by_name[field].message_type
    return _Place(text, kind.full_name == "google.protobuf.Struct")


def _option(field: FieldDescriptor) -> str:
    extension: Any = descriptor_pool.Default().FindExtensionByName(OPTION)
    return str(field.GetOptions().Extensions[extension])
