"""A JSON body into its message: taken as it is, or refused with the name of the field that is wrong."""

import difflib
import json
import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from servicekit import json_values
from servicekit.errors import ServiceError, Violation, invalid_argument, invalid_field
from servicekit.http_json.counting import holds_more
from servicekit.http_json.members import FREE, SCALAR, Member, Place, is_map, members, place_of
from servicekit.http_json.scalars import take_as_text
from servicekit.http_json.taking import take
from servicekit.http_json.usual import take_usual
from servicekit.json_values import EXACT, MAX_VALUES, max_values

# Objects and lists within each other, the body's own counted: as many as a document may have, and those around it.
MAX_DEPTH = 4 + json_values.MAX_DEPTH
NO_UNICODE = "no valid Unicode: it holds half of a surrogate pair"
# Of a name that is no field's, in what is told of it.
MAX_NAME_LENGTH = 100
# Of faults; the first ones tell what is wrong.
MAX_VIOLATIONS = 20

# What JSON has for a type, in words.
F = FieldDescriptor
SCALARS = {
    F.TYPE_STRING: "a string of valid Unicode",
    F.TYPE_BOOL: "true or false",
    F.TYPE_BYTES: "a string in base64",
    **dict.fromkeys((F.TYPE_DOUBLE, F.TYPE_FLOAT), "a number"),
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32, F.TYPE_INT64, F.TYPE_SINT64), "an integer"),
    **dict.fromkeys((F.TYPE_SFIXED64, F.TYPE_UINT32, F.TYPE_FIXED32, F.TYPE_UINT64, F.TYPE_FIXED64), "an integer"),
    F.TYPE_ENUM: "one of its names",
}
NAMED = {
    "google.protobuf.Timestamp": "a time as 2026-01-31T12:00:00Z",
    "google.protobuf.Duration": "a duration as 1.5s",
    "google.protobuf.Value": "a JSON value of valid Unicode",
    "google.protobuf.ListValue": "a list",
}
Path = tuple[Any, ...]


def read(body: bytes, bound: Message, field: str) -> Message:
    """The request: a body, and what path and query said.

    Args:
        body: UTF-8; nothing at all means `{}`.
        bound: the request with the fields of path and query.
        field: the one of the request that the body is; `*`: the body is the request.

    Raises:
        ServiceError: INVALID_REQUEST, with the field where one is at fault.
    """
    most = max_values(bound.DESCRIPTOR)
    document = _parsed(body, most)
    if not isinstance(document, dict):
        raise _refusal([Violation("", "must be a JSON object")])
    whole = field == "*"
    given = type(bound)()
    target = given if whole else getattr(given, field)
    # Of the usual form, and with fewer values than there may be for certain.
    is_usual = sum(map(body.count, (b",", b"[", b"{"))) <= most and take_usual(document, target)
    if not is_usual:
        given = type(bound)()
        target = given if whole else getattr(given, field)
        _take_judged(document, target, most)
    if not whole:
        # An empty object is not an absent one.
        target.SetInParent()
    if violations := list(_contradictions(bound, given)):
        raise _refusal(violations)
    # This way around: protobuf merges by way of bytes, which may go 100 messages deep.
    given.MergeFrom(bound)
    return given


def _take_judged(document: dict[str, Any], target: Message, most: int) -> None:
    """Puts a document into an empty message, or says what is wrong with it."""
    place: Any = target.DESCRIPTOR
    if violations := list(islice(_faults(document, place, most), MAX_VIOLATIONS)):
        raise _refusal(violations)
    take_as_text(document, place)
    if not _taken(document, target):
        misfits = list(islice(_misfits(document, type(target)), MAX_VIOLATIONS))
        raise _refusal(misfits or [Violation("", "is no such request")])


