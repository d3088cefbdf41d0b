"""Takes a JSON object of the usual form into its message in one walk; of any other it says only that it is none.

What is usual: fields by their names in proto, values of their very types, numbers that JSON carries exactly, no null.
That is nearly all there is. The rest is read by those that judge (reading.py), which look at everything three times.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from math import isfinite
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from servicekit.http_json.members import is_map
from servicekit.http_json.scalars import is_of_text, text_of
from servicekit.http_json.taking import INTEGERS
from servicekit.json_values import EXACT, fill_struct

# Messages, and objects and lists of a document, within each other; what is deeper is not usual.
MAX_DEPTH = 8
F = FieldDescriptor
TYPES = {F.TYPE_STRING: str, F.TYPE_BOOL: bool, F.TYPE_DOUBLE: float, **dict.fromkeys(INTEGERS, int)}
# Puts a value into what a message has of a field, that many levels above the last.
Put: TypeAlias = Callable[[Any, Any, int], None]


class UnusualError(Exception):
    """It is read by those that judge."""


def take_usual(given: Mapping[str, Any], message: Message) -> bool:
    """Whether an object is of the usual form; then an empty message has it, and else something of no use."""
    try:
        _put(message, given, MAX_DEPTH)
    except (UnusualError, ValueError, TypeError, OverflowError):
        return False
    return True


def _put(message: Any, given: Mapping[str, Any], depth: int) -> None:
    forms = _forms(message.DESCRIPTOR)
    for name, value in given.items():
        one, put = forms.get(name, (None, None))
        kind = type(value)
        if one is kind or (one is float and kind is int):
            if kind is not str and not _is_exact(value):
                raise UnusualError
            setattr(message, name, value)
        elif put is not None and depth:
            put(getattr(message, name), value, depth - 1)
        else:
            raise UnusualError


def _is_exact(value: Any) -> bool:
    """Whether a value is no number, or one that JSON carries exactly."""
    kind = type(value)
    return isfinite(value) if kind is float else kind is not int or -EXACT <= value <= EXACT


def _put_message(target: Any, value: Any, depth: int) -> None:
    _require(type(value) is dict)
    # An empty object is not an absent one.
    target.SetInParent()
    _put(target, value, depth)


def _put_messages(target: Any, value: Any, depth: int) -> None:
    _require(type(value) is list)
    for each in value:
        _require(type(each) is dict)
        _put(target.add(), each, depth)


def _put_values(one: type, target: Any, value: Any, _depth: int) -> None:
    _require(type(value) is list and all(type(each) is one and _is_exact(each) for each in value))
    target.extend(value)


def _put_texts(target: Any, value: Any, _depth: int) -> None:
    _require(type(value) is dict and all(type(each) is str for each in value.values()))
    for name, each in value.items():
        target[name] = each


def _put_scalars(target: Any, value: Any, _depth: int) -> None:
    """The same where numbers, true and false may be texts, too."""
    _require(type(value) is dict)
    for name, each in value.items():
        if type(each) is str:
            target[name] = each
        else:
            _require(type(each) in {int, float, bool} and _is_exact(each))
            target[name] = text_of(each)


def _put_struct(target: Any, value: Any, depth: int) -> None:
    _require(type(value) is dict and _is_plain(value, depth))
    fill_struct(target, value)


def _put_time(target: Any, value: Any, _depth: int) -> None:
    _require(type(value) is str)
    target.FromJsonString(value)


def _is_plain(value: Any, depth: int) -> bool:
    if type(value) is dict:
        value = list(value.values())
    if type(value) is list:
        return depth > 0 and all(_is_plain(each, depth - 1) for each in value)
    return _is_exact(value)


def _require(usual: bool) -> None:
    if not usual:
        raise UnusualError


@cache
def _forms(descriptor: Descriptor) -> Mapping[str, tuple[type | None, Put | None]]:
    """By the names of fields the type of their values, or what puts those in that are of none."""
    return {field.name: _form(field) for field in descriptor.fields}


def _form(field: FieldDescriptor) -> tuple[type | None, Put | None]:
    group, inner = field.containing_oneof, field.message_type
    if group is not None and len(group.fields) > 1:
        # Which of several was given is judged.
        return None, None
    if inner is not None:
        return None, _put_map(field) if is_map(inner) else _put_inner(inner, is_list=field.is_repeated)
    one = TYPES.get(field.type)
    if field.is_repeated:
        return None, None if one is None else partial(_put_values, one)
    return one, None


def _put_map(field: Any) -> Put | None:
    if any(field.message_type.fields_by_name[each].type != F.TYPE_STRING for each in ("key", "value")):
        return None
    return _put_scalars if is_of_text(field) else _put_texts


def _put_inner(inner: Any, *, is_list: bool) -> Put | None:
    if not inner.full_name.startswith("google."):
        return _put_messages if is_list else _put_message
    known = {"google.protobuf.Struct": _put_struct, "google.protobuf.Timestamp": _put_time}
    return None if is_list else known.get(inner.full_name)
