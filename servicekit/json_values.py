"""JSON documents in messages: Struct and Value to Python and back, by hand: json_format takes three times as long."""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from servicekit.errors import invalid_field

# Beyond it a double no longer holds every integer, and JSON's numbers are doubles.
EXACT = 2**53
# Objects and lists within each other.
MAX_DEPTH = 64
# Those of a Struct that everybody can read. Protobuf parsers go 100 messages deep and a level of a Struct takes three:
# beyond this there would be answers, and lists that hold them, that no client can read.
STRUCT_DEPTH = 30
# Objects, lists, texts, numbers, nulls of a request: each costs some microseconds, whatever its bytes.
MAX_VALUES = 50_000
# Where its contract allows it others. Looked up by name: servicekit imports no generated code.
MAX_VALUES_OPTION = "qmcp.options.v1.max_values"
FREE_TYPES = {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"}
# 15 digits and a point: as many as every double tells apart.
ALWAYS_EXACT_LENGTH = 16


def document(struct: Struct, field: str, levels: int = STRUCT_DEPTH) -> dict[str, Any]:
    """A Struct as a dictionary. Whole numbers become integers: that is what schemas and functions expect.

    Raises:
        ServiceError: INVALID_REQUEST for NaN and infinities, which are no JSON, and for what is nested too deeply.
    """
    try:
        return _document(struct, field, levels)
    except _TooDeepError:
        raise _nested_too_deeply(field, levels) from None


def plain(value: Value, field: str, levels: int = STRUCT_DEPTH) -> Any:
    """A Value as Python has it; raises as `document`."""
    try:
        return _plain(value, field, levels)
    except _TooDeepError:
        raise _nested_too_deeply(field, levels) from None


class _TooDeepError(Exception):
    """There are more levels than asked for."""


def _document(struct: Struct, field: str, levels: int) -> dict[str, Any]:
    if levels == 0:
        raise _TooDeepError
    return {key: _plain(value, field, levels - 1) for key, value in struct.fields.items()}


def _plain(value: Value, field: str, levels: int) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "number_value":
        number = value.number_value
        if not math.isfinite(number):
            raise invalid_field(field, "must be JSON, which has no NaN and no infinities")
        return int(number) if number.is_integer() and abs(number) < EXACT else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return _document(value.struct_value, field, levels)
    if kind == "list_value":
        if levels == 0:
            raise _TooDeepError
        return [_plain(item, field, levels - 1) for item in value.list_value.values]
    return None


def _nested_too_deeply(field: str, levels: int) -> Exception:
    return invalid_field(field, f"is nested deeper than {levels} levels")


def long_integers_as_strings(document: Any) -> Any:
    """The document with integers beyond 2^53 as protobuf has them in JSON: as strings, which no double alters."""
    kind = type(document)
    if kind is dict:
        return {key: long_integers_as_strings(item) for key, item in document.items()}
    if kind is list:
        return [long_integers_as_strings(item) for item in document]
    return str(document) if kind is int and abs(document) >= EXACT else document


def exact_fraction(text: str) -> float | str:
    """A number with a fraction or an exponent as JSON's numbers carry it; where none of them is it, its text.

    Programs write a double with as few digits as tell it from others, with 17, or with all of its digits: each is it.
    """
    number = float(text)
    if not math.isfinite(number):
        return text
    if len(text) <= ALWAYS_EXACT_LENGTH and abs(number) >= sys.float_info.min:
        return number
    meant = Decimal(text)
    is_exact = meant == Decimal(repr(number)) or meant == Decimal(f"{number:.17g}") or meant == Decimal(number)
    return number if is_exact else text


def is_deeper(document: Any, levels: int) -> bool:
    """Whether there are more than so many objects and lists within each other."""
    waiting = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > levels:
                return True
            waiting.extend((item, depth + 1) for item in (value.values() if isinstance(value, dict) else value))
    return False


def fill_struct(struct: Struct, values: Mapping[str, Any]) -> None:
    """Writes a dictionary into an empty Struct."""
    fields = struct.fields
    for key, value in values.items():
        fill_value(fields[key], value)
    if not values:
        # An empty object is not an absent one.
        struct.SetInParent()


def fill_value(target: Value, value: Any) -> None:
    """Writes a JSON value into an empty Value."""
    if isinstance(value, str):
        target.string_value = value
    elif value is None:
        target.null_value = NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, Mapping):
        fill_struct(target.struct_value, value)
        target.struct_value.SetInParent()
    else:
        items: ListValue = target.list_value
        items.SetInParent()
        for item in value:
            fill_value(items.values.add(), item)


@cache
def max_values(request: Descriptor) -> int:
    """How many values a request may hold."""
    try:
        option: Any = descriptor_pool.Default().FindExtensionByName(MAX_VALUES_OPTION)
    except KeyError:
        return MAX_VALUES
    return request.GetOptions().Extensions[option] or MAX_VALUES


def require_few(message: Message) -> None:
    """Refuses a request whose documents hold more values than one may; counted no further than that.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    count, most = 0, max_values(message.DESCRIPTOR)
    waiting = [message]
    while waiting:
        one: Any = waiting.pop()
        items: Iterable[Any] = ()
        if one.DESCRIPTOR.full_name == "google.protobuf.Value":
            kind = one.WhichOneof("kind")
            items = [getattr(one, kind)] if kind in {"struct_value", "list_value"} else ()
        elif one.DESCRIPTOR.full_name == "google.protobuf.Struct":
            count += len(one.fields)
            items = one.fields.values() if count <= most else ()
        elif one.DESCRIPTOR.full_name == "google.protobuf.ListValue":
            count += len(one.values)
            items = one.values if count <= most else ()
        else:
            items = _messages_in(one)
        if count > most:
            raise invalid_field("The request", f"holds more than {most:,} values")
        waiting.extend(items)


def _messages_in(message: Message) -> Iterator[Message]:
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        yield from value if field.is_repeated else (value,)
