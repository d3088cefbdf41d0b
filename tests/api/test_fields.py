"""What every field keeps to: forms that survive JSON, bounds on what callers send, names in one style."""

import re

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.api import descriptors
from tests.assertions import every

INT64 = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}
# Fields that are 64 bits wide although JSON makes strings of them, each with its reason.
WIDE: dict[str, str] = {}
# Strings in requests without a bound of their own, each with its reason.
UNBOUNDED: dict[str, str] = {
    "qmcp.access.v1.Role.permissions": "64 characters, checked by the service: the rule says of what forms it is",
    **{
        f"qmcp.access.v1.Denial.{name}": "in a request only services send it, and what they take into it is bounded"
        for name in ("service", "method", "reason", "permission", "principal", "correlation_id", "request_id")
    },
}
FREE_TYPES = {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"}
SNAKE = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
# A pattern bounds a string when it says how many characters there may be.
COUNTED_PATTERN = re.compile(r"^\^.*\{\d*,?\d+\}\$$")
TIMES = re.compile(r"(_at|_after|_before|_until|^at)$")
DURATIONS = re.compile(r"(^|_)(timeout|duration|delay|interval|age)(_|$)")
UNITS = re.compile(r"_(seconds|ms)(_p\d\d)?$")

MESSAGES = {message.full_name: message for message in descriptors.messages()}
SENT = {m.full_name: m for method in descriptors.methods() for m in descriptors.reachable(method.input_type)}

WITH_FIELDS = {name: message for name, message in MESSAGES.items() if message.fields}
SENT_WITH_LISTS = {name: m for name, m in SENT.items() if any(field.is_repeated for field in m.fields)}


@every(MESSAGES)
def test_numbers_fit_into_jsons_numbers(message: Descriptor) -> None:
    wide = [field.full_name for field in _fields(message) if field.type in INT64 and field.full_name not in WIDE]
    assert not wide, "over HTTP these become strings: make them int32 or uint32, or say in WIDE why not"


@every(SENT)
def test_documents_that_callers_send_have_64_levels_or_say_how_many(message: Descriptor) -> None:
    deep = {descriptors.text_of(field) for field in message.fields}
    comments = {
        element.name: element.comment
        for file in descriptors.file_protos()
        if file.name == message.file.name
        for element in descriptors.elements(file)
    }
    silent = [
        field.full_name
        for field in message.fields
        if field.message_type is not None and field.message_type.full_name in FREE_TYPES
        if field.name not in deep and "30 levels" not in " ".join(comments[field.full_name].split())
    ]
    assert not silent, "add a text field with `json_of`, or say in the comment that it has at most 30 levels"


@every(SENT)
def test_strings_that_callers_send_are_bounded(message: Descriptor) -> None:
    unbounded = [
        field.full_name
        for field in message.fields
        if field.full_name not in UNBOUNDED
        for kind, rules in _string_rules(field)
        if not _bounded(rules) and kind
    ]
    assert not unbounded


@every(SENT_WITH_LISTS)
def test_lists_and_maps_that_callers_send_are_bounded(message: Descriptor) -> None:
    for field in message.fields:
        rules = descriptors.rules(field)
        if _is_map(field):
            assert rules.map.HasField("max_pairs"), field.full_name
        elif field.is_repeated:
            assert rules.repeated.HasField("max_items"), field.full_name


@every(WITH_FIELDS)
def test_fields_have_names_in_one_style(message: Descriptor) -> None:
    for field in message.fields:
        assert SNAKE.fullmatch(field.name), field.full_name
        timed = field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp"
        assert timed == bool(TIMES.search(field.name)), (
            f"{field.full_name}: times end in _at, _after, _before or _until"
        )
        if DURATIONS.search(field.name):
            assert UNITS.search(field.name), f"{field.full_name}: say the unit in the name"


@every(MESSAGES)
def test_no_message_has_an_enum_for_its_state(message: Descriptor) -> None:
    enums = [field.full_name for field in message.fields if field.enum_type is not None]
    assert not enums, "states are lower-case strings with an `in` rule: docs/decisions/0003"


def _fields(message: Descriptor) -> list[FieldDescriptor]:
    of_maps = [inner for field in message.fields if _is_map(field) for inner in field.message_type.fields]
    return [*message.fields, *of_maps]


def _string_rules(field: FieldDescriptor) -> list[tuple[str, object]]:
    rules = descriptors.rules(field)
    if _is_map(field):
        parts = [("keys", rules.map.keys), ("values", rules.map.values)]
        inner = field.message_type.fields
        return [
            (kind, each.string)
            for (kind, each), part in zip(parts, inner, strict=True)
            if part.type == FieldDescriptor.TYPE_STRING
        ]
    if field.type != FieldDescriptor.TYPE_STRING:
        return []
    return [("items", rules.repeated.items.string)] if field.is_repeated else [("itself", rules.string)]


def _bounded(rules: object) -> bool:
    counted = COUNTED_PATTERN.match(getattr(rules, "pattern"))  # noqa: B009 - the class is not known to the checker
    of = getattr(rules, "HasField")  # noqa: B009
    return bool(of("max_len") or of("max_bytes") or of("len") or of("const") or getattr(rules, "in") or counted)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
