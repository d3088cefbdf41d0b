"""The descriptor set as something to walk: services, reasons, rules of fields, and the comments that document them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumValueOptions,
    FieldOptions,
    FileDescriptorProto,
    FileDescriptorSet,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import code_pb2
from qmcp.options.v1 import options_pb2

from gateway.contract import bindings

ERROR_REASON = "ErrorReason"
COMMON_REASON = "qmcp.options.v1.CommonReason"

# Numbers of fields within descriptor.proto: the steps of which a comment's path is made.
MESSAGES, ENUMS, SERVICES = 4, 5, 6
FIELDS, NESTED, NESTED_ENUMS = 2, 3, 4
METHODS = VALUES = 2


@dataclass(frozen=True)
class Reason:
    """One declared reason of an error."""

    name: str
    # The gRPC code that it comes with, `NOT_FOUND`; `OK` where no call fails with it.
    code: str
    meaning: str
    # The HTTP status where it is another than the code's own; else 0.
    http_status: int


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
                if any(bindings(method) for method in found.methods):
                    yield found

    def common_reasons(self) -> list[Reason]:
        """The reasons that every service has."""
        return self._reasons(COMMON_REASON, "COMMON_REASON_")

    def reasons(self, package: str) -> list[Reason]:
        """The reasons that a package declares."""
        return self._reasons(f"{package}.{ERROR_REASON}", "ERROR_REASON_")

    def _reasons(self, enum: str, prefix: str) -> list[Reason]:
        declared = []
        for value in self._pool.FindEnumTypeByName(enum).values:
            options: Any = EnumValueOptions.FromString(value.GetOptions().SerializeToString())
            declared.append(
                Reason(
                    name=value.name.removeprefix(prefix),
                    code=code_pb2.Code.Name(options.Extensions[options_pb2.code]),
                    # The values of an enum are named beside it, not within it.
                    meaning=self.comment(f"{enum.rpartition('.')[0]}.{value.name}"),
                    http_status=options.Extensions[options_pb2.http_status],
                )
            )
        return declared[1:]


def constraints(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """The buf.validate rules of a field."""
    extensions: Any = field.GetOptions().Extensions
    found: validate_pb2.FieldRules = extensions[validate_pb2.field]
    return found


def null_where_empty(field: FieldDescriptor) -> bool:
    """Whether an original's route shows null where the field is empty."""
    options: Any = FieldOptions.FromString(field.GetOptions().SerializeToString())
    return bool(options.Extensions[options_pb2.original_empty] == options_pb2.ORIGINAL_EMPTY_NULL)


def is_for_grpc_alone(field: FieldDescriptor) -> bool:
    """Whether it carries another field's document, which over HTTP stands in its own place."""
    extensions: Any = field.GetOptions().Extensions
    return bool(extensions[options_pb2.json_of])


def takes_scalars(field: FieldDescriptor) -> bool:
    """Whether it is a map of strings whose values may come as numbers, true or false."""
    extensions: Any = field.GetOptions().Extensions
    return bool(extensions[options_pb2.json_scalars])


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