def value_of(text: str, field: str, *, is_object: bool) -> Any:
    """What came as JSON text in a field, as strictly as a body.

    Raises:
        ServiceError: INVALID_REQUEST.
    """
    try:
        found = _parsed(text.encode(), MAX_VALUES)
    except ServiceError as error:
        raise invalid_field(field, error.message.removeprefix("The body ").removesuffix(".")) from None
    if is_object and not isinstance(found, dict):
        raise invalid_field(field, "must be a JSON object")
    if violations := list(islice(_faults(found, FREE, MAX_VALUES), MAX_VIOLATIONS)):
        raise _refusal([Violation(f"{field}.{each.field}".rstrip("."), each.description) for each in violations])
    return found


def _parsed(body: bytes, most: int) -> Any:
    try:
        # Some programs write a byte order mark first.
        text = body.decode("utf-8-sig")
        if holds_more(text, most):
            _refuse(_too_many(most))
        return json.loads(text, object_pairs_hook=_object, parse_constant=_not_a_number) if text.strip() else {}
    except UnicodeDecodeError as error:
        _refuse(f"is not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        _refuse(f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}")
    except RecursionError:
        _refuse(f"is nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        # Python reads no integers of more than 4,300 digits.
        _refuse("holds an integer of thousands of digits; send it as a string")


def _too_many(most: int) -> str:
    return f"holds more than {most:,} values"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        repeated = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _refusal([Violation(_written(((), repeated)), "stands more than once in the same object")])
    return found


def _not_a_number(name: str) -> NoReturn:
    _refuse(f"is not JSON: there is no number {name}")


def _faults(document: Any, place: Place, most: int) -> Iterator[Violation]:
    """What is wrong with a document, in its order; so many values may be in it."""
    count = 0
    waiting: list[tuple[Any, Place, Path, int]] = [(document, place, (), 1)]
    while waiting:
        value, place, path, depth = waiting.pop()
        count += len(value) if isinstance(value, dict | list) else 0
        if count > most:
            yield Violation("", _too_many(most))
            return
        if isinstance(value, dict):
            inside: list[tuple[Any, Place, Path, int]] = []
            if isinstance(place, Descriptor) and not is_map(place):
                yield from _faults_of_members(value, place, path, depth + 1, inside)
            else:
                yield from _faults_of_names(value, place, path, depth + 1, inside)
            waiting.extend(reversed(inside))
        elif isinstance(value, list):
            waiting.extend((item, place, (path, at), depth + 1) for at, item in reversed([*enumerate(value)]))
        elif place is FREE and (fault := _unsound(value)):
            yield Violation(_written(path), fault)
            continue
        else:
            continue
        if depth > MAX_DEPTH:
            yield Violation(_written(path), f"is nested deeper than {MAX_DEPTH} levels")
            return


def _has_more(value: Any, place: Place) -> bool:
    """Whether anything is still to be looked at."""
    return place is not SCALAR or isinstance(value, dict | list)


def _faults_of_members(
    given: dict[str, Any], descriptor: Descriptor, path: Path, depth: int, inside: list[tuple[Any, Place, Path, int]]
) -> Iterator[Violation]:
    """What is wrong with the members of a message; what is still to be looked at in them goes to `inside`."""
    known = members(descriptor)
    first: dict[str, str] = {}
    for name, value in given.items():
        member = known.get(name)
        if member is None:
            continue
        # By both of its names json_format would take the last. A null is no choice of one of several.
        group = member.oneof if member.oneof is not None and value is not None else member.field.name
        other = first.setdefault(group, name)
        if other != name:
            yield Violation(_written((path, name)), f"cannot stand beside {other}")
    for name, value in given.items():
        member = known.get(name)
        if member is None:
            yield Violation(_written((path, name)), _unknown(descriptor, name))
        elif value is not None and member.is_message and not _is_shaped(member, value):
            yield Violation(_written((path, name)), f"must be {_expected(member.field)}")
        elif _has_more(value, member.place):
            inside.append((value, member.place, (path, name), depth))


def _faults_of_names(
    given: dict[str, Any], place: Place, path: Path, depth: int, inside: list[tuple[Any, Place, Path, int]]
) -> Iterator[Violation]:
    """The same of a map, or of free JSON."""
    below = place_of(place.fields_by_name["value"]) if isinstance(place, Descriptor) else place
    for name, inner in given.items():
        if place is FREE and not _is_unicode(name):
            yield Violation(_written((path, name)), f"has a name that is {NO_UNICODE}")
        elif _has_more(inner, below):
            inside.append((inner, below, (path, name), depth))


def _is_shaped(member: Member, value: Any) -> bool:
    """Whether a value can be a message of ours, or a list of them: json_format takes an empty list or text for one."""
    if not member.is_list:
        return isinstance(value, dict)
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _unsound(value: Any) -> str:
    if isinstance(value, int) and abs(value) > EXACT and not isinstance(value, bool):
        try:
            exact = int(float(value)) == value
        except OverflowError:
            exact = False
        return "" if exact else "is an integer that JSON's numbers cannot carry exactly; send it as a string"
    if isinstance(value, float) and math.isinf(value):
        return "is a number beyond what JSON's numbers can carry"
    return f"is {NO_UNICODE}" if isinstance(value, str) and not _is_unicode(value) else ""


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(place: Descriptor, name: str) -> str:
    near = difflib.get_close_matches(name[:MAX_NAME_LENGTH], place.fields_by_name, n=1)
    return f"is no field of {place.name}" + (f"; {near[0]} is one" if near else "")


def _contradictions(bound: Message, given: Message, before: str = "") -> Iterator[Violation]:
    """Where the path or the query says one thing and the body another."""
    for field, value in bound.ListFields():
        if field.is_repeated or not _is_set(given, field):
            continue
        if field.message_type is not None and not field.message_type.full_name.startswith("google.protobuf."):
            yield from _contradictions(value, getattr(given, field.name), f"{before}{field.name}.")
        elif getattr(given, field.name) != value:
            yield Violation(before + field.name, "says one thing in the address and another in the body")


def _is_set(message: Message, field: FieldDescriptor) -> bool:
    return message.HasField(field.name) if field.has_presence else bool(getattr(message, field.name))


def _taken(document: Any, target: Message) -> bool:
    try:
        # Its own bound on depth is for messages within each other; ours has been checked.
        take(document, target, 10 * MAX_DEPTH)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError):
        return False
    return True


