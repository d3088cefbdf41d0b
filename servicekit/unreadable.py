"""A request that is none: bytes that protobuf does not read, and what is known of them; or none at all."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from servicekit.errors import ServiceError, Violation, invalid_argument
from servicekit.json_values import FREE_TYPES, STRUCT_DEPTH


class Unreadable:
    """A request as it came; without bytes where it did not come, for then all its fields would have their defaults."""

    def __init__(self, request_class: type[Message], sent: bytes) -> None:
        self._request_class = request_class
        self.sent = sent

    def refusal(self) -> ServiceError:
        """INVALID_REQUEST, with the fields that are at fault where that can be known."""
        expected = self._request_class.DESCRIPTOR.full_name
        if not self.sent:
            return invalid_argument("INVALID_REQUEST", f"The call ended before its {expected} was there.")
        violations = []
        for field, content in self._fields():
            try:
                self._request_class.FromString(_tagged(field, content))
            except DecodeError:
                violations.append(Violation(field.name, _fault(field)))
        if violations:
            first = violations[0]
            return invalid_argument("INVALID_REQUEST", f"{first.field} {first.description}.", violations)
        return invalid_argument("INVALID_REQUEST", f"The bytes that were sent are no {expected}.")

    def texts(self) -> Message:
        """A request of the texts alone that can be read."""
        found: Any = self._request_class()
        for field, content in self._fields():
            if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
                setattr(found, field.name, content.decode(errors="replace"))
        message: Message = found
        return message

    def _fields(self) -> Iterator[tuple[Any, bytes]]:
        """Its fields whose content has a length, without a look into them."""
        try:
            outer = Empty.FromString(self.sent)
        except DecodeError:
            return
        unknown: Any = UnknownFieldSet(outer)
        for each in unknown:
            field = self._request_class.DESCRIPTOR.fields_by_number.get(each.field_number)
            if field is not None and isinstance(each.data, bytes):
                yield field, each.data


def _fault(field: FieldDescriptor) -> str:
    if field.message_type is None:
        return "is no text of valid Unicode"
    kind = field.message_type.full_name
    if kind not in FREE_TYPES:
        return f"is no {kind}, or a document in it has more levels than the {STRUCT_DEPTH} that it may have"
    return (
        f"is no {kind}, or has more than the {STRUCT_DEPTH} levels that one carries over gRPC; "
        f"{field.name}_json takes more, where there is one"
    )


def _tagged(field: FieldDescriptor, content: bytes) -> bytes:
    """The field as it stands in a message."""
    return _varint(field.number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
