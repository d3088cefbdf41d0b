"""Puts a JSON object into a message as json_format does, in a quarter of the time where values have the usual form.

What has not (a number as a string, a Timestamp, null) json_format takes, and judges.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from servicekit.http_json.members import is_map, members
from servicekit.json_values import EXACT

F = FieldDescriptor
INTEGERS = {F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32, F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64} | {
    F.TYPE_UINT32,
    F.TYPE_FIXED32,
    F.TYPE_UINT64,
    F.TYPE_FIXED64,
}


def take(given: Mapping[str, Any], message: Message, max_depth: int) -> None:
    """Puts in what is in an object of which every name is a field.

    Raises:
        json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError: it does not fit.
    """
    usual, rest = _split(given, message.DESCRIPTOR)
    for name, value in usual.items():
        if isinstance(value, dict):
            getattr(message, name).update(value)
        else:
            setattr(message, name, value)
    _take_rest(rest, message, max_depth)


def _take_rest(rest: Mapping[str, Any], message: Message, max_depth: int) -> None:
    known = members(message.DESCRIPTOR)
    for name, value in rest.items():
        member = known[name]
        if member.is_list and member.is_message:
            added = getattr(message, member.field.name)
            for each in value:
                usual, more = _split(each, member.field.message_type)
                _take_rest(more, added.add(**usual), max_depth)
        else:
            json_format.ParseDict({name: value}, message, max_recursion_depth=max_depth)


def _split(given: Mapping[str, Any], descriptor: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What protobuf takes as it is, by the fields' names in proto, and the rest by those that it has."""
    usual: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    forms = _forms(descriptor)
    for name, value in given.items():
        field, form = forms[name]
        if form is not None and (type(value) is form or (form is float and type(value) is int)) and _is_usual(value):
            usual[field] = value
        else:
            rest[name] = value
    return usual, rest


def _is_usual(value: Any) -> bool:
    if type(value) is dict:
        return all(type(each) is str for each in value.values())
    # Of what a double cannot carry json_format says so.
    return type(value) in {str, bool} or (math.isfinite(value) if type(value) is float else abs(value) <= EXACT)


@cache
def _forms(descriptor: Descriptor) -> Mapping[str, tuple[str, type | None]]:
    """By the names of members: the field, and the type that its values have usually; None where there is no such."""
    return {name: (member.field.name, _form(member.field)) for name, member in members(descriptor).items()}


def _form(field: FieldDescriptor) -> type | None:
    found: Any = field.message_type
    if is_map(found):
        kinds = {found.fields_by_name[each].type for each in ("key", "value")}
        return dict if kinds == {F.TYPE_STRING} else None
    if field.is_repeated:
        return None
    if field.type in INTEGERS:
        return int
    return {F.TYPE_STRING: str, F.TYPE_BOOL: bool, F.TYPE_DOUBLE: float}.get(field.type)