def _misfits(document: dict[str, Any], message_class: type[Message], before: Path = ()) -> Iterator[Violation]:
    """Which fields json_format does not take: it tells neither their paths nor, to people, what is wrong."""
    for name, value in document.items():
        if _taken({name: value}, message_class()):
            continue
        path = (before, name)
        member = members(message_class.DESCRIPTOR)[name]
        field: Any = member.field
        inner: list[Violation] = []
        if member.is_message and not is_map(field.message_type):
            below = message_factory.GetMessageClass(field.message_type)
            items = enumerate(value) if member.is_list else [(None, value)]
            inner = [
                fault
                for at, each in items
                if isinstance(each, dict) and not _taken(each, below())
                for fault in islice(_misfits(each, below, path if at is None else (path, at)), MAX_VIOLATIONS)
            ]
        yield from inner[:MAX_VIOLATIONS] or [Violation(_written(path), f"must be {_expected(field)}")]


def _expected(field: FieldDescriptor) -> str:
    found: Any = field.message_type
    if found is not None and found.GetOptions().map_entry:
        return f"an object whose values are {_expected(found.fields_by_name['value'])}"
    one = NAMED.get(found.full_name, "an object") if found is not None else SCALARS[field.type]
    return f"a list, each item {one}" if field.is_repeated else one


def _written(path: Path) -> str:
    """`tool.tags[0].name` of the innermost pair."""
    steps: list[str] = []
    while path:
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step[:MAX_NAME_LENGTH]}")
    # An error is sent as UTF-8 itself.
    return "".join(reversed(steps)).removeprefix(".").encode(errors="replace").decode()


def _refuse(what: str) -> NoReturn:
    raise _refusal([Violation("", what)])


def _refusal(violations: list[Violation]) -> ServiceError:
    first = violations[0]
    return invalid_argument("INVALID_REQUEST", f"{first.field or 'The body'} {first.description}.", violations)
