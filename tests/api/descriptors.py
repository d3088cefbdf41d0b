"""The contract as the rules see it: our files with their comments, services, messages and fields."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from buf.validate import validate_pb2
from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import (
    Descriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import code_pb2
from qmcp.options.v1 import options_pb2

ROOT = Path(__file__).resolve().parents[2]
OURS = "qmcp/"
# google/protobuf/descriptor.proto's numbers, by which source information says where an element stands.
MESSAGES, ENUMS, SERVICES, EXTENSIONS = 4, 5, 6, 7
FIELDS, NESTED_MESSAGES, NESTED_ENUMS, ONEOFS, METHODS, VALUES = 2, 3, 4, 8, 2, 2
# What our services share with no domain: the rules for services hold for packages with one.
SERVICE_FILE = re.compile(r"qmcp/([a-z]+)/v1/\1_service\.proto")


@dataclass(frozen=True)
class Element:
    """Something that a proto file defines: its full name, what it is, what it says about itself, where it stands."""

    name: str
    kind: str
    comment: str
    line: int


@cache
def image() -> bytes:
    """The descriptor set with comments, built from the protos as they are now."""
    with TemporaryDirectory() as folder:
        return build(ROOT / "protos", Path(folder) / "image.binpb")


def build(protos: Path, target: Path) -> bytes:
    """The descriptor set of a folder of protos, made by that folder's own generator."""
    subprocess.run([sys.executable, str(protos / "generate.py"), "documented", str(target)], check=True)
    return target.read_bytes()


@cache
def file_protos() -> tuple[FileDescriptorProto, ...]:
    """Our files, as protoc describes them."""
    return tuple(file for file in FileDescriptorSet.FromString(image()).file if file.name.startswith(OURS))


@cache
def pool() -> DescriptorPool:
    """All files, linked."""
    linked = DescriptorPool()
    for file in FileDescriptorSet.FromString(image()).file:
        linked.Add(file)
    return linked


def files() -> list[FileDescriptor]:
    """Our files, linked."""
    return [pool().FindFileByName(file.name) for file in file_protos()]


def services() -> list[ServiceDescriptor]:
    """Every service of ours."""
    return [service for file in files() for service in file.services_by_name.values()]


def methods() -> list[MethodDescriptor]:
    """Every RPC of ours."""
    return [method for service in services() for method in service.methods]


def messages() -> list[Descriptor]:
    """Every message of ours, nested ones too, those of maps left out."""
    found: list[Descriptor] = []

    def visit(message: Descriptor) -> None:
        if message.GetOptions().map_entry:
            return
        found.append(message)
        for nested in message.nested_types:
            visit(nested)

    for file in files():
        for message in file.message_types_by_name.values():
            visit(message)
    return found


def reachable(message: Descriptor) -> list[Descriptor]:
    """The message and all of ours that it holds; maps are fields, not messages."""
    found: dict[str, Descriptor] = {}

    def visit(each: Descriptor) -> None:
        if each.full_name in found or not each.full_name.startswith("qmcp.") or each.GetOptions().map_entry:
            return
        found[each.full_name] = each
        for field in each.fields:
            if field.message_type is not None:
                visit(field.message_type)

    visit(message)
    return list(found.values())


def http(method: MethodDescriptor) -> HttpRule:
    """The HTTP binding."""
    return _options(method, annotations_pb2.http)


def permission(method: MethodDescriptor) -> str:
    """`<service>.<verb>`."""
    return str(_options(method, options_pb2.permission))


def declared(method: MethodDescriptor, extension: Any) -> Any:
    """What an RPC declares by one of our options."""
    return _options(method, extension)


def idempotency_level(method: MethodDescriptor) -> str:
    """`NO_SIDE_EFFECTS`, `IDEMPOTENT` or `IDEMPOTENCY_UNKNOWN`."""
    options = MethodOptions.FromString(method.GetOptions().SerializeToString())
    return str(MethodOptions.IdempotencyLevel.Name(options.idempotency_level))


def code(reason: EnumValueDescriptor) -> str:
    """The gRPC code that a reason comes with; `OK` where no call fails with it."""
    return str(code_pb2.Code.Name(_options(reason, options_pb2.code)))


def rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """What buf.validate demands of a field."""
    return _options(field, validate_pb2.field)


def text_of(field: FieldDescriptor) -> str:
    """The field beside it whose JSON it carries as text; empty where it carries none."""
    return str(_options(field, options_pb2.json_of))


def marked(field: FieldDescriptor, extension: Any) -> bool:
    """Whether a field declares this of itself."""
    return bool(_options(field, extension))


def _options(descriptor: Any, extension: Any) -> Any:
    # A pool of one's own has option classes of its own; parsed anew they are those that the extensions belong to.
    options = descriptor.GetOptions()
    known = {
        "google.protobuf.MethodOptions": annotations_pb2.http.containing_type,
        "google.protobuf.FieldOptions": validate_pb2.field.containing_type,
        "google.protobuf.EnumValueOptions": options_pb2.code.containing_type,
    }[options.DESCRIPTOR.full_name]
    return known._concrete_class.FromString(options.SerializeToString()).Extensions[extension]


def elements(file: FileDescriptorProto) -> Iterator[Element]:
    """Everything that a file defines, with its comment."""
    walk = _Walk(file)
    for number, service in enumerate(file.service):
        yield from walk.service(service, (SERVICES, number))
    for number, message in enumerate(file.message_type):
        yield from walk.message(message, (MESSAGES, number), file.package)
    for number, enum in enumerate(file.enum_type):
        yield from walk.enum(enum, (ENUMS, number), file.package)
    for number, extension in enumerate(file.extension):
        yield walk.element("extension", f"{file.package}.{extension.name}", (EXTENSIONS, number))


class _Walk:
    """Goes through a file by the paths under which its comments are kept."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._package = file.package
        self._locations = {tuple(location.path): location for location in file.source_code_info.location}

    def element(self, kind: str, name: str, path: tuple[int, ...]) -> Element:
        location = self._locations[path]
        return Element(name, kind, (location.leading_comments or location.trailing_comments).strip(), location.span[0])

    def service(self, service: Any, path: tuple[int, ...]) -> Iterator[Element]:
        name = f"{self._package}.{service.name}"
        yield self.element("service", name, path)
        for number, method in enumerate(service.method):
            yield self.element("rpc", f"{name}.{method.name}", (*path, METHODS, number))

    def message(self, message: Any, path: tuple[int, ...], outer: str) -> Iterator[Element]:
        name = f"{outer}.{message.name}"
        yield self.element("message", name, path)
        for number, field in enumerate(message.field):
            yield self.element("field", f"{name}.{field.name}", (*path, FIELDS, number))
        for number, oneof in enumerate(message.oneof_decl):
            # `optional` makes a oneof of its own, which stands nowhere.
            if (*path, ONEOFS, number) in self._locations:
                yield self.element("oneof", f"{name}.{oneof.name}", (*path, ONEOFS, number))
        for number, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                yield from self.message(nested, (*path, NESTED_MESSAGES, number), name)
        for number, nested in enumerate(message.enum_type):
            yield from self.enum(nested, (*path, NESTED_ENUMS, number), name)

    def enum(self, enum: Any, path: tuple[int, ...], outer: str) -> Iterator[Element]:
        yield self.element("enum", f"{outer}.{enum.name}", path)
        for number, value in enumerate(enum.value):
            yield self.element("value", f"{outer}.{enum.name}.{value.name}", (*path, VALUES, number))
