"""Arguments in the form of a protobuf message: one name and one type for each, however the caller wrote them.

JSON's mapping takes `amountCents`, `"5000000"` and `5e6` for the same number. What looks at arguments before a call
(schema, policy, people) has to see what the call will say.
"""

from collections.abc import Callable, Mapping

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import EncodeError, Message

from services.tools.catalogue.message_schemas import WELL_KNOWN, WHOLE, is_whole
from services.tools.catalogue.message_sizes import MAX_FIELDS, fields_within
from services.tools.models import Json

LARGE = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
FRACTIONAL = {FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE}
# json_format says by all of these that a document is no such message.
UNFIT = (json_format.Error, EncodeError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
URL_SAFE = str.maketrans("-_", "+/")
VALUE = "google.protobuf.Value"
WRAPPED = {f"google.protobuf.{name}Value" for name in ("Int64", "UInt64", "Float", "Double", "Bytes")}
WRAPPERS = {f"google.protobuf.{name}Value" for name in ("Int64", "UInt64", "Float", "Double")}

Reader = Callable[[Mapping[str, Json]], dict[str, Json]]


class ArgumentsError(ValueError):
    """Arguments that the message cannot have; says why."""


def reader(message: Descriptor) -> Reader:
    """A function that gives arguments the names and types of a message; whole numbers are exact, however large.

    It raises ArgumentsError.
    """

    def read(arguments: Mapping[str, Json]) -> dict[str, Json]:
        try:
            parsed = message_of(message, arguments)
            _require_bearable(parsed)
            shown = _shown(message, parsed)
            # Where proto2 requires a field, a message without it cannot be sent.
            parsed.SerializeToString()
        except ArgumentsError:
            raise
        except UNFIT as error:
            raise ArgumentsError(f"do not fit {message.full_name}: {error}") from None
        if is_whole(message):
            return {WHOLE: _whole(message, arguments[WHOLE], shown)} if WHOLE in arguments else {}
        return shown if message.full_name in WELL_KNOWN else _given(message, arguments, shown)

    return read


def _require_bearable(parsed: Message) -> None:
    if fields_within(parsed, MAX_FIELDS) > MAX_FIELDS:
        raise ArgumentsError(f"are more than {MAX_FIELDS:,} fields of {parsed.DESCRIPTOR.full_name}, written out")


def message_of(message: Descriptor, arguments: Mapping[str, Json]) -> Message:
    """The message that arguments are; of such as have been read before, nothing is raised.

    Raises:
        ArgumentsError: and others of UNFIT, where the message cannot be that.
    """
    made: Message = message_factory.GetMessageClass(message)()
    document: Json = dict(arguments)
    if is_whole(message):
        if unknown := arguments.keys() - {WHOLE}:
            raise ArgumentsError(f"do not fit {message.full_name}: it is {WHOLE!r} alone, and has no {min(unknown)!r}")
        if WHOLE not in arguments:
            return made
        document = arguments[WHOLE]
    # What an Any holds is looked for among the server's own types.
    return json_format.ParseDict(document, made, descriptor_pool=message.file.pool)


def completion(message: Descriptor) -> Reader:
    """A function that adds what the message says where a field is left out: zero, nothing, false."""

    def complete(arguments: Mapping[str, Json]) -> dict[str, Json]:
        # What was read once can be read again.
        shown = _shown(message, message_of(message, arguments))
        if is_whole(message):
            return {WHOLE: shown}
        return shown if message.full_name in WELL_KNOWN else _complete(message, shown)

    return complete


def _shown(message: Descriptor, parsed: Message) -> Json:
    return json_format.MessageToDict(
        parsed,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        descriptor_pool=message.file.pool,
    )


def _whole(message: Descriptor, value: Json, shown: Json) -> Json:
    """A message that is no object in JSON."""
    if message.full_name in WRAPPED:
        return _one(message.fields_by_name["value"], value, shown)
    return shown


def _complete(message: Descriptor, shown: Mapping[str, Json]) -> dict[str, Json]:
    """A message as it is shown, its large numbers exact."""
    return {name: _exact(message.fields_by_name[name], value) for name, value in shown.items()}


def _exact(field: FieldDescriptor, shown: Json) -> Json:
    if isinstance(shown, list) and field.is_repeated:
        return [_exact_one(field, each) for each in shown]
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return {key: _exact_one(entry.fields_by_name["value"], each) for key, each in shown.items()}
    return _exact_one(field, shown)


def _exact_one(field: FieldDescriptor, shown: Json) -> Json:
    message = field.message_type
    if message is None:
        return int(shown) if field.cpp_type in LARGE else shown
    return shown if message.full_name in WELL_KNOWN else _complete(message, shown)


def _given(message: Descriptor, arguments: Mapping[str, Json], shown: Mapping[str, Json]) -> dict[str, Json]:
    """Of a message as it is shown, with all its defaults, what the caller gave."""
    if not isinstance(arguments, Mapping):
        # An empty list passes for an empty message there.
        raise ArgumentsError(f"do not fit {message.full_name}: it is an object")
    fields = {field.json_name: field for field in message.fields} | dict(message.fields_by_name)
    given: dict[str, Json] = {}
    for name, value in arguments.items():
        field = fields.get(name)
        if field is None:
            raise ArgumentsError(f"do not fit {message.full_name}: it has no field {name!r}")
        if field.name in given:
            raise ArgumentsError(f"name {field.name!r} twice")
        is_null = value is None and (field.message_type is None or field.message_type.full_name != VALUE)
        if field.name in shown and not is_null:
            given[field.name] = _typed(field, value, shown[field.name])
    return given


def _typed(field: FieldDescriptor, value: Json, shown: Json) -> Json:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        inner = entry.fields_by_name["value"]
        # Keys have several spellings too, so what is in the map is taken as it is shown.
        return {key: _one(inner, each, each) for key, each in shown.items()}
    if field.is_repeated:
        return [_one(field, one, each) for one, each in zip(value, shown, strict=True)]
    return _one(field, value, shown)


def _one(field: FieldDescriptor, value: Json, shown: Json) -> Json:
    message = field.message_type
    if message is None or message.full_name in WRAPPERS:
        kind = field.cpp_type if message is None else message.fields_by_name["value"].cpp_type
        if kind in LARGE:
            return int(shown)
        if kind in FRACTIONAL and isinstance(shown, str):
            raise ArgumentsError(f"have {shown} for {field.name!r}, which is no JSON number")
        if field.type == FieldDescriptor.TYPE_BYTES and _base64(value) != _base64(shown):
            # json_format leaves out what is no base64, and sends the rest.
            raise ArgumentsError(f"have for {field.name!r} what is no base64")
        return shown
    if message.full_name in WELL_KNOWN:
        return shown
    return _given(message, value, shown)


def _base64(text: str) -> str:
    """Base64 in one of its spellings: with or without padding, for URLs or not."""
    return text.translate(URL_SAFE).rstrip("=")
