"""The JSON Schema of a protobuf message, as its JSON mapping reads it."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

BYTES: Any = {"type": "string", "contentEncoding": "base64"}
NULL = "google.protobuf.NullValue"
# Properties and values of enums: what has more would be refused as a schema all the same.
MAX_FIELDS = 20_000
# Of the sentence about a oneof, characters.
MAX_DESCRIPTION = 500
# The argument that is the whole message, where its JSON form is no object.
WHOLE = "value"
# The JSON forms of well-known types differ from their fields.
WELL_KNOWN: dict[str, Any] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "google.protobuf.Empty": {"type": "object"},
    **{
        f"google.protobuf.{name}Value": {"type": kind}
        for name, kind in {
            "Bool": "boolean",
            "String": "string",
            "Float": "number",
            "Double": "number",
            "Int32": "integer",
            "UInt32": "integer",
        }.items()
    },
    "google.protobuf.BytesValue": BYTES,
    "google.protobuf.Int64Value": {"type": ["integer", "string"]},
    "google.protobuf.UInt64Value": {"type": ["integer", "string"]},
}
SCALARS: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": ["number", "string"]},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": ["number", "string"]},
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0},
    # 64 bits do not fit into JSON's numbers; the mapping writes them as strings and reads both.
    FieldDescriptor.CPPTYPE_INT64: {"type": ["integer", "string"]},
    FieldDescriptor.CPPTYPE_UINT64: {"type": ["integer", "string"]},
}


class SchemaTooLargeError(ValueError):
    """A message with more fields than a schema may have; says so."""


def is_whole(message: Descriptor) -> bool:
    """Whether a message is no object in JSON, so that it is the one argument `value`."""
    return message.full_name in WELL_KNOWN and WELL_KNOWN[message.full_name].get("type") != "object"


def schema_of(message: Descriptor) -> Any:
    """An object schema; message types that occur in it stand in `$defs`, so recursive ones end.

    Raises:
        SchemaTooLargeError: it has too many fields.
    """
    definitions = _Definitions()
    if is_whole(message):
        schema = {
            "type": "object",
            "properties": {WHOLE: WELL_KNOWN[message.full_name]},
            "additionalProperties": False,
        }
    elif message.full_name in WELL_KNOWN and message.fields:
        schema = dict(WELL_KNOWN[message.full_name])
    else:
        schema = definitions.object_of(message)
    if found := definitions.all():
        schema["$defs"] = found
    return schema


class _Definitions:
    """The message types that a schema refers to: one after the other, however deep they lie within each other."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._waiting: list[Descriptor] = []
        self._count = 0

    def all(self) -> dict[str, Any]:
        """Those that were referred to, and all that they refer to."""
        while self._waiting:
            message = self._waiting.pop()
            self._found[message.full_name].update(self.object_of(message))
        return self._found

    def object_of(self, message: Descriptor) -> dict[str, Any]:
        self._add(len(message.fields))
        properties = {field.name: self._field(field) for field in message.fields}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def _add(self, count: int) -> None:
        self._count += count
        if self._count > MAX_FIELDS:
            raise SchemaTooLargeError(f"its schema would have more than {MAX_FIELDS:,} fields.")

    def _field(self, field: FieldDescriptor) -> Any:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._one(entry.fields_by_name["value"])}
        one = self._one(field)
        if field.is_repeated:
            return {"type": "array", "items": one}
        choice = field.containing_oneof
        if choice is not None and len(choice.fields) > 1:
            names = ", ".join(each.name for each in choice.fields)
            return {**one, "description": f"At most one of {names}."[:MAX_DESCRIPTION]}
        return one

    def _one(self, field: FieldDescriptor) -> Any:
        enum = field.enum_type
        if enum is not None and enum.full_name == NULL:
            return {"enum": [None, enum.values[0].name]}
        if enum is not None:
            self._add(len(enum.values))
            return {"type": "string", "enum": [value.name for value in enum.values]}
        message = field.message_type
        if message is None:
            return BYTES if field.type == FieldDescriptor.TYPE_BYTES else SCALARS[field.cpp_type]
        if message.full_name in WELL_KNOWN:
            return WELL_KNOWN[message.full_name]
        if message.full_name not in self._found:
            # Named before it is filled: a recursive type meets its own name.
            self._found[message.full_name] = {}
            self._waiting.append(message)
        return {"$ref": f"#/$defs/{message.full_name}"}
