"""Arguments and answers in the form that HTTP has for them: documents too deep for gRPC, numbers as texts."""

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldOptions
from qmcp.options.v1 import options_pb2

from gateway.openapi.contract import takes_scalars

# What a Struct or a Value carries: a parser of protobuf goes 100 messages deep, and a level takes up to three.
MAX_LEVELS = 30
# Past it doubles leave out whole numbers.
MAX_EXACT = 2**53
DOCUMENTS = ("google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue")
Json = Any


def to_message(arguments: dict[str, Json], descriptor: Descriptor) -> dict[str, Json]:
    """What `json_format` is given for the arguments: no field is read anew, unknown ones stay and are refused there."""
    found = dict(arguments)
    for name, value in arguments.items():
        field = descriptor.fields_by_name.get(name)
        if field is None or value is None:
            continue
        if takes_scalars(field) and isinstance(value, dict):
            found[name] = {key: _text(each) for key, each in value.items() if each is not None}
        elif carrier := _carrier(descriptor, name):
            if _levels(value) > MAX_LEVELS:
                found[carrier] = json.dumps(found.pop(name))
        else:
            found[name] = _inside(value, field, to_message)
    return found


def from_message(answer: dict[str, Json], descriptor: Descriptor) -> dict[str, Json]:
    """The reverse, of what `json_format` made: a document stands in its own place, whatever carried it."""
    found = dict(answer)
    for field in descriptor.fields:
        if field.name not in found:
            continue
        if stands_for := json_of(field):
            text = found.pop(field.name)
            if text:
                found[stands_for] = json.loads(text)
        else:
            found[field.name] = _inside(found[field.name], field, from_message)
    return found


def json_of(field: FieldDescriptor) -> str:
    """The field for whose document this one stands as text; empty where it stands for itself."""
    options: Any = FieldOptions.FromString(field.GetOptions().SerializeToString())
    return str(options.Extensions[options_pb2.json_of])


def inexact(arguments: Json, pointer: str = "") -> Iterator[tuple[str, str]]:
    """What no double is, by JSON pointers, with what to do: in a document it would arrive as another number."""
    if isinstance(arguments, dict):
        for name, each in arguments.items():
            yield from inexact(each, f"{pointer}/{name}")
    elif isinstance(arguments, list):
        for place, each in enumerate(arguments):
            yield from inexact(each, f"{pointer}/{place}")
    elif isinstance(arguments, int) and abs(arguments) > MAX_EXACT and not _is_double(arguments):
        yield pointer, "is an integer that JSON's numbers cannot carry exactly; send it as a string"


def _is_double(number: int) -> bool:
    try:
        return int(float(number)) == number
    except OverflowError:
        return False


def whole(value: Json) -> Json:
    """A document with whole numbers written as such: protobuf has doubles alone, and to many 4.0 is no length."""
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT:
        return int(value)
    return value


def _inside(value: Json, field: FieldDescriptor, convert: Any) -> Json:
    message = field.message_type
    if message is None or message.full_name.startswith("google."):
        return whole(value) if message is not None and message.full_name in DOCUMENTS else value
    if message.GetOptions().map_entry:
        inner = message.fields_by_name["value"]
        return {key: _inside(each, inner, convert) for key, each in value.items()} if isinstance(value, dict) else value
    if isinstance(value, list):
        return [convert(each, message) if isinstance(each, dict) else each for each in value]
    return convert(value, message) if isinstance(value, dict) else value


def _carrier(descriptor: Descriptor, name: str) -> str:
    return next((field.name for field in descriptor.fields if json_of(field) == name), "")


def _text(value: Json) -> Json:
    return json.dumps(value) if isinstance(value, int | float) else value


def _levels(value: Json) -> int:
    """How many objects and lists stand within each other."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        each, level = waiting.pop()
        if isinstance(each, dict | list):
            deepest = max(deepest, level)
            waiting += [(inner, level + 1) for inner in _members(each)]
    return deepest


def _members(value: dict[str, Json] | list[Json]) -> Iterator[Json]:
    return iter(value.values() if isinstance(value, dict) else value)
