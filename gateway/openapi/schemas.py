"""Messages as JSON Schema: names, comments and the buf.validate rules, in the form that the transcoder speaks."""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.openapi.contract import Contract, constraints, is_for_grpc_alone, null_where_empty, takes_scalars

Schema = dict[str, Any]

# The forms that JSON has for these, by protobuf's own mapping.
WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00Z"]},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$", "examples": ["1.5s"]},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {"description": "Any JSON value."},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Empty": {"type": "object", "additionalProperties": False},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
}
F = FieldDescriptor
SCALARS: dict[int, Schema] = {
    F.TYPE_STRING: {"type": "string"},
    F.TYPE_BOOL: {"type": "boolean"},
    F.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    F.TYPE_DOUBLE: {"type": "number", "format": "double"},
    F.TYPE_FLOAT: {"type": "number", "format": "float"},
    **{kind: {"type": "integer", "format": "int32"} for kind in (F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32)},
    **{kind: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1} for kind in (F.TYPE_UINT32, F.TYPE_FIXED32)},
    # JSON's numbers end at 2^53, so 64 bits travel as digits.
    **{kind: {"type": "string", "pattern": "^-?[0-9]+$"} for kind in (F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64)},
    **{kind: {"type": "string", "pattern": "^[0-9]+$"} for kind in (F.TYPE_UINT64, F.TYPE_FIXED64)},
}
# What a rule of a buf.validate group is called in JSON Schema.
STRING_RULES = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "const": "const"}
NUMBER_RULES = {
    "gte": "minimum",
    "gt": "exclusiveMinimum",
    "lte": "maximum",
    "lt": "exclusiveMaximum",
    "const": "const",
}
REPEATED_RULES = {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}
MAP_RULES = {"min_pairs": "minProperties", "max_pairs": "maxProperties"}
NUMBERS = (
    *("float", "double", "int32", "int64", "uint32", "uint64"),
    *("sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64"),
)


class Schemas:
    """Collects a component for each message that is asked for."""

    def __init__(self, contract: Contract, place: str = "#/components/schemas/") -> None:
        """`place`: where whoever refers to a component finds it."""
        self._contract = contract
        self._place = place
        self.components: dict[str, Schema] = {}

    def message(self, descriptor: Descriptor) -> Schema:
        """A reference to a message, or the form that JSON has for it."""
        if descriptor.full_name in WELL_KNOWN:
            return dict(WELL_KNOWN[descriptor.full_name])
        name = component_name(descriptor)
        if name not in self.components:
            # Before its fields are looked at, for a message may hold itself.
            self.components[name] = {}
            self.components[name] = self.object(descriptor, lambda _: True)
        return {"$ref": f"{self._place}{name}"}

    def object(self, descriptor: Descriptor, wanted: Callable[[FieldDescriptor], bool]) -> Schema:
        """An object with the wanted fields of a message."""
        fields = [field for field in descriptor.fields if wanted(field) and not is_for_grpc_alone(field)]
        schema: Schema = {"type": "object", "properties": {field.name: self.field(field) for field in fields}}
        required = [field.name for field in fields if is_required(field)]
        if required:
            schema["required"] = required
        if comment := self._contract.comment(descriptor.full_name):
            schema["description"] = comment
        return schema

    def field(self, field: FieldDescriptor) -> Schema:
        """A field with its comment and its rules."""
        schema = _nullable(self._shape(field)) if null_where_empty(field) else self._shape(field)
        if comment := self._contract.comment(field.full_name):
            # Beside a $ref it says what the field is; the component says what its type is.
            schema["description"] = comment
        return schema

    def _shape(self, field: FieldDescriptor) -> Schema:
        given = constraints(field)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            values = self._single(value, given.map.values)
            if takes_scalars(field):
                values["type"] = ["string", "number", "boolean"]
            schema: Schema = {"type": "object", "additionalProperties": values}
            if names := _constrained(given.map.keys, key):
                schema["propertyNames"] = names
            return schema | _translated(given.map, MAP_RULES)
        if field.is_repeated:
            return {"type": "array", "items": self._single(field, given.repeated.items)} | _translated(
                given.repeated, REPEATED_RULES
            )
        return self._single(field, given)

    def _single(self, field: FieldDescriptor, given: Any) -> Schema:
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
        return SCALARS[field.type] | _constrained(given, field)


def _nullable(schema: Schema) -> Schema:
    """No field with choices is among these, so nothing else has to name null."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}


def component_name(descriptor: Descriptor) -> str:
    """`Tool` of `qmcp.tools.v1.Tool`, and `Status` of `google.rpc.Status`: no two of ours share a last name."""
    name = descriptor.name
    outer = descriptor.containing_type
    while outer is not None:
        name, outer = f"{outer.name}.{name}", outer.containing_type
    return str(name)


def is_required(field: FieldDescriptor) -> bool:
    """Whether a request without this field breaks its rules."""
    given = constraints(field)
    return bool(given.required or given.string.min_len or given.repeated.min_items)


def _constrained(given: Any, field: FieldDescriptor) -> Schema:
    if field.type == F.TYPE_STRING:
        schema = _translated(given.string, STRING_RULES)
        choices = list(getattr(given.string, "in"))
        return schema | ({"enum": choices} if choices else {})
    for group in NUMBERS:
        if given.HasField(group):
            return _translated(getattr(given, group), NUMBER_RULES)
    return {}


def _translated(group: Any, names: dict[str, str]) -> Schema:
    return {names[rule.name]: value for rule, value in group.ListFields() if rule.name in names}
