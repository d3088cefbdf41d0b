"""Makes a service's models: a frozen dataclass of each message that callers see, with the comments of the proto."""

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from buf.validate import validate_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from qmcp.options.v1 import options_pb2

Field = FieldDescriptorProto
HEADER = "# Generated from protos/ by client/generate. `make generate` writes it again.\n"
_SCALARS = {
    Field.TYPE_STRING: ("str", '""'),
    Field.TYPE_BYTES: ("bytes", 'b""'),
    Field.TYPE_BOOL: ("bool", "False"),
    Field.TYPE_DOUBLE: ("float", "0.0"),
    Field.TYPE_FLOAT: ("float", "0.0"),
    **dict.fromkeys((Field.TYPE_INT32, Field.TYPE_INT64, Field.TYPE_UINT32, Field.TYPE_UINT64), ("int", "0")),
}
# What JSON and Python have themselves needs no class of ours.
_PLAIN = {
    ".google.protobuf.Timestamp": "datetime",
    ".google.protobuf.Struct": "dict[str, Any]",
    ".google.protobuf.Value": "Any",
}
# What a stream says of itself: the client raises it.
_STATUS = ".google.rpc.Status"
# Path elements of google.protobuf.SourceCodeInfo.
_MESSAGES, _FIELDS, _NESTED = 4, 2, 3
_WIDTH = 116


@dataclass(frozen=True)
class Message:
    """A message of the service's package, with what the proto says of it and of its fields."""

    proto: DescriptorProto
    comment: str
    field_comments: tuple[str, ...]


def source(contract: FileDescriptorSet, service: str, written: Mapping[str, str]) -> str:
    """The module of a service's models. `written` are the client's files, for what is inherited from them."""
    package = f"qmcp.{service}.v1"
    files = [file for file in contract.file if file.package == package]
    messages = {f".{package}.{name}": message for file in files for name, message in _messages(file)}
    inherited = _classes(written.get(f"qmcp/client/{service}/properties.py", ""))
    bodies = [_class(name, messages, inherited) for name in _wanted(files, messages)]
    body = "\n\n".join(bodies)
    imports = [
        "from dataclasses import dataclass" + (", field" if "field(" in body else ""),
        *(["from datetime import datetime"] if "datetime" in body else []),
        *(["from typing import Any"] if "Any" in body else []),
        *([f"from qmcp.client.{service} import properties"] if "(properties." in body else []),
    ]
    title = f'"""The values of {service} as callers see them: the messages of the contract without protobuf."""'
    return "\n".join([HEADER, title, "", *imports, "", body])


def _messages(file: FileDescriptorProto) -> Iterator[tuple[str, Message]]:
    """Every message of a file, nested ones as `Outer.Inner`."""
    comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

    def walk(proto: DescriptorProto, path: tuple[int, ...], prefix: str) -> Iterator[tuple[str, Message]]:
        fields = tuple(_text(comments.get((*path, _FIELDS, index), "")) for index in range(len(proto.field)))
        yield prefix + proto.name, Message(proto, _text(comments.get(path, "")), fields)
        for index, nested in enumerate(proto.nested_type):
            yield from walk(nested, (*path, _NESTED, index), f"{prefix}{proto.name}.")

    for index, proto in enumerate(file.message_type):
        yield from walk(proto, (_MESSAGES, index), "")


def _wanted(files: list[FileDescriptorProto], messages: Mapping[str, Message]) -> list[str]:
    """The messages that what callers send and get is made of, each after those that it needs.

    Requests and responses themselves are the business of the client's methods, and so is what only services call.
    """
    found: list[str] = []

    def visit(name: str) -> None:
        if name not in messages or name in found:
            return
        for field in _shown(messages[name].proto, messages):
            visit(field.type_name)
        if name.rsplit(".", 1)[-1] not in envelopes and not messages[name].proto.options.map_entry:
            found.append(name)

    methods = [method for file in files for service in file.service for method in service.method]
    envelopes = {f"{method.name}{kind}" for method in methods for kind in ("Request", "Response")}
    for method in methods:
        extensions = method.options.Extensions
        if method.options.HasExtension(annotations_pb2.http) or extensions[options_pb2.grpc_only]:
            visit(method.input_type)
            visit(method.output_type)
    return found


def _shown(proto: DescriptorProto, messages: Mapping[str, Message]) -> list[Field]:
    """The fields that callers see: not deprecated ones, nor the empty signs of life of a stream."""

    def is_empty(name: str) -> bool:
        return name in messages and not messages[name].proto.field

    return [
        field
        for field in proto.field
        if not field.options.deprecated
        and not field.options.Extensions[options_pb2.json_of]
        and field.type_name != _STATUS
        and not is_empty(field.type_name)
    ]


def _class(name: str, messages: Mapping[str, Message], inherited: set[str]) -> str:
    message = messages[name]
    shown = {field.name for field in _shown(message.proto, messages)}
    base = f"(properties.{message.proto.name})" if message.proto.name in inherited else ""
    lines = ["@dataclass(frozen=True, slots=True, kw_only=True)", f"class {message.proto.name}{base}:"]
    lines += [f"    {line}" for line in _docstring(message.comment)]
    lines.append("")
    for field, comment in zip(message.proto.field, message.field_comments, strict=True):
        if field.name in shown:
            lines += [f"    # {line}" for line in _wrapped(comment, _WIDTH - 6)]
            lines.append(f"    {field.name}: {_declared(field, messages)}")
    return "\n".join([*lines, ""])


def _declared(field: Field, messages: Mapping[str, Message]) -> str:
    """The type and the default of a field."""
    nested = messages.get(field.type_name)
    if nested is not None and nested.proto.options.map_entry:
        key, value = (_type(part) for part in nested.proto.field)
        return f"dict[{key}, {value}] = field(default_factory=dict)"
    kind = _type(field)
    if field.label == Field.LABEL_REPEATED:
        return f"tuple[{kind}, ...] = ()"
    if kind == "Any":
        return "Any = None"
    if field.type == Field.TYPE_MESSAGE and field.options.Extensions[validate_pb2.field].required:
        return f"{kind} = field(default_factory={kind})"
    if field.type == Field.TYPE_MESSAGE or field.HasField("oneof_index"):
        return f"{kind} | None = None"
    default = _SCALARS[field.type][1]
    # What must not be written down is not shown by repr either.
    return f"{kind} = " + (f"field(default={default}, repr=False)" if field.options.debug_redact else default)


def _type(field: Field) -> str:
    if field.type == Field.TYPE_MESSAGE:
        return _PLAIN.get(field.type_name) or field.type_name.rsplit(".", 1)[-1]
    if field.type not in _SCALARS:
        raise SystemExit(f"{field.name}: the client has no type for {Field.Type.Name(field.type)}")
    return _SCALARS[field.type][0]


def _docstring(comment: str) -> list[str]:
    """The comment as a docstring: the first sentence alone where it fits."""
    text = comment.replace("\\", "\\\\")
    first, *rest = re.split(r"(?<=[.])\s+(?=[A-Z`])", text, maxsplit=1)
    lines = _wrapped(first, _WIDTH - 8)
    if not rest and len(lines) == 1:
        return [f'"""{first}"""']
    more = ["", *_wrapped(rest[0], _WIDTH - 4)] if rest else []
    return [f'"""{lines[0]}', *lines[1:], *more, '"""']


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def _text(comment: str) -> str:
    return " ".join(comment.split())


def _classes(text: str) -> set[str]:
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}
