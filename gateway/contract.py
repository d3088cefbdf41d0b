"""The contract as data: the descriptor set that `make protos` commits, its services, and what its RPCs declare."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from qmcp.options.v1 import options_pb2

from gateway.transcoding import for_transcoder

OURS = "qmcp."
# The name of the file that Envoy reads it from.
DESCRIPTORS = "descriptors.binpb"


def documented() -> bytes:
    """The descriptor set with the comments of our protos in it."""
    return files("qmcp").joinpath(DESCRIPTORS).read_bytes()


def write_descriptors(folder: Path) -> None:
    """Writes the same as Envoy's transcoder takes it."""
    described = for_transcoder(FileDescriptorSet.FromString(documented()))
    (folder / DESCRIPTORS).write_bytes(described.SerializeToString())


@cache
def services() -> tuple[ServiceDescriptor, ...]:
    """Our services in order of their names."""
    pool = DescriptorPool()
    described = FileDescriptorSet.FromString(documented()).file
    for file in described:
        pool.Add(file)
    names = [f"{file.package}.{each.name}" for file in described for each in file.service]
    return tuple(pool.FindServiceByName(name) for name in sorted(names) if name.startswith(OURS))


def short_name(service: ServiceDescriptor) -> str:
    """`tools` of `qmcp.tools.v1.ToolsService`: its folder, its database, its host in a cluster."""
    return str(service.full_name.split(".")[1])


def option(method: MethodDescriptor, extension: Any) -> Any:
    """What an RPC declares by an option."""
    # A pool of one's own has option classes of its own; parsed anew they are those that the extensions belong to.
    declared: Any = MethodOptions.FromString(method.GetOptions().SerializeToString())
    return declared.Extensions[extension]


def bindings(method: MethodDescriptor) -> list[HttpRule]:
    """The HTTP bindings of an RPC, the first and the additional ones; none where the edge does not lead to it."""
    first: HttpRule = option(method, annotations_pb2.http)
    return [first, *first.additional_bindings] if first.WhichOneof("pattern") else []


def at_edge(service: ServiceDescriptor) -> list[MethodDescriptor]:
    """The RPCs that the edge leads to, over HTTP or over gRPC alone; the others are for services only."""
    return [method for method in service.methods if bindings(method) or option(method, options_pb2.grpc_only)]


def verb_and_template(rule: HttpRule) -> tuple[str, str]:
    """`get` and `/v1/tools/{name=**}`."""
    verb = rule.WhichOneof("pattern")
    if verb is None or verb == "custom":
        raise ValueError(f"an HTTP rule without a plain method: {rule}")
    return verb, getattr(rule, verb)


def original_routes(services: Sequence[ServiceDescriptor]) -> list[str]:
    """The routes that original systems had, as the contract writes them: `POST /v1/tools/{name}`."""
    declared = (option(method, options_pb2.original_route) for service in services for method in service.methods)
    return [route for routes in declared for route in routes]


def original_errors(services: Sequence[ServiceDescriptor]) -> dict[str, str]:
    """Of these, those whose errors had a code: and the header by which their clients know the id of the request."""
    found: dict[str, str] = {}
    for method in (method for service in services for method in service.methods):
        header = option(method, options_pb2.original_errors).request_id_header
        if header:
            found |= dict.fromkeys(option(method, options_pb2.original_route), header)
    return found


def response_headers(services: Sequence[ServiceDescriptor]) -> list[str]:
    """The headers that answers of single RPCs have, in small letters, in order."""
    declared = (option(method, options_pb2.response_header) for service in services for method in service.methods)
    named = {name.lower() for names in declared for name in names}
    return sorted(named | {name.lower() for name in original_errors(services).values()})


def idempotency_level(method: MethodDescriptor) -> int:
    """NO_SIDE_EFFECTS, IDEMPOTENT, or neither."""
    return int(MethodOptions.FromString(method.GetOptions().SerializeToString()).idempotency_level)


def call_kind(method: MethodDescriptor) -> "options_pb2.CallKind":
    """How long it may take."""
    kind: options_pb2.CallKind = option(method, options_pb2.call_kind)
    return kind
