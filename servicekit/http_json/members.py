"""The members that a message may have in JSON, looked up once: a body asks for them at each of its objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from servicekit.json_values import FREE_TYPES

# Where a value stands: within free JSON, where only numbers can be wrong; at a scalar, which json_format judges; else
# within a message of ours or a map, by its descriptor.
FREE = "free"
SCALAR = "scalar"
Place = Descriptor | str


@dataclass(frozen=True, slots=True)
class Member:
    """A field, by one of its names."""

    field: FieldDescriptor
    # Where its value stands, or where each of its values does.
    place: Place
    # What it shares with those that exclude it; None where nothing does.
    oneof: str | None
    is_list: bool
    # Whether it is one of our messages, or a list of them, or a map.
    is_message: bool


@cache
def members(message: Descriptor) -> Mapping[str, Member]:
    """Those of a message, by their names in proto and in protobuf's JSON."""
    found: dict[str, Member] = {}
    for field in message.fields:
        group = field.containing_oneof
        is_list = field.is_repeated and not is_map(field.message_type)
        place = place_of(field)
        member = Member(field, place, None if group is None else group.name, is_list, isinstance(place, Descriptor))
        found |= dict.fromkeys((field.camelcase_name, field.name), member)
    return found


@cache
def is_map(message: Any) -> bool:
    """Whether it is none of ours, but what a map's entry is; None is none."""
    return bool(message is not None and message.GetOptions().map_entry)


@cache
def place_of(field: FieldDescriptor) -> Place:
    """Where the value of a field stands."""
    found = field.message_type
    if found is None:
        return SCALAR
    if found.full_name in FREE_TYPES:
        return FREE
    return SCALAR if found.full_name.startswith("google.protobuf.") else found
