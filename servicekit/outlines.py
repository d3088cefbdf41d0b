"""A message without what stands in its documents: rules of a contract are about all the rest."""

from functools import cache
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from servicekit.json_values import FREE_TYPES


def outline(message: Message) -> Message:
    """A copy whose documents are there, and empty, as are items that no rule looks into.

    The validator looks at each value of a document, without giving the interpreter back: 1.5 us each, 71 ms for as many
    as a request may have.
    """
    copy = type(message)()
    emptied, entered = _emptied(message.DESCRIPTOR), _entered(message.DESCRIPTOR)
    for field, value in message.ListFields():
        inner: Any = getattr(copy, field.name)
        if field.name in emptied and field.is_repeated:
            inner.extend([type(value[0])()] * len(value))
        elif field.name in emptied:
            inner.SetInParent()
        elif field.name in entered and field.is_repeated:
            inner.extend(map(outline, value))
        elif field.name in entered:
            inner.CopyFrom(outline(value))
        elif field.is_repeated:
            inner.MergeFrom(value)
        elif field.message_type is not None:
            inner.CopyFrom(value)
        else:
            setattr(copy, field.name, value)
    return copy


@cache
def _emptied(described: Descriptor) -> frozenset[str]:
    return frozenset(
        field.name for field, inner in _messages(described) if inner.full_name in FREE_TYPES or _is_ignored(field)
    )


@cache
def _entered(described: Descriptor, within: tuple[str, ...] = ()) -> frozenset[str]:
    """The messages that may hold what is left out."""
    return frozenset(
        field.name
        for field, inner in _messages(described)
        if inner.full_name not in within and (_emptied(inner) or _entered(inner, (*within, described.full_name)))
    )


def _messages(described: Descriptor) -> list[tuple[FieldDescriptor, Descriptor]]:
    found = [(field, field.message_type) for field in described.fields if field.message_type is not None]
    return [(field, inner) for field, inner in found if not inner.GetOptions().map_entry]


def _is_ignored(field: FieldDescriptor) -> bool:
    extension: Any = validate_pb2.field
    rules: Any = field.GetOptions().Extensions[extension]
    return bool(rules.repeated.items.ignore == validate_pb2.IGNORE_ALWAYS)
