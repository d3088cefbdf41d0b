"""Maps of strings whose values may come over HTTP as numbers, true, false or null: the option `json_scalars`."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

# Looked up by name: servicekit imports no generated code.
OPTION = "qmcp.options.v1.json_scalars"


def take_as_text(body: Any, descriptor: Descriptor) -> None:
    """Writes the values of such maps as the text that JSON has for them, in place; null is what is not there."""
    if isinstance(body, list):
        for item in body:
            take_as_text(item, descriptor)
    elif isinstance(body, dict):
        for name, inner in _leading_there(descriptor).items():
            if name in body:
                value = body[name]
                if inner is not None:
                    take_as_text(value, inner)
                elif isinstance(value, dict):
                    body[name] = {key: text_of(each) for key, each in value.items() if each is not None}


@cache
def _leading_there(descriptor: Descriptor) -> Mapping[str, Descriptor | None]:
    """The members of a message, by both of their names, that are such maps (None) or messages that have some."""
    found: dict[str, Descriptor | None] = {}
    for field in descriptor.fields:
        inner = field.message_type
        if inner is None:
            continue
        if inner.GetOptions().map_entry:
            if is_of_text(field):
                found |= dict.fromkeys((field.name, field.json_name), None)
        elif _has_some(inner, frozenset({descriptor.full_name})):
            found |= dict.fromkeys((field.name, field.json_name), inner)
    return found


def _has_some(descriptor: Descriptor, around: frozenset[str]) -> bool:
    """Whether such a map is in a message, at any depth; a message may hold itself."""
    if descriptor.full_name in around:
        return False
    inside = around | {descriptor.full_name}
    return any(
        is_of_text(field)
        or (
            field.message_type is not None
            and not field.message_type.GetOptions().map_entry
            and _has_some(field.message_type, inside)
        )
        for field in descriptor.fields
    )


def is_of_text(field: FieldDescriptor) -> bool:
    """Whether a field is such a map."""
    extension: Any = descriptor_pool.Default().FindExtensionByName(OPTION)
    return bool(field.GetOptions().Extensions[extension])


def text_of(value: Any) -> Any:
    """The text of a number, true or false; anything else as it is."""
    # Of anything else json_format says what is wrong.
    return json.dumps(value) if isinstance(value, bool | int | float) else value
