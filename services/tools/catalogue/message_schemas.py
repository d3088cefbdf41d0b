"""The JSON Schema of a protobuf message, as its JSON mapping reads it."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

# The JSON forms of well-known types differ from their fields.
WELL_KNOWN: dict[str, Any] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {"type": "object"},
    "google.protobuf.Empty": {"type": "object"},
    **{
        f"google.protobuf.{name}Value": {"type": kind}
        for name, kind in {
            "Bool": "boolean",
            "String": "string",
            "Bytes": "string",
            "Float": "number",
            "Double": "number",
            "Int32": "integer",
            "UInt32": "integer",
        }.items()
    },
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


def schema_of(message: Descriptor) -> Any:
    """An object schema; message types that occur in it stand in `$defs`, so recursive ones end."""
    definitions: dict[str, Any] = {}
    schema = _object(message, definitions)
    if definitions:
        schema["$defs"] = definitions
    return schema


def _object(message: Descriptor, definitions: dict[str, Any]) -> dict[str, Any]:
    properties = {field.name: _field(field, definitions) for field in message.fields}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _field(field: FieldDescriptor, definitions: dict[str, Any]) -> Any:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": _one(entry.fields_by_name["value"], definitions)}
    one = _one(field, definitions)
    return {"type": "array", "items": one} if field.is_repeated else one


def _one(field: FieldDescriptor, definitions: dict[str, Any]) -> Any:
    if field.enum_type is not None:
        return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    message = field.message_type
    if message is None:
        return SCALARS[field.cpp_type]
    if message.full_name in WELL_KNOWN:
        return WELL_KNOWN[message.full_name]
    if message.full_name not in definitions:
        # Named before it is filled: a recursive type meets its own name.
        definitions[message.full_name] = {}
        definitions[message.full_name].update(_object(message, definitions))
    return {"$ref": f"#/$defs/{message.full_name}"}
