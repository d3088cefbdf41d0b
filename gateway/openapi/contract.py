"""The descriptor set as something to walk: services, rules, options, and the comments that document them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from buf.validate import validate_pb2
from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from qmcp.options.v1 import options_pb2

ERROR_REASON = "ErrorReason"
# `NOT_FOUND. What it means.`, `FAILED_PRECONDITION (410 over HTTP). What it means.`
REASON = re.compile(r"([A-Z_]+)(?: \((\d{3}) over HTTP\))?\. (.*)", re.DOTALL)

# Numbers of fields within descriptor.proto: the steps of which a comment's path is made.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS, NESTED, NESTED_ENUMS = 2, 3, 4
METHODS = VALUES = 2


@dataclass(frozen=True)
class Reason:
    """One declared reason of an error."""

    name: str
    number: int
    # gRPC code as error_reason.proto names it, `NOT_FOUND`.
    code: str
    meaning: str
    # The HTTP status where it is another than the code's own: `FAILED_PRECONDITION (410 over HTTP)`; else 0.
    http_status: int = 0


class Contract:
    """Everything that the document is made from."""

    def __init__(self, descriptor_set: bytes) -> None:
        files = FileDescriptorSet.FromString(descriptor_set).file
        self._pool = DescriptorPool()
        self._comments: dict[str, str] = {}
        self._files = list(files)
        for file in files:
            self._pool.Add(file)
            self._comments.update(_comments(file))

    def comment(self, full_name: str) -> str:
        """The comment above an element of the protos, without line breaks within a paragraph; empty where none."""
        return self._comments.get(full_name, "")

    def services(self) -> Iterator[ServiceDescriptor]:
        """Every service that HTTP reaches."""
        for file in self._files:
            for service in file.service:
                found = self._pool.FindServiceByName(f"{file.package}.{service.name}")
                if any(rules(method) for method in found.methods):
                    yield found

    def reasons(self, package: str) -> list[Reason]:
        """The reasons that a package declares, each with the code its comment begins with."""
        found = []
        for value in self._pool.FindEnumTypeByName(f"{package}.{ERROR_REASON}").values:
            declared = REASON.fullmatch(self.comment(f"{package}.{value.name}"))
            if declared:
                name = value.name.removeprefix("ERROR_REASON_")
                found.append(Reason(name, value.number, declared[1], declared[3], int(declared[2] or 0)))
        return found


def rules(method: MethodDescriptor) -> list[HttpRule]:
    """The HTTP bindings of an RPC: the first and the additional ones."""
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    first: HttpRule = options.Extensions[annotations_pb2.http]
    return [first, *first.additional_bindings]


def permission(method: MethodDescriptor) -> str:
    """The permission that an RPC declares; empty where it declares none."""
    extensions: Any = method.GetOptions().Extensions
    return str(extensions[options_pb2.permission])


def constraints(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """The buf.validate rules of a field."""
    extensions: Any = field.GetOptions().Extensions
    found: validate_pb2.FieldRules = extensions[validate_pb2.field]
    return found


def _comments(file: FileDescriptorProto) -> dict[str, str]:
    names: dict[tuple[int, ...], str] = {}
    for number, message in enumerate(file.message_type):
        _name_message(names, (MESSAGES, number), f"{file.package}.{message.name}", message)
    for number, enum in enumerate(file.enum_type):
        # The values of an enum are named beside it, not within it.
        for place, value in enumerate(enum.value):
            names[ENUMS, number, VALUES, place] = f"{file.package}.{value.name}"
    for number, service in enumerate(file.service):
        names[SERVICES, number] = f"{file.package}.{service.name}"
        for place, method in enumerate(service.method):
            names[SERVICES, number, METHODS, place] = f"{file.package}.{service.name}.{method.name}"
    return {
        names[tuple(location.path)]: _flowing(location.leading_comments)
        for location in file.source_code_info.location
        if tuple(location.path) in names
    }


def _name_message(
    names: dict[tuple[int, ...], str], path: tuple[int, ...], name: str, message: DescriptorProto
) -> None:
    names[path] = name
    for place, field in enumerate(message.field):
        names[*path, FIELDS, place] = f"{name}.{field.name}"
    for place, nested in enumerate(message.nested_type):
        _name_message(names, (*path, NESTED, place), f"{name}.{nested.name}", nested)


def _flowing(comment: str) -> str:
    paragraphs = comment.strip().split("\n\n")
    return "\n\n".join(" ".join(line.strip() for line in paragraph.splitlines()) for paragraph in paragraphs)
